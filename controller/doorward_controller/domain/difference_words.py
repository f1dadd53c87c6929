"""Differences between two policies as sentences, in English and Chinese (pure)."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from doorward.policy import Direction
from doorward.policy_needs import Effect
from doorward.schedule import DAY_MIN, DayType
from doorward_controller.domain.policy_differences import RightsChange, RosterChange
from doorward_controller.domain.rule_changes import How, NamedChange, Thing, clock
from doorward_controller.domain.software_age import TooOld
from doorward_controller.domain.weekly_rights import Pattern

MAX_NAMES = 5
MAX_PIECES = 4
_ALL_DAYS = frozenset(range(8))
_WEEK = frozenset(range(7))
_DAYS_EN = (
    "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays",
    "public holidays",
)  # fmt: skip
_DAYS_ZH = ("周一", "周二", "周三", "周四", "周五", "周六", "周日", "节假日")
_DIGITS = "1234567H"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence, twice."""

    en: str
    zh: str


def say_rights(change: RightsChange) -> Sentence:
    """Returns "37 people lose gate-3 on Sundays"."""
    when, portals = say_when(change.when), _list_of(change.portals)
    out = change.way is Direction.EXIT
    verb = ("lose" if change.is_loss else "gain") + ("s" if change.people == 1 else "")
    who = "1 person" if change.people == 1 else f"{change.people:,} people"
    way = "the way out through " if out else ""
    verb_zh = "失去" if change.is_loss else "获得"
    act_zh = "经由" if out else "通行"
    end_zh = "离开的权限" if out else "的权限"
    return Sentence(
        en=f"{who} {verb} {way}{portals.en} {when.en}",
        zh=f"{change.people:,} 人{verb_zh}{when.zh}{act_zh} {portals.zh} {end_zh}",
    )


def say_when(pattern: Pattern) -> Sentence:
    """Returns "on Sundays", "on Mondays to Fridays 22:00-24:00", "at all times"."""
    days_of: dict[tuple[int, int], set[int]] = defaultdict(set)
    for piece in pattern:
        days_of[piece.from_min, piece.to_min].add(piece.day)
    if dict(days_of) == {(0, DAY_MIN): _ALL_DAYS}:
        return Sentence(en="at all times", zh="任何时间")
    said = [
        _say_days_and_hours(frozenset(days), hours)
        for hours, days in sorted(days_of.items(), key=lambda item: (min(item[1]), item[0]))
    ]
    more = Sentence(en=" and at other times", zh="等时间") if len(said) > MAX_PIECES else None
    shown = said[:MAX_PIECES]
    return Sentence(
        en=", ".join(each.en for each in shown) + (more.en if more else ""),
        zh="、".join(each.zh for each in shown) + (more.zh if more else ""),
    )


def say_named(change: NamedChange) -> Sentence:
    """Returns "Schedule night ends at 22:00 instead of 23:00", "New group guests"."""
    if change.thing is Thing.SCHEDULE and change.how is How.CHANGED:
        return _say_schedule(change)
    name = _THINGS[change.thing]
    about = f"{change.name} {change.item}".strip() if change.thing is Thing.GRANT else change.name
    if change.thing in _OF_RULES:
        return _say_item(change, name)
    match change.how:
        case How.ADDED:
            value = _value(change.thing, change.after)
            return Sentence(
                en=f"New {name.en} {about}{_in_brackets(value.en)}",
                zh=f"新增{name.zh} {about}{_in_brackets(value.zh)}",
            )
        case How.REMOVED:
            return Sentence(
                en=f"{_capital(name.en)} {about} is removed", zh=f"删除{name.zh} {about}"
            )
        case How.CHANGED:
            was, will = _value(change.thing, change.before), _value(change.thing, change.after)
            return Sentence(
                en=f"{_capital(name.en)} {about}: {will.en or '–'} instead of {was.en or '–'}",
                zh=f"{name.zh} {about}：由{was.zh or '–'}改为{will.zh or '–'}",
            )


def say_roster(change: RosterChange) -> Sequence[Sentence]:
    """Returns how the list of people changes, one sentence for each kind of change."""
    found = []
    if change.listed:
        found.append(
            Sentence(
                en=f"{_codes(change.listed)} listed that the gates do not list yet",
                zh=f"{change.listed:,} 个通行码首次列入名单",
            )
        )
    if change.unlisted:
        found.append(
            Sentence(
                en=f"{_codes(change.unlisted)} no longer listed: expired",
                zh=f"{change.unlisted:,} 个通行码已过期，移出名单",
            )
        )
    if change.changed:
        found.append(
            Sentence(
                en=f"{_codes(change.changed)} listed with other groups, qualifications or days",
                zh=f"{change.changed:,} 个通行码的人员组、资质或有效期有变化",
            )
        )
    return found


