"""What `decide` asks about people and passes: the protocol, and its answers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from doorward.ids import CredentialId, GatewayId, PortalId
from doorward.policy import Direction
from doorward.times import Instant
from doorward.verdict import Companion


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """What was last seen of a person at a zone.

    Attributes:
        is_inside: None where that was forgiven: either way fits next.
        entered_at, left_at: when it was seen last, UTC seconds, or None where it never was.
    """

    is_inside: bool | None
    entered_at: int | None
    left_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """How often somebody entered a zone.

    Attributes:
        at: the latest entries, UTC seconds; all of the last two days.
        earlier: how many there were before these.
        is_complete: nothing that would count was forgotten.
    """

    at: tuple[int, ...] = ()
    earlier: int = 0
    is_complete: bool = True


class Presence(Protocol):
    """What the gateways of the site know of people, doors, and passes that were just used."""

    def is_slot_used(self, credential_id: CredentialId, slot: int) -> bool:
        """Whether a pass was already accepted in this slot, anywhere on the site."""
        ...

    def is_current(self, others: Collection[GatewayId], now: Instant) -> bool:
        """Whether everything that these other gateways see reaches this one."""
        ...

    def is_used_up(self, credential_id: CredentialId, way: Direction, now: Instant) -> bool | None:
        """Whether a one-time credential passed this way already; None: it may be forgotten."""
        ...

    def stay(self, holder_id: CredentialId, zone: str, now: Instant) -> Stay | None:
        """What was last seen of a person at a zone; None: nothing, or it is forgotten."""
        ...

    def is_complete(self, now: Instant) -> bool:
        """Whether who was never seen inside was not inside: no memory of it was lost."""
        ...

    def entries(self, holder_id: CredentialId, zone: str, now: Instant) -> Entries:
        """How often a person whose entries are counted entered a zone."""
        ...

    def occupancy(self, zone: str, now: Instant) -> int:
        """How many are inside a zone, as far as is known."""
        ...

    def is_door_open(self, portal: PortalId, now: Instant) -> bool | None:
        """Whether a door stands open or was just released; None where nobody can tell."""
        ...

    def companions(self, portal: PortalId, now: Instant) -> Sequence[Companion]:
        """Who showed a code at a portal within the last minutes and waits, or was let in."""
        ...

    def last_grant_at(self, portal: PortalId, now: Instant) -> int | None:
        """When somebody was last let in at a portal that did not stand free, UTC seconds."""
        ...


class NothingSeen:
    """Presence where nothing ever happened, and that is known: for questions of the console.

    Doors that others are interlocked with are closed. A base for those who know a little more.
    """

    def is_slot_used(self, credential_id: CredentialId, slot: int) -> bool:
        """Never."""
        del credential_id, slot
        return False

    def is_current(self, others: Collection[GatewayId], now: Instant) -> bool:
        """Always."""
        del others, now
        return True

    def is_used_up(self, credential_id: CredentialId, way: Direction, now: Instant) -> bool | None:
        """Never."""
        del credential_id, way, now
        return False

    def stay(self, holder_id: CredentialId, zone: str, now: Instant) -> Stay | None:
        """Nobody was seen."""
        del holder_id, zone, now
        return None

    def is_complete(self, now: Instant) -> bool:
        """Always."""
        del now
        return True

    def entries(self, holder_id: CredentialId, zone: str, now: Instant) -> Entries:
        """None."""
        del holder_id, zone, now
        return Entries()

    def occupancy(self, zone: str, now: Instant) -> int:
        """Nobody."""
        del zone, now
        return 0

    def is_door_open(self, portal: PortalId, now: Instant) -> bool | None:
        """Every door is closed."""
        del portal, now
        return False

    def companions(self, portal: PortalId, now: Instant) -> Sequence[Companion]:
        """Nobody."""
        del portal, now
        return ()

    def last_grant_at(self, portal: PortalId, now: Instant) -> int | None:
        """Never."""
        del portal, now
        return None
