"""A policy as people write it, with names instead of indices, and how it becomes a bundle."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from doorward import canonical
from doorward.credential import CredentialClass
from doorward.ids import CredentialId, GatewayId, PortalId, SiteId
from doorward.policy import (
    DEFAULT_MAX_AGE_S,
    Foreign,
    InDoubt,
    Policy,
    Posture,
    Unlisted,
)
from doorward.roster import ID_BYTES, Profile, RosterTables, StickerRow, profile_wire
from doorward.schedule import Schedule, SiteTime
from doorward.sticker import HASH_BYTES

_RIGHTS_AT_HAND = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalDraft:
    """A portal, with the name of the zone that one enters there."""

    zone: str
    gateway: GatewayId
    pulse_ms: int = 3000
    posture: Posture = Posture.NORMAL
    unlisted: Unlisted = Unlisted.BY_CLASS
    clock_untrusted: InDoubt = InDoubt.DENY
    max_age_s: int = DEFAULT_MAX_AGE_S
    stale: InDoubt = InDoubt.DENY
    foreign: Foreign = Foreign.DENY


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantDraft:
    """A group may enter a zone while a schedule is open, with these qualifications."""

    group: str
    zone: str
    schedule: str
    qualifications: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDraft:
    """One row of the roster.

    Attributes:
        qualifications: name and first second in which it no longer holds.
    """

    credential_id: CredentialId
    not_before: int
    not_after: int
    groups: tuple[str, ...]
    qualifications: tuple[tuple[str, int], ...] = ()


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
            "groups": list(draft.groups),
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
        key = (person.groups, person.qualifications)
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
        )

    def grant(self, grant: GrantDraft) -> list[object]:
        return [
            self.groups[grant.group],
            self.zones[grant.zone],
            self.schedules[grant.schedule],
            [self.qualifications[name] for name in grant.qualifications],
        ]

    def portal(self, portal: PortalDraft) -> dict[str, object]:
        return {
            "zone": self.zones[portal.zone],
            "gateway": portal.gateway,
            "pulse_ms": portal.pulse_ms,
            "posture": portal.posture.value,
            "unlisted": portal.unlisted.value,
            "clock_untrusted": portal.clock_untrusted.value,
            "max_age_s": portal.max_age_s,
            "stale": portal.stale.value,
            "foreign": portal.foreign.value,
        }
