"""A policy as people write it, with names instead of indices, and how it becomes a bundle."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum

from doorward import canonical
from doorward.credential import CredentialClass
from doorward.ids import CredentialId, GatewayId, PortalId, SiteId
from doorward.policy import (
    DEFAULT_FORGET_S,
    Direction,
    GroupRule,
    Policy,
)
from doorward.policy_rules import PortalTerms
from doorward.roster import ID_BYTES, Profile, RosterTables, StickerRow, profile_wire
from doorward.schedule import Schedule, SiteTime
from doorward.sticker import HASH_BYTES

_RIGHTS_AT_HAND = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalDraft(PortalTerms[str]):
    """What the policy says of one portal, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDraft:
    """A group may pass a zone's portals, as `doorward.policy.GrantRule` with names."""

    group: str
    zone: str
    schedule: str
    qualifications: tuple[str, ...] = ()
    way: Direction = Direction.BOTH
    per_day: int = 0
    per_visit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDraft:
    """What belongs to a zone, with the name of the one that it lies within."""

    within: str | None = None
    at_most: int = 0
    per_day: int = 0
    per_visit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDraft:
    """One row of the roster.

    Attributes:
        qualifications: name and first second in which it no longer holds.
        holder: under which credential of the same holder presence is kept; None: this one's own.
    """

    credential_id: CredentialId
    not_before: int
    not_after: int
    groups: tuple[str, ...]
    qualifications: tuple[tuple[str, int], ...] = ()
    holder: CredentialId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDraft:
    """Everything that goes into a bundle.

    Attributes:
        people: read once, so a million rows may come from a cursor.
        stickers: pairs of a digest, of a sticker or a foreign code, and where it leads; read once.
        foreign_salt: under which the foreign codes among them were hashed; empty without any.
    """

    site: SiteId
    version: int
    created_at: int
    keyrings: tuple[bytes, ...]
    time: SiteTime
    zones: tuple[str, ...]
    groups: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    grants: tuple[GrantDraft, ...]
    portals: Mapping[PortalId, PortalDraft]
    qualifications: tuple[str, ...] = ()
    classes: Mapping[CredentialClass, tuple[str, ...]] = field(default_factory=dict)
    people: Iterable[PersonDraft] = ()
    stickers: Iterable[tuple[bytes, StickerRow]] = ()
    foreign_salt: bytes = b""
    group_rules: Mapping[str, GroupRule] = field(default_factory=dict)
    zone_rules: Mapping[str, ZoneDraft] = field(default_factory=dict)
    gateways: Mapping[GatewayId, bytes] = field(default_factory=dict)
    forget_s: int = DEFAULT_FORGET_S