def say_too_old(found: TooOld) -> Sentence:
    """Returns "gate-7 has 0.0.9 and needs 0.1.0: it will refuse the whole release"."""
    fields, where = ", ".join(found.fields), _list_of(found.where)
    refuses = found.effect is Effect.REFUSE
    has = found.software or "software that nobody knows"
    has_zh = found.software or "未知版本"
    will = (
        "it will refuse the whole release and go on with the one that it has"
        if refuses
        else "it will take the release and ignore this"
    )
    will_zh = "将整体拒绝此次发布，继续使用现有版本" if refuses else "会接受此次发布，但忽略该设置"
    return Sentence(
        en=f"{found.gateway} has {has} and needs {found.needs} for {fields} ({where.en}): {will}",
        zh=f"{found.gateway} 的软件为 {has_zh}，{where.zh} 使用的 {fields}"
        f" 需要 {found.needs}：{will_zh}",
    )


def _say_days_and_hours(days: frozenset[int], hours: tuple[int, int]) -> Sentence:
    said = say_days(days)
    if hours == (0, DAY_MIN):
        return said
    span = f"{clock(hours[0])}–{clock(hours[1])}"
    return Sentence(en=f"{said.en} {span}", zh=f"{said.zh} {span} ")


def say_days(days: frozenset[int]) -> Sentence:
    """Returns "on Mondays to Fridays", "every day"."""
    if days == _ALL_DAYS:
        return Sentence(en="every day", zh="每天（含节假日）")
    if days == _WEEK:
        return Sentence(en="every day but public holidays", zh="每天（节假日除外）")
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1 and day != DayType.HOLIDAY:
            runs[-1].append(day)
        else:
            runs.append([day])
    parts_en, parts_zh = [], []
    for run in runs:
        if len(run) > 2:
            parts_en.append(f"{_DAYS_EN[run[0]]} to {_DAYS_EN[run[-1]]}")
            parts_zh.append(f"{_DAYS_ZH[run[0]]}至{_DAYS_ZH[run[-1]]}")
        else:
            parts_en += [_DAYS_EN[day] for day in run]
            parts_zh += [_DAYS_ZH[day] for day in run]
    return Sentence(en="on " + _and(parts_en), zh="、".join(parts_zh))


def _say_schedule(change: NamedChange) -> Sentence:
    """Where one end of one span moved, just that is said."""
    was, will = change.before.split("; "), change.after.split("; ")
    name = change.name
    moved = [(a, b) for a, b in zip(was, will, strict=False) if a != b]
    if len(was) == len(will) and len(moved) == 1:
        (days, begin, end), (new_days, new_begin, new_end) = map(_parts, moved[0])
        if (days, begin) == (new_days, new_begin):
            return Sentence(
                en=f"Schedule {name} ends at {new_end} instead of {end}",
                zh=f"时段 {name} 的结束时间由 {end} 改为 {new_end}",
            )
        if (days, end) == (new_days, new_end):
            return Sentence(
                en=f"Schedule {name} begins at {new_begin} instead of {begin}",
                zh=f"时段 {name} 的开始时间由 {begin} 改为 {new_begin}",
            )
    before, after = _say_spans(change.before), _say_spans(change.after)
    return Sentence(
        en=f"Schedule {name} is open {after.en} instead of {before.en}",
        zh=f"时段 {name} 由{before.zh}改为{after.zh}",
    )


def _say_spans(text: str) -> Sentence:
    said = []
    for piece in filter(None, text.split("; ")):
        days, begin, end = _parts(piece)
        days_said = say_days(frozenset(_DIGITS.index(digit) for digit in days))
        said.append(
            Sentence(en=f"{days_said.en} {begin}–{end}", zh=f"{days_said.zh} {begin}–{end}")
        )
    if not said:
        return Sentence(en="never", zh="从不开放")
    return Sentence(en=", ".join(each.en for each in said), zh="、".join(each.zh for each in said))


def _parts(piece: str) -> tuple[str, str, str]:
    days, _, hours = piece.partition(" ")
    begin, _, end = hours.partition("-")
    return days, begin, end


def _say_item(change: NamedChange, name: Sentence) -> Sentence:
    item = _ITEMS.get(change.item) or Sentence(en=change.item, zh=change.item)
    place_en = f"{_capital(name.en)} {change.name}" if name.en else "The site"
    place_zh = f"{name.zh} {change.name}" if name.zh else "本站点"
    was, will = (_WORDS.get(t) or Sentence(en=t, zh=t) for t in (change.before, change.after))
    none = _DEFAULT
    return Sentence(
        en=f"{place_en}: {item.en} {will.en or none.en} instead of {was.en or none.en}",
        zh=f"{place_zh}：{item.zh}由{was.zh or none.zh}改为{will.zh or none.zh}",
    )


def _value(thing: Thing, text: str) -> Sentence:
    if thing is Thing.SCHEDULE:
        return _say_spans(text)
    return _WORDS.get(text) or Sentence(en=text, zh=text)


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _list_of(names: Sequence[str]) -> Sentence:
    shown, rest = names[:MAX_NAMES], len(names) - MAX_NAMES
    if rest <= 0:
        return Sentence(en=_and(list(shown)), zh="、".join(shown))
    return Sentence(
        en=f"{', '.join(shown)} and {rest} more portals",
        zh=f"{'、'.join(shown)} 等 {len(names)} 个通道",
    )


