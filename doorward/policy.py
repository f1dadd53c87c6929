"""The policy bundle: who may pass where and when, as a gateway reads it (docs/protocol.md §5).

`Policy.from_body` checks everything that can be checked before anything is applied; after that the
only part that can still surprise is a profile of the roster, which is read when it is needed.
"""

import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from doorward import canonical
from doorward.credential import CredentialClass
from doorward.errors import (
    MalformedError,
    RollbackError,
    WrongRecipientError,
)
from doorward.ids import (
    GatewayId,
    PortalId,
    SiteId,
    parse_gateway_id,
    parse_name,
    parse_portal_id,
    parse_site_id,
)
from doorward.roster import Roster, sticker_row_bytes
from doorward.schedule import DayType, Schedule, SiteTime, Span
from doorward.sticker import HASH_BYTES

MAX_HEADER_BYTES = 4 * 2**20
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
    roster: Roster

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the policy; its roster keeps a view into `body`.

        Raises:
            MalformedError: not a policy body, or an index in it points nowhere.
        """
        view = memoryview(body)
        header, tables = _split(view)
        try:
            return cls(**_parse_header(header), roster=_parse_tables(header["tables"], tables))
        except MalformedError:
            raise
        except (ValueError, TypeError, KeyError) as err:
            raise MalformedError(f"policy: {err}") from err


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


def _split(view: memoryview) -> tuple[dict[str, Any], memoryview]:
    if sys.byteorder != "little":
        raise MalformedError("policy: tables are read in place on little-endian machines only")
    if len(view) < 4:
        raise MalformedError("policy: cut off")
    (length,) = struct.unpack(">I", view[:4])
    if length > MAX_HEADER_BYTES or 4 + length > len(view):
        raise MalformedError(f"policy: header of {length} bytes is cut off or too long")
    header = canonical.decode(view[4 : 4 + length], "policy header")
    if not isinstance(header, dict) or set(header) != _HEADER_KEYS:
        raise MalformedError("policy: wrong header fields")
    return header, view[4 + length :]


def _parse_tables(counts: object, tables: memoryview) -> Roster:
    match counts:
        case [int() as rows, int() as profile_bytes, int() as stickers] if (
            rows >= 0 and profile_bytes >= 0 and stickers >= 0
        ):
            sizes = (
                8 * rows,
                4 * rows,
                profile_bytes,
                HASH_BYTES * stickers,
                sticker_row_bytes() * stickers,
            )
        case _:
            raise MalformedError("policy: tables must be [rows, profile bytes, sticker rows]")
    if sum(sizes) != len(tables):
        raise MalformedError(f"policy: tables take {len(tables)} bytes, must be {sum(sizes)}")
    parts = []
    for size in sizes:
        parts.append(tables[:size])
        tables = tables[size:]
    ids, offsets, profiles, digests, rows_view = parts
    return Roster(ids=ids, offsets=offsets, profiles=profiles, digests=digests, rows=rows_view)


def _parse_header(header: dict[str, Any]) -> dict[str, Any]:
    zones, groups, qualifications = (
        _names(header[key], key) for key in ("zones", "groups", "qualifications")
    )
    schedules = tuple(_schedule(row) for row in _list(header["schedules"], "schedules"))
    within = _Within(len(zones), len(groups), len(schedules), len(qualifications))
    grants: dict[tuple[int, int], tuple[GrantRule, ...]] = {}
    for row in _list(header["grants"], "grants"):
        grant = within.grant(row)
        place = (grant.group, grant.zone)
        grants[place] = (*grants.get(place, ()), grant)
    return {
        "site": parse_site_id(header["site"]),
        "version": _number(header["version"], "version", minimum=1),
        "created_at": _number(header["created_at"], "created_at"),
        "keyrings": tuple(_bytes(item) for item in _list(header["keyrings"], "keyrings")),
        "time": _site_time(header["time"], header["calendar"]),
        "zones": zones,
        "groups": groups,
        "qualifications": qualifications,
        "schedules": schedules,
        "grants": grants,
        "classes": {
            CredentialClass(_number(key, "class")): tuple(
                within.index(item, within.groups, "group") for item in _list(value, "classes")
            )
            for key, value in _dict(header["classes"], "classes").items()
        },
        "portals": {
            parse_portal_id(name): within.portal(rule)
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
                )
        raise MalformedError("policy: a portal has wrong fields")


def _site_time(time: object, calendar: object) -> SiteTime:
    match time:
        case {"zone": str() as zone, "offsets": [_, *_] as rows, **others} if not others:
            pass
        case _:
            raise MalformedError("policy: time must have a zone and offsets")
    offsets = tuple(_pair(row, "offset") for row in rows)
    if list(offsets) != sorted(offsets):
        raise MalformedError("policy: offsets must ascend")
    days = (_pair(row, "calendar day") for row in _list(calendar, "calendar"))
    return SiteTime(
        zone=zone, offsets=offsets, day_types={day: DayType(kind) for day, kind in days}
    )


def _schedule(row: object) -> Schedule:
    match row:
        case [str() as name, list() as spans]:
            return Schedule(name=parse_name(name, "schedule"), spans=tuple(map(_span, spans)))
    raise MalformedError("policy: a schedule must be [name, spans]")


def _span(row: object) -> Span:
    match row:
        case [int() as mask, int() as from_min, int() as to_min]:
            return Span(mask, from_min, to_min)
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


def _number(value: object, what: str, *, minimum: int = 0, maximum: int = 2**53) -> int:
    if type(value) is not int or not minimum <= value <= maximum:
        raise MalformedError(f"policy: {what} is {value!r:.40}, must be {minimum} to {maximum}")
    return value


def _pair(row: object, what: str) -> tuple[int, int]:
    match row:
        case [int() as one, int() as other]:
            return one, other
    raise MalformedError(f"policy: a {what} must be a pair of numbers")
