"""The header of a bundle, read whole or not at all (docs/protocol.md §5)."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from doorward.credential import CredentialClass
from doorward.errors import MalformedError
from doorward.foreign import SALT_BYTES
from doorward.ids import PortalId, parse_gateway_id, parse_portal_id, parse_site_id
from doorward.policy_fields import (
    a_bool,
    a_dict,
    a_list,
    names,
    number,
    number_or_none,
    octets,
    schedules,
    site_time,
    text,
)
from doorward.policy_rules import (
    MAX_ENTRIES,
    MAX_LED,
    MAX_RANK,
    NUMBERED_WAYS,
    AntiPassback,
    Direction,
    Foreign,
    GrantRule,
    GroupRule,
    InDoubt,
    PortalRule,
    Posture,
    PresenceDoubt,
    Unlisted,
    ZoneRule,
)

PUBLIC_KEY_BYTES = 32
MAX_DAY_S = 86_400
MAX_WAIT_S = 120
HEADER_KEYS = frozenset(
    {
        "site", "version", "created_at", "keyrings", "time", "calendar", "zones", "zone_rules",
        "groups", "group_rules", "qualifications", "schedules", "grants", "classes",
        "foreign_salt", "portals", "gateways", "forget_s", "tables",
    }
)  # fmt: skip


def parse_header(header: dict[str, Any]) -> dict[str, Any]:
    """Returns the attributes of a `doorward.policy.Policy` that the header holds.

    Raises:
        MalformedError, ValueError: a value is not what its place asks for.
    """
    zones, groups, qualifications = (
        names(header[key], key) for key in ("zones", "groups", "qualifications")
    )
    opening = schedules(header["schedules"])
    within = _Within(len(zones), len(groups), len(opening), len(qualifications))
    portals = {
        parse_portal_id(text(name)): within.portal(rule)
        for name, rule in a_dict(header["portals"], "portals").items()
    }
    _check_interlocks(portals)
    zone_rules = within.zone_rules(header["zone_rules"])
    return {
        "site": parse_site_id(text(header["site"])),
        "version": number(header["version"], "version", minimum=1),
        "created_at": number(header["created_at"], "created_at"),
        "keyrings": tuple(octets(item, "a keyring") for item in a_list(header["keyrings"], "it")),
        "time": site_time(header["time"], header["calendar"]),
        "zones": zones,
        "zone_rules": zone_rules,
        "groups": groups,
        "group_rules": within.group_rules(header["group_rules"]),
        "qualifications": qualifications,
        "schedules": opening,
        "grants": _by_place(within.grant(row) for row in a_list(header["grants"], "grants")),
        "classes": {
            CredentialClass(number(key, "class")): within.some_groups(value, "classes")
            for key, value in a_dict(header["classes"], "classes").items()
        },
        "foreign_salt": octets(header["foreign_salt"], "foreign_salt", 0, SALT_BYTES),
        "portals": portals,
        "gateways": {
            parse_gateway_id(text(name)): octets(key, "a gateway's key", PUBLIC_KEY_BYTES)
            for name, key in a_dict(header["gateways"], "gateways").items()
        },
        "forget_s": number(header["forget_s"], "forget_s", minimum=60, maximum=366 * MAX_DAY_S),
    }


def _by_place(rules: Iterable[GrantRule]) -> dict[tuple[int, int], tuple[GrantRule, ...]]:
    grants: defaultdict[tuple[int, int], list[GrantRule]] = defaultdict(list)
    for grant in rules:
        grants[grant.group, grant.zone].append(grant)
    return {place: tuple(found) for place, found in grants.items()}


@dataclass(frozen=True, slots=True)
class _Within:
    """How many of each there are, so that no index points nowhere."""

    zones: int
    groups: int
    schedules: int
    qualifications: int

    def index(self, value: object, count: int, what: str) -> int:
        """Raises MalformedError for an index of something that is not there."""
        place = number(value, what)
        if place >= count:
            raise MalformedError(f"policy: {what} {place} of {count}")
        return place

    def zone(self, value: object) -> int:
        return self.index(value, self.zones, "zone")

    def zone_or_none(self, value: object) -> int | None:
        return None if value is None else self.zone(value)

    def schedule_or_none(self, value: object) -> int | None:
        return None if value is None else self.index(value, self.schedules, "schedule")

    def some_groups(self, value: object, what: str = "groups") -> tuple[int, ...]:
        return tuple(self.index(item, self.groups, "group") for item in a_list(value, what))

    def some_qualifications(self, value: object) -> tuple[int, ...]:
        return tuple(
            self.index(item, self.qualifications, "qualification")
            for item in a_list(value, "qualifications")
        )

    def grant(self, row: object) -> GrantRule:
        match row:
            case [group, zone, schedule, needed, way, per_day, per_visit]:
                return GrantRule(
                    group=self.index(group, self.groups, "group"),
                    zone=self.zone(zone),
                    schedule=self.index(schedule, self.schedules, "schedule"),
                    qualifications=self.some_qualifications(needed),
                    way=NUMBERED_WAYS[number(way, "way", maximum=len(NUMBERED_WAYS) - 1)],
                    per_day=number(per_day, "entries a day", maximum=MAX_ENTRIES),
                    per_visit=number(per_visit, "entries a visit", maximum=MAX_ENTRIES),
                )
        raise MalformedError(
            "policy: a grant must be"
            " [group, zone, schedule, qualifications, way, entries a day, entries a visit]"
        )

    def group_rules(self, value: object) -> dict[int, GroupRule]:
        return {
            self.index(key, self.groups, "group"): _group_rule(rule)
            for key, rule in a_dict(value, "group_rules").items()
        }

    def zone_rules(self, value: object) -> dict[int, ZoneRule]:
        """Raises MalformedError for zones that lie within themselves, round a corner or not."""
        rules = {
            self.zone(key): self._zone_rule(rule)
            for key, rule in a_dict(value, "zone_rules").items()
        }
        for start, rule in rules.items():
            outer, seen = rule.within, {start}
            while outer is not None:
                if outer in seen:
                    raise MalformedError(f"policy: zone {start} lies within itself")
                seen.add(outer)
                outer = rules[outer].within if outer in rules else None
        return rules

    def _zone_rule(self, rule: object) -> ZoneRule:
        match rule:
            case {"within": within, "at_most": at_most, **others} if others.keys() <= _OF_ZONES:
                limits: dict[str, int] = {
                    str(name): number(most, f"a zone's {name}", minimum=1, maximum=MAX_ENTRIES)
                    for name, most in others.items()
                }
                return ZoneRule(
                    within=self.zone_or_none(within), at_most=number(at_most, "at_most"), **limits
                )
        raise MalformedError("policy: a zone's rule has wrong fields")

    def portal(self, rule: object) -> PortalRule:
        if not isinstance(rule, dict) or rule.keys() - _SELDOM.keys() != _PORTAL.keys():
            raise MalformedError("policy: a portal has wrong fields")
        said = {name: parse(self, rule[name]) for name, parse in _PORTAL.items()}
        said |= {name: parse(self, rule[name]) for name, parse in _SELDOM.items() if name in rule}
        found = PortalRule(**said)
        if problem := _contradiction(found):
            raise MalformedError(f"policy: a portal {problem}")
        return found


def _contradiction(rule: PortalRule) -> str:
    """Returns what in a portal's rule would let nobody pass, or mean nothing; empty: nothing."""
    if rule.beyond == rule.zone:
        return "leads from a zone into the same one"
    if rule.escorted and not rule.escorts:
        return "needs escorts that no group provides"
    if rule.escort_leads and not rule.escorted:
        return "says how many an escort leads, and nobody needs one"
    if rule.antipassback is AntiPassback.TIMED and not rule.antipassback_s:
        return "has timed anti-passback of 0 s"
    if rule.unlock_after_first and rule.unlock is None:
        return "unlocks after the first person without a schedule to do so"
    return ""


