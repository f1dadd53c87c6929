"""A line of the grants as one sentence of both languages: who may go where, and when (pure)."""

from collections.abc import Iterable, Sequence

from doorward.policy import Direction
from doorward_controller.domain.difference_words import Sentence, say_when
from doorward_controller.domain.rule_book import GrantLine, SpanRule
from doorward_controller.domain.schedule_form import week_of
from doorward_controller.domain.weekly_rights import Stretch

MAX_PORTALS = 4
_NEVER = Sentence(en="never", zh="从不")


def say_grant(line: GrantLine, spans: Iterable[SpanRule], portals: Sequence[str]) -> Sentence:
    """Returns "staff may enter gate-3 on Mondays to Fridays 07:00-19:00".

    Args:
        line: who, where, which way, how often.
        spans: when its schedule is open.
        portals: that it opens; named where they are few, the zone where they are many.
    """
    where = _places(line.zone, portals)
    when = say_schedule(spans)
    verb_en, act_zh = _VERBS[line.way]
    more = _more(line)
    return Sentence(
        en=f"{line.group} may {verb_en} {where.en} {when.en}{more.en}",
        zh=f"{line.group} 可在{when.zh.rstrip()} {act_zh.format(where.zh)}{more.zh}",
    )


def say_schedule(spans: Iterable[SpanRule]) -> Sentence:
    """Returns "on Mondays to Fridays 07:00-19:00"."""
    found = tuple(
        Stretch(int(row.day), bar.from_min, bar.to_min)
        for row in week_of(spans)
        for bar in row.bars
    )
    return say_when(found) if found else _NEVER


def _places(zone: str, portals: Sequence[str]) -> Sentence:
    if not portals:
        return Sentence(en=f"zone {zone}, which has no portal yet,", zh=f"区域 {zone}（尚无通道）")
    if len(portals) > MAX_PORTALS:
        return Sentence(
            en=f"the {len(portals):,} portals of zone {zone}",
            zh=f"区域 {zone} 的 {len(portals):,} 个通道",
        )
    *others, last = portals
    en = f"{', '.join(others)} and {last}" if others else last
    return Sentence(en=en, zh="、".join(portals))


def _more(line: GrantLine) -> Sentence:
    en, zh = [], []
    if line.qualifications:
        named = ", ".join(line.qualifications)
        en.append(f"with {named}")
        zh.append(f"须具备 {named}")
    if line.per_day:
        en.append(f"{_times(line.per_day)} a day at most")
        zh.append(f"每天最多 {line.per_day} 次")
    if line.per_visit:
        en.append(f"{_times(line.per_visit)} a visit at most")
        zh.append(f"每次来访最多 {line.per_visit} 次")
    return Sentence(en="".join(f", {each}" for each in en), zh="".join(f"，{each}" for each in zh))


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


_VERBS = {
    Direction.BOTH: ("pass", "通行 {}"),
    Direction.ENTRY: ("enter by", "从 {} 进入"),
    Direction.EXIT: ("leave by", "从 {} 离开"),
}
