"""Who may sign in at a gateway's own page, and for what (docs/protocol.md §9).

A gateway has to know its guards while the controller is away. The list names nobody: an entry is a
staff number, what it may do, and a hash of its PIN. Hashes are argon2id within stated bounds, so
that a list neither is cheap to search through nor takes a gateway's memory away.
"""

import itertools
import re
from dataclasses import dataclass
from enum import IntFlag
from typing import Self

from doorward import canonical, shapes
from doorward.errors import (
    BadIdError,
    MalformedError,
    RollbackError,
    WrongRecipientError,
)
from doorward.ids import MAX_SEQ, SiteId, parse_name

MAX_MEMBERS = 500
MAX_STAFF_BYTES = 128 * 1024
MIN_PIN_DIGITS = 8
MAX_PIN_DIGITS = 16
MIN_HASH_MEMORY_KIB, MAX_HASH_MEMORY_KIB = 19_456, 65_536
"""At least what OWASP names for argon2id; at most what a gateway can spare for a moment."""
MIN_HASH_PASSES, MAX_HASH_PASSES = 2, 16
_FIELDS = frozenset({"site", "version", "created_at", "members"})
_HASH = re.compile(
    r"\$argon2id\$v=19\$m=(?P<memory>[1-9][0-9]{0,5}),t=(?P<passes>[1-9][0-9]?),p=(?P<lanes>[1-4])"
    r"\$(?P<salt>[A-Za-z0-9+/]{22,64})\$(?P<sum>[A-Za-z0-9+/]{43,86})"
)


class Ability(IntFlag):
    """What a member of the staff may do at a gateway. The numbers are on the wire, never reused."""

    REGISTER = 1
    """Registers people by hand; the rules decide whether the portal opens."""
    OVERRIDE = 2
    """Opens although the rules do not grant, with a reason that goes on record."""
    SERVICE = 4
    """Sees the meters and writes the service journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffMember:
    """One entry of the list.

    Attributes:
        id: the staff number, a name as in §1; no person's name.
        pin_hash: argon2id in PHC's text form.
        not_after: first second (UTC) in which the entry no longer counts.
    """

    id: str
    abilities: Ability
    pin_hash: str
    not_after: int

    def __post_init__(self) -> None:
        """Raises MalformedError for an entry that no gateway would take."""
        try:
            parse_name(self.id, "staff list: id")
        except BadIdError as err:
            raise MalformedError(str(err)) from err
        if not 1 <= self.abilities <= sum(Ability):
            raise MalformedError(
                f"staff list: abilities are {int(self.abilities)}, must be 1 to {sum(Ability)}"
            )
        shapes.number(self.not_after, "staff list: not_after", MAX_SEQ)
        _check_hash(self.pin_hash)

    def may(self, ability: Ability, now_utc_s: int | None) -> bool:
        """Whether the member may do this now.

        Args:
            ability: what is to be done.
            now_utc_s: None where the clock cannot be believed; the end is not looked at then.
        """
        is_over = now_utc_s is not None and now_utc_s >= self.not_after
        return ability in self.abilities and not is_over


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffList:
    """All who may sign in at the gateways of a site, at one version.

    Attributes:
        members: ascending by id, each once.
    """

    site: SiteId
    version: int
    created_at: int
    members: tuple[StaffMember, ...]

    def __post_init__(self) -> None:
        """Raises MalformedError for a list that no gateway would take."""
        shapes.sequence_number(self.version, "staff list: version")
        shapes.number(self.created_at, "staff list: created_at", MAX_SEQ)
        if len(self.members) > MAX_MEMBERS:
            raise MalformedError(f"staff list: {len(self.members)} members, at most {MAX_MEMBERS}")
        if any(a.id >= b.id for a, b in itertools.pairwise(self.members)):
            raise MalformedError("staff list: members are not ascending by id, each once")

    def find(self, member_id: str) -> StaffMember | None:
        """Returns the member with this id, or None."""
        return next((each for each in self.members if each.id == member_id), None)

    def to_body(self) -> bytes:
        """Returns the canonical bytes that are signed."""
        return canonical.encode(
            {
                "site": self.site,
                "version": self.version,
                "created_at": self.created_at,
                "members": [
                    [each.id, int(each.abilities), each.pin_hash, each.not_after]
                    for each in self.members
                ],
            }
        )

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the list. Raises MalformedError."""
        if len(body) > MAX_STAFF_BYTES:
            raise MalformedError(f"staff list of {len(body)} bytes, at most {MAX_STAFF_BYTES}")
        value = canonical.decode(body, "staff list")
        if not isinstance(value, dict) or value.keys() != _FIELDS:
            raise MalformedError(f"staff list: not a map of exactly {', '.join(sorted(_FIELDS))}")
        members = value["members"]
        if not isinstance(members, list):
            raise MalformedError("staff list: members is not a list")
        return cls(
            site=shapes.site(value["site"], "staff list: site"),
            version=shapes.sequence_number(value["version"], "staff list: version"),
            created_at=shapes.number(value["created_at"], "staff list: created_at", MAX_SEQ),
            members=tuple(_parse_member(each) for each in members),
        )


def accept_staff(held: int, new: StaffList, site: SiteId) -> StaffList:
    """Returns `new` when it may take the place of version `held` (0 for none).

    Raises:
        WrongRecipientError: it was made for another site.
        RollbackError: it is not newer.
    """
    if new.site != site:
        raise WrongRecipientError(f"staff list: made for site {new.site}, this is {site}")
    if new.version <= held:
        raise RollbackError(f"staff list: version {new.version}, already at {held}")
    return new


def _parse_member(value: object) -> StaffMember:
    match value:
        case [str() as member_id, abilities, str() as pin_hash, not_after]:
            return StaffMember(
                id=member_id,
                abilities=Ability(shapes.number(abilities, "staff list: abilities", sum(Ability))),
                pin_hash=pin_hash,
                not_after=shapes.number(not_after, "staff list: not_after", MAX_SEQ),
            )
    raise MalformedError("staff list: a member must be [id, abilities, PIN hash, not after]")


def _check_hash(text: str) -> None:
    found = _HASH.fullmatch(text)
    if found is None:
        raise MalformedError("staff list: a PIN hash is not argon2id in PHC's text form")
    memory, passes = int(found["memory"]), int(found["passes"])
    if not MIN_HASH_MEMORY_KIB <= memory <= MAX_HASH_MEMORY_KIB:
        raise MalformedError(
            f"staff list: a PIN hash takes {memory} KiB, "
            f"must be {MIN_HASH_MEMORY_KIB} to {MAX_HASH_MEMORY_KIB}"
        )
    if not MIN_HASH_PASSES <= passes <= MAX_HASH_PASSES:
        raise MalformedError(
            f"staff list: a PIN hash makes {passes} passes, "
            f"must be {MIN_HASH_PASSES} to {MAX_HASH_PASSES}"
        )