def _check_interlocks(portals: Mapping[PortalId, PortalRule]) -> None:
    """Raises MalformedError for a door that waits for itself, or for one that is not there."""
    for name, rule in portals.items():
        for other in rule.interlock:
            if other == name or other not in portals:
                raise MalformedError(f"policy: {name} is interlocked with {other}")


def _group_rule(rule: object) -> GroupRule:
    match rule:
        case {"rank": rank, "duress": duress, "once": once, "exempt": exempt, **others} if (
            not others
        ):
            return GroupRule(
                rank=number(rank, "rank", maximum=MAX_RANK),
                is_duress=a_bool(duress, "duress"),
                is_once=a_bool(once, "once"),
                is_exempt=a_bool(exempt, "exempt"),
            )
    raise MalformedError("policy: a group's rule has wrong fields")


_Parse = Callable[[_Within, Any], Any]


def _seconds(what: str, least: int = 0, most: int = MAX_DAY_S) -> _Parse:
    return lambda _, value: number(value, what, minimum=least, maximum=most)


_PORTAL: dict[str, _Parse] = {
    "zone": _Within.zone,
    "gateway": lambda _, value: parse_gateway_id(text(value)),
    "direction": lambda _, value: Direction(value),
    "beyond": _Within.zone_or_none,
    "pulse_ms": lambda _, value: number(value, "pulse_ms", minimum=100, maximum=30_000),
    "posture": lambda _, value: Posture(value),
    "posture_rank": lambda _, value: number_or_none(
        value, "posture_rank", minimum=1, maximum=MAX_RANK
    ),
    "posture_until": lambda _, value: number_or_none(value, "posture_until"),
    "unlisted": lambda _, value: Unlisted(value),
    "clock_untrusted": lambda _, value: InDoubt(value),
    "max_age_s": lambda _, value: number(value, "max_age_s", minimum=60),
    "stale": lambda _, value: InDoubt(value),
    "foreign": lambda _, value: Foreign(value),
    "qualifications": _Within.some_qualifications,
    "unlock": _Within.schedule_or_none,
    "unlock_after_first": lambda _, value: a_bool(value, "unlock_after_first"),
    "antipassback": lambda _, value: AntiPassback(value),
    "antipassback_s": _seconds("antipassback_s"),
    "presence_unknown": lambda _, value: PresenceDoubt(value),
    "min_interval_s": _seconds("min_interval_s"),
    "escorted": _Within.some_groups,
    "escorts": _Within.some_groups,
    "two_persons": lambda _, value: a_bool(value, "two_persons"),
    "wait_s": _seconds("wait_s", 1, MAX_WAIT_S),
    "interlock": lambda _, value: tuple(
        parse_portal_id(text(item)) for item in a_list(value, "interlock")
    ),
}

_OF_ZONES = frozenset({"per_day", "per_visit"})
_SELDOM: dict[str, _Parse] = {
    "escort_leads": lambda _, value: number(value, "escort_leads", minimum=1, maximum=MAX_LED),
}
"""These and `_OF_ZONES` are left out where they say nothing, so that gateways that do not know
them read the rest. A bundle that uses one is refused whole by such a gateway."""
