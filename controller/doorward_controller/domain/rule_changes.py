"""What two policies call differently: zones, groups, schedules, portals and their rules (pure).

Everything is compared by name, so that an index that moved is no change.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import Enum, StrEnum

from doorward.policy import Policy, PortalRule
from doorward.schedule import DayType, Schedule, Span

_EPOCH = date(1970, 1, 1)
_SAID_ELSEWHERE = frozenset({"zone", "beyond", "unlock", "qualifications", "escorted", "escorts"})


class Thing(StrEnum):
    """What is called differently. The names stand in the interface and are never reused."""

    ZONE = "zone"
    GROUP = "group"
    QUALIFICATION = "qualification"
    SCHEDULE = "schedule"
    GRANT = "grant"
    PORTAL = "portal"
    PORTAL_RULE = "portal_rule"
    GROUP_RULE = "group_rule"
    ZONE_RULE = "zone_rule"
    CLASS = "class"
    DAY = "day"
    SITE = "site"


class How(StrEnum):
    """What became of it."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedChange:
    """One thing that is called differently.

    Attributes:
        name: of the thing; of a rule that of its portal, group or zone.
        item: which rule of it; empty for the thing itself.
        before, after: as text; empty where there is none.
    """

    thing: Thing
    how: How
    name: str
    item: str = ""
    before: str = ""
    after: str = ""


def rule_changes(before: Policy | None, after: Policy) -> tuple[NamedChange, ...]:
    """Returns every difference but those of the roster; all is new before the first release."""
    found: list[NamedChange] = []
    for thing, read in _READERS:
        was = read(before) if before else {}
        found += _compared(thing, was, read(after))
    return tuple(found)


def spans_text(schedule: Schedule) -> str:
    """Returns a schedule as "Mon-Fri 08:00-18:00; Sat 08:00-12:00"."""
    return "; ".join(map(span_text, schedule.spans))


def span_text(span: Span) -> str:
    """Returns a span as "1-5 08:00-18:00", days by number from Monday, H for holidays."""
    return f"{days_text(span.day_mask)} {clock(span.from_min)}-{clock(span.to_min)}"


def days_text(mask: int) -> str:
    """Returns the days of a mask as digits from Monday (1) on; H is a public holiday."""
    return "".join("1234567H"[day] for day in DayType if mask & 1 << day)


def clock(minute: int) -> str:
    """Returns a minute as 22:00; past midnight goes on counting, as in 26:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


Named = Mapping[tuple[str, str], str]
"""By name and item, as text."""


def _compared(thing: Thing, was: Named, will: Named) -> Iterator[NamedChange]:
    for key in sorted({*was, *will}):
        one, other = was.get(key), will.get(key)
        if one == other:
            continue
        how = How.CHANGED if None not in {one, other} else How.ADDED if one is None else How.REMOVED
        name, item = key
        yield NamedChange(
            thing=thing, how=how, name=name, item=item, before=one or "", after=other or ""
        )


def _names(names: Iterable[str]) -> Named:
    return {(name, ""): "" for name in names}


def _schedules(policy: Policy) -> Named:
    return {(each.name, ""): spans_text(each) for each in policy.schedules}


def _grants(policy: Policy) -> Named:
    """Two lines of the same group, zone and schedule are told apart by their number."""
    found: dict[tuple[str, str], str] = {}
    for (group, zone), lines in policy.grants.items():
        for line in lines:
            name = f"{policy.groups[group]} > {policy.zones[zone]} @ " + (
                policy.schedules[line.schedule].name
            )
            count = sum(key[0] == name for key in found)
            found[name, "" if not count else str(count + 1)] = _text(
                {
                    "way": line.way,
                    "qualifications": [policy.qualifications[n] for n in line.qualifications],
                    "per_day": line.per_day,
                    "per_visit": line.per_visit,
                }
            )
    return found


def _portals(policy: Policy) -> Named:
    return {
        (name, ""): _text({"zone": policy.zones[rule.zone], "beyond": _zone(policy, rule.beyond)})
        for name, rule in policy.portals.items()
    }


def _portal_rules(policy: Policy) -> Named:
    found: dict[tuple[str, str], str] = {}
    for name, rule in policy.portals.items():
        found |= {(name, item): text for item, text in _rule_items(policy, rule)}
    return found


def _rule_items(policy: Policy, rule: PortalRule) -> Iterator[tuple[str, str]]:
    """What is at its default is not said."""
    for each in fields(rule):
        value = getattr(rule, each.name)
        if each.name not in _SAID_ELSEWHERE and value != each.default:
            yield each.name, _text(value)
    if rule.unlock is not None:
        yield "unlock", policy.schedules[rule.unlock].name
    if rule.qualifications:
        yield "qualifications", _text([policy.qualifications[n] for n in rule.qualifications])
    if rule.escorted:
        yield "escorted", _text([policy.groups[n] for n in rule.escorted])
    if rule.escorts:
        yield "escorts", _text([policy.groups[n] for n in rule.escorts])


def _group_rules(policy: Policy) -> Named:
    return {
        (policy.groups[number], each.name): _text(getattr(rule, each.name))
        for number, rule in policy.group_rules.items()
        for each in fields(rule)
        if getattr(rule, each.name) != each.default
    }


def _zone_rules(policy: Policy) -> Named:
    found: dict[tuple[str, str], str] = {}
    for number, rule in policy.zone_rules.items():
        if rule.within is not None:
            found[policy.zones[number], "within"] = policy.zones[rule.within]
        limits = (
            ("at_most", rule.at_most),
            ("per_day", rule.per_day),
            ("per_visit", rule.per_visit),
        )
        found |= {(policy.zones[number], item): str(most) for item, most in limits if most}
    return found


def _classes(policy: Policy) -> Named:
    return {
        (kind.name.lower(), ""): _text(sorted(policy.groups[n] for n in groups))
        for kind, groups in policy.classes.items()
        if groups
    }


def _days(policy: Policy) -> Named:
    return {
        ((_EPOCH + timedelta(days=day)).isoformat(), ""): kind.name.lower()
        for day, kind in policy.time.day_types.items()
    }


def _site(policy: Policy) -> Named:
    return {
        (policy.site, "time_zone"): policy.time.zone,
        (policy.site, "forget_s"): str(policy.forget_s),
    }


_READERS: tuple[tuple[Thing, Callable[[Policy], Named]], ...] = (
    (Thing.ZONE, lambda policy: _names(policy.zones)),
    (Thing.GROUP, lambda policy: _names(policy.groups)),
    (Thing.QUALIFICATION, lambda policy: _names(policy.qualifications)),
    (Thing.SCHEDULE, _schedules),
    (Thing.GRANT, _grants),
    (Thing.PORTAL, _portals),
    (Thing.PORTAL_RULE, _portal_rules),
    (Thing.GROUP_RULE, _group_rules),
    (Thing.ZONE_RULE, _zone_rules),
    (Thing.CLASS, _classes),
    (Thing.DAY, _days),
    (Thing.SITE, _site),
)


def _zone(policy: Policy, number: int | None) -> str:
    return "" if number is None else policy.zones[number]


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {text}" for name, each in value.items() if (text := _text(each)))
    if isinstance(value, (list, tuple)):
        return " ".join(map(_text, value))
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value in {None, 0, ""} else str(value)
