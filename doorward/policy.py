"""The policy bundle: who may pass where and when, as a gateway reads it (docs/protocol.md §5).

`Policy.from_body` checks everything that can be checked before anything is applied; after that the
only part that can still surprise is a profile of the roster, which is read when it is needed.
"""

import itertools
import struct
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from doorward import canonical, shapes
from doorward.credential import CredentialClass
from doorward.errors import (
    MalformedError,
    RollbackError,
    WrongRecipientError,
)
from doorward.foreign import SALT_BYTES
from doorward.ids import (
    MAX_SEQ,
    GatewayId,
    PortalId,
    SiteId,
    parse_gateway_id,
    parse_name,
    parse_portal_id,
    parse_site_id,
)
from doorward.roster import ID_BYTES, OFFSET_BYTES, STICKER_ROW_BYTES, Roster
from doorward.schedule import DAY_S, DayType, Schedule, SiteTime, Span
from doorward.sticker import HASH_BYTES

MAX_HEADER_BYTES = 2**20
"""Decoding takes up to 80 times as much memory, before anybody has vouched for the bytes."""
DEFAULT_MAX_AGE_S = 72 * 3600
_HEADER_KEYS = frozenset(
    {
        "site",
        "version",
        "created_at",
        "keyrings",
        "time",
        "calendar",
        "zones",
        "groups",
        "qualifications",
        "schedules",
        "grants",
        "classes",
        "foreign_salt",
        "portals",
        "tables",
    }
)


class Posture(StrEnum):
    """How a portal stands, before anybody shows a code."""

    NORMAL = "normal"
    FREE = "free"
    CLOSED = "closed"
    LOCKDOWN = "lockdown"


class Unlisted(StrEnum):
    """What counts for an authentic credential that the roster does not list (yet)."""

    DENY = "deny"
    BY_CLASS = "by_class"


class Foreign(StrEnum):
    """What a portal does with a code of somebody else's that was linked to a credential."""

    DENY = "deny"
    ALLOW = "allow"


class InDoubt(StrEnum):
    """What a portal does when the clock is not trusted, or the policy too old."""

    DENY = "deny"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalRule:
    """What the policy says of one portal.

    Attributes:
        zone: index of the zone that one enters here.
        pulse_ms: for how long the lock is released.
        max_age_s: how old the policy may be before `stale` decides.
    """

    zone: int
    gateway: GatewayId
    pulse_ms: int = 3000
    posture: Posture = Posture.NORMAL
    unlisted: Unlisted = Unlisted.BY_CLASS
    clock_untrusted: InDoubt = InDoubt.DENY
    max_age_s: int = DEFAULT_MAX_AGE_S
    stale: InDoubt = InDoubt.DENY
    foreign: Foreign = Foreign.DENY


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRule:
    """A group may enter a zone while a schedule is open, with these qualifications."""

    group: int
    zone: int
    schedule: int
    qualifications: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything a gateway needs to decide, at one version.

    Attributes:
        keyrings: envelopes, oldest first; for gateways that slept through a rotation.
        grants: by (group, zone), in the order of the bundle.
        foreign_salt: under which foreign codes are hashed; empty where none is linked.
    """

    site: SiteId
    version: int
    created_at: int
    keyrings: tuple[bytes, ...]
    time: SiteTime
    zones: tuple[str, ...]
    groups: tuple[str, ...]
    qualifications: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    grants: dict[tuple[int, int], tuple[GrantRule, ...]]
    classes: dict[CredentialClass, tuple[int, ...]]
    portals: dict[PortalId, PortalRule]
    foreign_salt: bytes
    roster: Roster

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the policy; its roster keeps a view into `body`.

        Raises:
            MalformedError: not a policy body, or an index in it points nowhere. Then nothing keeps
                a view, so that a mapped file can be closed.
        """
        view = memoryview(body)
        try:
            header, start = _read_header(view)
            fields = _parse_header(header)
            sizes = _table_sizes(header["tables"], len(view) - start)
            roster = _cut_roster(view, start, sizes)
        except MalformedError:
            view.release()
            raise
        except (ValueError, TypeError, KeyError) as err:
            view.release()
            raise MalformedError(f"policy: {err}") from err
        try:
            roster.check()
        except MalformedError:
            view.release()
            roster.release()
            raise
        return cls(**fields, roster=roster)