def _and(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def _codes(count: int) -> str:
    return "1 code is" if count == 1 else f"{count:,} codes are"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_both: Callable[[str, str], Sentence] = lambda en, zh: Sentence(en=en, zh=zh)  # noqa: E731  # a table's short name

_DEFAULT = _both("the default", "默认值")
_THINGS: Mapping[Thing, Sentence] = {
    Thing.ZONE: _both("zone", "区域"),
    Thing.GROUP: _both("group", "人员组"),
    Thing.QUALIFICATION: _both("qualification", "资质"),
    Thing.SCHEDULE: _both("schedule", "时段"),
    Thing.GRANT: _both("rule", "规则"),
    Thing.PORTAL: _both("portal", "通道"),
    Thing.PORTAL_RULE: _both("portal", "通道"),
    Thing.GROUP_RULE: _both("group", "人员组"),
    Thing.ZONE_RULE: _both("zone", "区域"),
    Thing.CLASS: _both("class", "类别"),
    Thing.DAY: _both("calendar day", "日历日期"),
    Thing.SITE: _both("", ""),
}
_OF_RULES = frozenset({Thing.PORTAL_RULE, Thing.GROUP_RULE, Thing.ZONE_RULE, Thing.SITE})
_ITEMS: Mapping[str, Sentence] = {
    "gateway": _both("gateway", "网关"),
    "direction": _both("direction", "方向"),
    "pulse_ms": _both("release time in ms", "开锁时长（毫秒）"),
    "posture": _both("posture", "状态"),
    "posture_rank": _both("rank that passes a lockdown", "封锁时可通行的级别"),
    "posture_until": _both("end of the posture", "状态截止时间"),
    "unlisted": _both("codes that are not listed", "未列入名单的码"),
    "clock_untrusted": _both("while the clock is not trusted", "时钟不可信时"),
    "max_age_s": _both("greatest age of the rules in s", "规则最长有效期（秒）"),
    "stale": _both("when the rules are too old", "规则过期时"),
    "foreign": _both("linked codes of others", "已关联的外部码"),
    "qualifications": _both("needed qualifications", "所需资质"),
    "unlock": _both("stands free during", "自由通行时段"),
    "unlock_after_first": _both("free only after the first grant", "首次放行后才自由通行"),
    "antipassback": _both("anti-passback", "反潜回"),
    "antipassback_s": _both("anti-passback time in s", "反潜回时间（秒）"),
    "presence_unknown": _both("when presence is not known", "在场情况未知时"),
    "min_interval_s": _both("least interval in s", "最短间隔（秒）"),
    "escorted": _both("groups that need an escort", "需陪同的人员组"),
    "escorts": _both("groups that escort", "可陪同的人员组"),
    "escort_leads": _both("most people that one escort leads", "每位陪同人最多带领人数"),
    "two_persons": _both("two persons", "双人通行"),
    "wait_s": _both("waits for the second person in s", "等待第二人（秒）"),
    "interlock": _both("interlocked with", "互锁通道"),
    "rank": _both("rank", "级别"),
    "is_duress": _both("signals duress", "胁迫信号"),
    "is_once": _both("passes once", "仅可通行一次"),
    "is_exempt": _both("not held up by presence", "不受在场规则限制"),
    "within": _both("lies within", "所属区域"),
    "at_most": _both("most people inside", "最多人数"),
    "per_day": _both("most entries of one person a day", "每人每天最多进入次数"),
    "per_visit": _both("most entries of one person a visit", "每人每次来访最多进入次数"),
    "time_zone": _both("time zone", "时区"),
    "forget_s": _both("presence is forgotten after s", "在场记录保留（秒）"),
}
_WORDS: Mapping[str, Sentence] = {
    "": _both("", ""),
    "yes": _both("yes", "是"),
    "no": _both("no", "否"),
    "deny": _both("refused", "拒绝"),
    "allow": _both("let pass", "放行"),
    "by_class": _both("count by class", "按类别"),
    "entry": _both("entry", "进入"),
    "exit": _both("exit", "离开"),
    "both": _both("both ways", "双向"),
    "normal": _both("normal", "正常"),
    "free": _both("free passage", "自由通行"),
    "closed": _both("closed", "关闭"),
    "lockdown": _both("lockdown", "封锁"),
    "holiday": _both("public holiday", "节假日"),
    "monday": _both("as a Monday", "按周一"),
    "tuesday": _both("as a Tuesday", "按周二"),
    "wednesday": _both("as a Wednesday", "按周三"),
    "thursday": _both("as a Thursday", "按周四"),
    "friday": _both("as a Friday", "按周五"),
    "saturday": _both("as a Saturday", "按周六"),
    "sunday": _both("as a Sunday", "按周日"),
    "off": _both("off", "关"),
    "soft": _both("noted only", "仅记录"),
    "hard": _both("refused", "拒绝"),
    "timed": _both("refused for a while", "限时拒绝"),
    "last_known": _both("by what was last known", "按最后所知"),
}
