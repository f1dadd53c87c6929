"""What happens at doors just now: part of a `doorward.presence.PresenceBook`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from doorward.ids import CredentialId, GatewayId, PortalId
from doorward.policy_header import MAX_WAIT_S
from doorward.verdict import Companion

RELEASED_FOR_MS = 60_000
"""A door that was released and of which nothing more is heard counts as closed after this."""
MOST_WAITING = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What is known of one door.

    Attributes:
        is_open: None where nothing says.
        released_mono_ms: when its lock was last released and nobody went through yet.
    """

    gateway: GatewayId
    is_open: bool | None = None
    released_mono_ms: int | None = None


class Doors:
    """Each door's leaf and lock, and who stands before it."""

    def __init__(self) -> None:
        """Starts with no door."""
        self._doors: dict[PortalId, Door] = {}
        self._there: dict[PortalId, list[Companion]] = {}

    def note_leaf(self, portal: PortalId, gateway: GatewayId, *, is_open: bool | None) -> None:
        """Takes in where a door's leaf is; closed again, the lock holds it."""
        door = self._doors.get(portal, Door(gateway=gateway))
        released = door.released_mono_ms if is_open is not False else None
        self._doors[portal] = Door(gateway=gateway, is_open=is_open, released_mono_ms=released)

    def note_release(self, portal: PortalId, gateway: GatewayId, mono_ms: int | None) -> None:
        """Takes in that a lock was released, or with None that this is over."""
        door = self._doors.get(portal, Door(gateway=gateway))
        self._doors[portal] = replace(door, released_mono_ms=mono_ms)

    def of(self, portal: PortalId) -> Door | None:
        """Returns what is known of a door."""
        return self._doors.get(portal)

    def leaves_of(self, gateway: GatewayId) -> dict[PortalId, bool]:
        """Returns the doors of a gateway of which it is known whether they are open."""
        return {
            portal: door.is_open
            for portal, door in self._doors.items()
            if door.gateway == gateway and door.is_open is not None
        }

    def note_there(self, portal: PortalId, companion: Companion) -> None:
        """Takes in who showed a code; the same person again is there once."""
        self._leave(portal, {companion.bearer.holder_id}, companion.at_mono_ms)
        self._there[portal] = [*self._there[portal], companion][-MOST_WAITING:]

    def note_gone(self, portal: PortalId, companions: Sequence[Companion], mono_ms: int) -> None:
        """Takes in that they were let in."""
        self._leave(portal, {one.bearer.holder_id for one in companions}, mono_ms)

    def note_led(self, portal: PortalId, escort: CredentialId) -> None:
        """Takes in that an escort who is there leads one more."""
        self._there[portal] = [
            replace(one, leads=one.leads + 1) if one.bearer.holder_id == escort else one
            for one in self._there.get(portal, ())
        ]

    def there(self, portal: PortalId) -> Sequence[Companion]:
        """Returns who showed a code lately, the longest there first."""
        return self._there.get(portal, ())

    def _leave(self, portal: PortalId, gone: set[bytes], mono_ms: int) -> None:
        oldest = mono_ms - MAX_WAIT_S * 1000
        self._there[portal] = [
            one
            for one in self._there.get(portal, ())
            if one.bearer.holder_id not in gone and one.at_mono_ms >= oldest
        ]


def is_released(door: Door, mono_ms: int) -> bool:
    """Whether somebody may be going through just now."""
    return door.released_mono_ms is not None and mono_ms - door.released_mono_ms < RELEASED_FOR_MS