def accept_policy(held_version: int, policy: Policy, site: SiteId) -> Policy:
    """Returns `policy` when it may replace one of `held_version` (0: none was ever held).

    Raises:
        WrongRecipientError: another site's.
        RollbackError: not newer than the highest version ever held.
    """
    if policy.site != site:
        raise WrongRecipientError(f"policy: made for site {policy.site}, ours is {site}")
    if policy.version <= held_version:
        raise RollbackError(f"policy: version {policy.version}, already at {held_version}")
    return policy


def _read_header(view: memoryview) -> tuple[dict[str, Any], int]:
    """Returns the header and where the tables start."""
    if sys.byteorder != "little":
        raise MalformedError("policy: tables are read in place on little-endian machines only")
    if len(view) < 4:
        raise MalformedError("policy: cut off")
    (length,) = struct.unpack_from(">I", view)
    if length > MAX_HEADER_BYTES or 4 + length > len(view):
        raise MalformedError(
            f"policy: header of {length} bytes is cut off or longer than {MAX_HEADER_BYTES}"
        )
    header = canonical.decode(bytes(view[4 : 4 + length]), "policy header")
    if not isinstance(header, dict) or header.keys() != _HEADER_KEYS:
        raise MalformedError("policy: wrong header fields")
    return header, 4 + length


def _table_sizes(counts: object, length: int) -> tuple[int, ...]:
    """Returns the bytes of each table. Raises MalformedError: together they are not `length`."""
    match counts:
        case [rows, profile_bytes, stickers]:
            people, labels = _number(rows, "rows"), _number(stickers, "sticker rows")
            sizes = (
                ID_BYTES * people,
                OFFSET_BYTES * people,
                _number(profile_bytes, "profile bytes"),
                HASH_BYTES * labels,
                STICKER_ROW_BYTES * labels,
            )
        case _:
            raise MalformedError("policy: tables must be [rows, profile bytes, sticker rows]")
    if sum(sizes) != length:
        raise MalformedError(f"policy: tables take {length} bytes, must be {sum(sizes)}")
    return sizes


def _cut_roster(view: memoryview, start: int, sizes: tuple[int, ...]) -> Roster:
    ends = itertools.accumulate(sizes, initial=start)
    ids, offsets, profiles, digests, rows = (
        view[one:other] for one, other in itertools.pairwise(ends)
    )
    return Roster(ids=ids, offsets=offsets, profiles=profiles, digests=digests, rows=rows)


def _parse_header(header: dict[str, Any]) -> dict[str, Any]:
    zones, groups, qualifications = (
        _names(header[key], key) for key in ("zones", "groups", "qualifications")
    )
    schedules = _schedules(header["schedules"])
    within = _Within(len(zones), len(groups), len(schedules), len(qualifications))
    grants: defaultdict[tuple[int, int], list[GrantRule]] = defaultdict(list)
    for row in _list(header["grants"], "grants"):
        grant = within.grant(row)
        grants[grant.group, grant.zone].append(grant)
    return {
        "site": parse_site_id(_text(header["site"])),
        "version": _number(header["version"], "version", minimum=1),
        "created_at": _number(header["created_at"], "created_at"),
        "keyrings": tuple(_bytes(item) for item in _list(header["keyrings"], "keyrings")),
        "time": _site_time(header["time"], header["calendar"]),
        "zones": zones,
        "groups": groups,
        "qualifications": qualifications,
        "schedules": schedules,
        "grants": {place: tuple(rules) for place, rules in grants.items()},
        "classes": {
            CredentialClass(_number(key, "class")): tuple(
                within.index(item, within.groups, "group") for item in _list(value, "classes")
            )
            for key, value in _dict(header["classes"], "classes").items()
        },
        "foreign_salt": _salt(header["foreign_salt"]),
        "portals": {
            parse_portal_id(_text(name)): within.portal(rule)
            for name, rule in _dict(header["portals"], "portals").items()
        },
    }


