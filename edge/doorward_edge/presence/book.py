"""The presence book as a gateway runs it: whatever it says or hears is passed on to be kept."""

from collections.abc import Callable

from doorward.decision import Deny, Grant
from doorward.ids import CredentialId, PortalId
from doorward.presence import PresenceBook
from doorward.presence_message import PresenceMessage
from doorward.times import Instant

Said = tuple[PresenceMessage, ...]


def _to_nobody(_messages: Said) -> None:
    """A book that nobody listens to."""


class ToldBook(PresenceBook):
    """A book that tells what it says itself, and what it learned from others.

    Attributes:
        on_said: told of each of our own messages, in order.
        on_learned: told of what another gateway said, with the time that it counts with.
    """

    on_said: Callable[[Said], None] = staticmethod(_to_nobody)
    on_learned: Callable[[Said], None] = staticmethod(_to_nobody)

    def note_decision(self, portal: PortalId, decision: Grant | Deny, now: Instant) -> Said:
        """As the kit's, and tells."""
        return self._told(super().note_decision(portal, decision, now))

    def note_passed(self, portal: PortalId, grant: Grant, now: Instant) -> Said:
        """As the kit's, and tells."""
        return self._told(super().note_passed(portal, grant, now))

    def note_annulled(self, portal: PortalId, grant: Grant, now: Instant) -> Said:
        """As the kit's, and tells."""
        return self._told(super().note_annulled(portal, grant, now))

    def note_door(self, portal: PortalId, *, is_open: bool | None, now: Instant) -> Said:
        """As the kit's, and tells."""
        return self._told(super().note_door(portal, is_open=is_open, now=now))

    def forgive(self, holder_id: CredentialId, now: Instant, zone: str = "") -> Said:
        """As the kit's, and tells."""
        return self._told(super().forgive(holder_id, now, zone))

    def forgive_all(self, zone: str, now: Instant) -> Said:
        """As the kit's, and tells."""
        return self._told(super().forgive_all(zone, now))

    def beat(self, now: Instant) -> Said:
        """As the kit's, and tells."""
        return self._told(super().beat(now))

    def take(self, message: PresenceMessage, now: Instant) -> PresenceMessage | None:
        """As the kit's, and tells."""
        counted = super().take(message, now)
        if counted is not None:
            self.on_learned((counted,))
        return counted

    def _told(self, said: Said) -> Said:
        if said:
            self.on_said(said)
        return said
