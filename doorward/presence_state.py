"""The state that presence messages add up to: part of a `doorward.presence.PresenceBook`."""

from doorward.ids import PortalId
from doorward.presence_doors import Doors
from doorward.presence_message import PresenceMessage, Sign
from doorward.presence_places import Places, Source
from doorward.presence_uses import (
    CountedEntries,
    OneTimeUses,
    Use,
    UsedSlots,
    with_entry,
    with_use,
)

NOWHERE = PortalId("")
"""A door that nobody asks about; passages by hand may happen at none."""


class PresenceState:
    """Everything that was seen, by whichever gateway.

    Attributes:
        last_grants: when somebody was last let in at a portal that did not stand free.
        floor_s: the latest time that the gateway's own trusted clock ever showed, UTC seconds.
        lost_at: when all that was seen before was lost, or None; 0: it is not known yet when.
        gave_up_at: when the last of the people was given up whom there was no room for, or None.
    """

    def __init__(self) -> None:
        """Starts with nothing seen."""
        self.places, self.doors, self.slots = Places(), Doors(), UsedSlots()
        self.once, self.entries = OneTimeUses(), CountedEntries()
        self.last_grants: dict[PortalId, int] = {}
        self.floor_s = 0
        self.lost_at: int | None = None
        self.gave_up_at: int | None = None

    def apply(self, message: PresenceMessage, mono_ms: int, oldest: int) -> None:
        """Takes in one message that was not taken in before.

        What happened before `oldest` says nothing any more of where people are.
        """
        match message.sign:
            case Sign.GRANTED:
                self._grant(message, mono_ms)
            case Sign.PASSED:
                self._passage(message, oldest)
            case Sign.ANNULLED:
                self._annulment(message)
            case Sign.OPENED | Sign.CLOSED:
                self._leaf(message)
            case Sign.FORGIVEN | Sign.ALL_FORGIVEN:
                self.places.forgive(message.holder, message.enters, _source(message))

    def _grant(self, message: PresenceMessage, mono_ms: int) -> None:
        if message.slot is not None:
            self.slots.note(message.credential, message.slot, mono_ms)
        self._use(message, is_used=True)
        self._release(message, mono_ms)

    def _passage(self, message: PresenceMessage, oldest: int) -> None:
        self._release(message, None)
        if message.enters and message.counts_until:
            key = (message.holder, message.enters)
            entries = with_entry(self.entries.get(key), message.at)
            self.entries.put(key, entries, message.counts_until)
        if message.at < oldest:
            return
        for zone in message.leaves:
            self._place(message, zone, is_inside=False)
        if message.enters:
            self._place(message, message.enters, is_inside=True)

    def _annulment(self, message: PresenceMessage) -> None:
        self._release(message, None)
        self._use(message, is_used=False)

    def _use(self, message: PresenceMessage, *, is_used: bool) -> None:
        if message.once_until and message.way is not None:
            key = (message.credential, message.way)
            said = Use(message.gateway, message.epoch, message.seq, is_used)
            self.once.put(key, with_use(self.once.get(key), said), message.once_until)

    def _leaf(self, message: PresenceMessage) -> None:
        is_open = message.sign is Sign.OPENED
        self.doors.note_leaf(message.portal or NOWHERE, message.gateway, is_open=is_open)

    def _place(self, message: PresenceMessage, zone: str, *, is_inside: bool) -> None:
        if self.places.note(message.holder, zone, _source(message), is_inside=is_inside):
            self.gave_up_at = max(message.at, self.gave_up_at or 0)

    def _release(self, message: PresenceMessage, mono_ms: int | None) -> None:
        self.doors.note_release(message.portal or NOWHERE, message.gateway, mono_ms)


def _source(message: PresenceMessage) -> Source:
    return Source(at=message.at, gateway=message.gateway, epoch=message.epoch, seq=message.seq)