@dataclass(frozen=True, slots=True)
class _Within:
    """How many of each there are, so that no index points nowhere."""

    zones: int
    groups: int
    schedules: int
    qualifications: int

    def index(self, value: object, count: int, what: str) -> int:
        """Raises MalformedError for an index of something that is not there."""
        number = _number(value, what)
        if number >= count:
            raise MalformedError(f"policy: {what} {number} of {count}")
        return number

    def grant(self, row: object) -> GrantRule:
        match row:
            case [group, zone, schedule, list() as needed]:
                return GrantRule(
                    group=self.index(group, self.groups, "group"),
                    zone=self.index(zone, self.zones, "zone"),
                    schedule=self.index(schedule, self.schedules, "schedule"),
                    qualifications=tuple(
                        self.index(item, self.qualifications, "qualification") for item in needed
                    ),
                )
        raise MalformedError("policy: a grant must be [group, zone, schedule, qualifications]")

    def portal(self, rule: object) -> PortalRule:
        match rule:
            case {
                "zone": zone,
                "gateway": str() as gateway,
                "pulse_ms": pulse_ms,
                "posture": posture,
                "unlisted": unlisted,
                "clock_untrusted": clock_untrusted,
                "max_age_s": max_age_s,
                "stale": stale,
                "foreign": foreign,
                **others,
            } if not others:
                return PortalRule(
                    zone=self.index(zone, self.zones, "zone"),
                    gateway=parse_gateway_id(gateway),
                    pulse_ms=_number(pulse_ms, "pulse_ms", minimum=100, maximum=30_000),
                    posture=Posture(posture),
                    unlisted=Unlisted(unlisted),
                    clock_untrusted=InDoubt(clock_untrusted),
                    max_age_s=_number(max_age_s, "max_age_s", minimum=60),
                    stale=InDoubt(stale),
                    foreign=Foreign(foreign),
                )
        raise MalformedError("policy: a portal has wrong fields")


def _site_time(time: object, calendar: object) -> SiteTime:
    match time:
        case {"zone": zone, "offsets": list() as rows, **others} if not others:
            offsets = tuple(_pair(row, "UTC offset", -DAY_S, DAY_S) for row in rows)
        case _:
            raise MalformedError("policy: time must have a zone and offsets")
    days = [_pair(row, "calendar day", 0, max(DayType)) for row in _list(calendar, "calendar")]
    if any(a[0] >= b[0] for a, b in itertools.pairwise(days)):
        raise MalformedError("policy: calendar days must ascend, each once")
    return SiteTime(
        zone=shapes.text(zone, "policy: time zone", 64),
        offsets=offsets,
        day_types={day: DayType(kind) for day, kind in days},
    )


def _schedules(value: object) -> tuple[Schedule, ...]:
    schedules = tuple(_schedule(row) for row in _list(value, "schedules"))
    if len({schedule.name for schedule in schedules}) != len(schedules):
        raise MalformedError("policy: a name in schedules stands twice")
    return schedules


def _schedule(row: object) -> Schedule:
    match row:
        case [name, list() as spans]:
            return Schedule(
                name=parse_name(_text(name), "schedule"), spans=tuple(map(_span, spans))
            )
    raise MalformedError("policy: a schedule must be [name, spans]")


def _span(row: object) -> Span:
    match row:
        case [mask, from_min, to_min]:
            return Span(
                _number(mask, "day mask"), _number(from_min, "minute"), _number(to_min, "minute")
            )
    raise MalformedError("policy: a span must be [day mask, from, to]")


def _names(value: object, what: str) -> tuple[str, ...]:
    names = tuple(parse_name(_text(item), what) for item in _list(value, what))
    if len(set(names)) != len(names):
        raise MalformedError(f"policy: a name in {what} stands twice")
    return names


def _expect(kind: type[Any]) -> Callable[[object, str], Any]:
    def check(value: object, what: str = "value") -> Any:  # noqa: ANN401  # typed by its callers
        if type(value) is not kind:
            raise MalformedError(f"policy: {what} must be a {kind.__name__}")
        return value

    return check


_list = _expect(list)
_dict = _expect(dict)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedError("policy: a name must be a text")
    return value


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise MalformedError("policy: a keyring must be bytes")
    return value


def _salt(value: object) -> bytes:
    if not isinstance(value, bytes) or len(value) not in {0, SALT_BYTES}:
        raise MalformedError(f"policy: foreign_salt must be {SALT_BYTES} bytes or empty")
    return value


def _number(value: object, what: str, *, minimum: int = 0, maximum: int = MAX_SEQ) -> int:
    if type(value) is not int or not minimum <= value <= maximum:
        raise MalformedError(f"policy: {what} is {value!r:.40}, must be {minimum} to {maximum}")
    return value


def _pair(row: object, what: str, minimum: int, maximum: int) -> tuple[int, int]:
    """Returns a number from 0 and one between the bounds."""
    match row:
        case [one, other]:
            return _number(one, what), _number(other, what, minimum=minimum, maximum=maximum)
    raise MalformedError(f"policy: a {what} must be a pair of numbers")