def build_body(draft: PolicyDraft) -> bytes:
    """Returns the body of a bundle; it was read back once, so a gateway will be able to.

    Raises:
        ValueError: a name that the draft does not define, something listed twice, or a value that
            `Policy.from_body` refuses (its words are passed on).
    """
    places = _Places(draft)
    ids, offsets, profiles, digests, rows = _tables(draft, places)
    header = canonical.encode(
        {
            "site": draft.site,
            "version": draft.version,
            "created_at": draft.created_at,
            "keyrings": list(draft.keyrings),
            "time": {"zone": draft.time.zone, "offsets": [list(p) for p in draft.time.offsets]},
            "calendar": [[day, int(kind)] for day, kind in sorted(draft.time.day_types.items())],
            "zones": list(draft.zones),
            "zone_rules": {
                places.zones[n]: places.zone_rule(r) for n, r in draft.zone_rules.items()
            },
            "groups": list(draft.groups),
            "group_rules": {places.groups[n]: _group_rule(r) for n, r in draft.group_rules.items()},
            "qualifications": list(draft.qualifications),
            "schedules": [
                [s.name, [[p.day_mask, p.from_min, p.to_min] for p in s.spans]]
                for s in draft.schedules
            ],
            "grants": [places.grant(grant) for grant in draft.grants],
            "classes": {
                int(kind): [places.groups[name] for name in names]
                for kind, names in draft.classes.items()
            },
            "foreign_salt": draft.foreign_salt,
            "portals": {name: places.portal(portal) for name, portal in draft.portals.items()},
            "gateways": dict(draft.gateways),
            "forget_s": draft.forget_s,
            "tables": [len(ids) // ID_BYTES, len(profiles), len(digests) // HASH_BYTES],
        }
    )
    body = b"".join((struct.pack(">I", len(header)), header, ids, offsets, profiles, digests, rows))
    Policy.from_body(body)
    return body


def _tables(draft: PolicyDraft, places: "_Places") -> tuple[bytes, bytes, bytes, bytes, bytes]:
    tables = RosterTables()
    for person in draft.people:
        tables.add_person(person.credential_id, places.profile(person))
    for digest, row in draft.stickers:
        tables.add_sticker(digest, row)
    return tables.finish()


class _Index(dict[str, int]):
    """Names to indices; a missing name is an error that says what it names."""

    def __init__(self, what: str, names: Iterable[str]) -> None:
        super().__init__((name, place) for place, name in enumerate(names))
        self._what = what

    def __missing__(self, name: str) -> int:
        raise ValueError(f"{self._what} {name!r} is not defined in the policy")


class _Places:
    """Where each name of a draft stands."""

    def __init__(self, draft: PolicyDraft) -> None:
        self.zones = _Index("zone", draft.zones)
        self.groups = _Index("group", draft.groups)
        self.qualifications = _Index("qualification", draft.qualifications)
        self.schedules = _Index("schedule", (s.name for s in draft.schedules))
        self._rights: dict[tuple[object, ...], bytes] = {}

    def profile(self, person: PersonDraft) -> bytes:
        """Returns the wire form; many share their rights, so these are kept at hand."""
        key = (person.groups, person.qualifications, person.holder)
        rights = self._rights.get(key)
        if rights is None:
            if len(self._rights) == _RIGHTS_AT_HAND:
                self._rights.clear()
            rights = self._rights[key] = self._new_profile(person).rights()
        return profile_wire(person.not_before, person.not_after, rights)

    def _new_profile(self, person: PersonDraft) -> Profile:
        return Profile(
            not_before=person.not_before,
            not_after=person.not_after,
            groups=tuple(sorted({self.groups[name] for name in person.groups})),
            qualifications=tuple(
                sorted((self.qualifications[name], until) for name, until in person.qualifications)
            ),
            holder=person.holder,
        )

    def grant(self, grant: GrantDraft) -> list[object]:
        return [
            self.groups[grant.group],
            self.zones[grant.zone],
            self.schedules[grant.schedule],
            [self.qualifications[name] for name in grant.qualifications],
            grant.way.number,
            grant.per_day,
            grant.per_visit,
        ]

    def zone_rule(self, rule: ZoneDraft) -> dict[str, object]:
        wire: dict[str, object] = {
            "within": None if rule.within is None else self.zones[rule.within],
            "at_most": rule.at_most,
        }
        limits = {"per_day": rule.per_day, "per_visit": rule.per_visit}
        return wire | {name: most for name, most in limits.items() if most}

    def portal(self, portal: PortalDraft) -> dict[str, object]:
        """Returns the wire form: names become indices, the rest is as it is."""
        wire = {f.name: _plain(getattr(portal, f.name)) for f in fields(portal)}
        wire["zone"] = self.zones[portal.zone]
        wire["beyond"] = None if portal.beyond is None else self.zones[portal.beyond]
        wire["unlock"] = None if portal.unlock is None else self.schedules[portal.unlock]
        wire["qualifications"] = [self.qualifications[name] for name in portal.qualifications]
        wire["escorted"] = [self.groups[name] for name in portal.escorted]
        wire["escorts"] = [self.groups[name] for name in portal.escorts]
        if not portal.escort_leads:
            del wire["escort_leads"]
        return wire


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _group_rule(rule: GroupRule) -> dict[str, object]:
    return {
        "rank": rule.rank,
        "duress": rule.is_duress,
        "once": rule.is_once,
        "exempt": rule.is_exempt,
    }
