"""What a site remembers, said in a table: a fake of the gateway's own book."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from doorward.ids import CredentialId, GatewayId, PortalId
from doorward.policy import Direction
from doorward.presence_port import Entries, NothingSeen, Stay
from doorward.reasons import Reason
from doorward.times import Instant
from doorward.verdict import Bearer, Companion, Movement
from tests.kit.plant import ALICE, BOB, BOB_INDEX, NOON, at

INSIDE = Stay(is_inside=True, entered_at=NOON - 600, left_at=None)
OUTSIDE = Stay(is_inside=False, entered_at=NOON - 900, left_at=NOON - 600)
FORGIVEN = Stay(is_inside=None, entered_at=None, left_at=None)


@dataclass(kw_only=True)
class Remembered(NothingSeen):
    """Nothing happened, except what a table names.

    Attributes:
        hears: whether what other gateways see reaches this one.
        holder: whose stay and entries these are.
    """

    hears: bool = True
    whole: bool = True
    holder: CredentialId = ALICE
    stays: dict[str, Stay] = field(default_factory=dict)
    used: frozenset[Direction] = frozenset()
    used_is_sure: bool = True
    entered: Entries = field(default_factory=Entries)
    inside: int = 0
    doors: dict[PortalId, bool | None] = field(default_factory=dict)
    there: tuple[Companion, ...] = ()
    came_at: int | None = None
    slots: frozenset[tuple[CredentialId, int]] = frozenset()

    def is_slot_used(self, credential_id: CredentialId, slot: int) -> bool:
        return (credential_id, slot) in self.slots

    def is_current(self, others: Collection[GatewayId], now: Instant) -> bool:
        assert others, "nobody is asked about nobody"
        return self.hears

    def is_used_up(self, credential_id: CredentialId, way: Direction, now: Instant) -> bool | None:
        if way in self.used:
            return True
        return False if self.used_is_sure else None

    def stay(self, holder_id: CredentialId, zone: str, now: Instant) -> Stay | None:
        return self.stays.get(zone) if holder_id == self.holder else None

    def is_complete(self, now: Instant) -> bool:
        return self.whole

    def entries(self, holder_id: CredentialId, zone: str, now: Instant) -> Entries:
        return self.entered if holder_id == self.holder else Entries()

    def occupancy(self, zone: str, now: Instant) -> int:
        return self.inside

    def is_door_open(self, portal: PortalId, now: Instant) -> bool | None:
        return self.doors.get(portal)

    def companions(self, portal: PortalId, now: Instant) -> Sequence[Companion]:
        return self.there

    def last_grant_at(self, portal: PortalId, now: Instant) -> int | None:
        return self.came_at


def companion(
    waits_for: Reason | None,
    *,
    who: CredentialId = BOB,
    index: int = BOB_INDEX,
    ago_s: int = 5,
    is_escort: bool = False,
    way: Direction = Direction.ENTRY,
) -> Companion:
    """Somebody at the portal, five seconds before noon."""
    return Companion(
        bearer=Bearer(credential_id=who, holder_id=who, status_index=index, is_escort=is_escort),
        movement=Movement(way=way, enters="site"),
        waits_for=waits_for,
        at_mono_ms=at(NOON).mono_ms - ago_s * 1000,
    )
