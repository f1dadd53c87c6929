"""What a gateway has to tell the others: part of a `doorward.presence.PresenceBook`."""

from collections import OrderedDict
from collections.abc import Iterator

from doorward.ids import Epoch, PortalId
from doorward.presence_message import PresenceMessage, Sign

MOST_UNSENT = 20_000
LASTING = frozenset({Sign.GRANTED, Sign.PASSED, Sign.ANNULLED, Sign.FORGIVEN, Sign.ALL_FORGIVEN})
"""Worth telling late; of a door, and of being there, only the last is."""


class Outbox:
    """Messages in the order in which they were said, until the broker has them."""

    def __init__(self) -> None:
        """Starts with nothing to tell."""
        self._unsent: OrderedDict[tuple[Epoch, int], PresenceMessage] = OrderedDict()
        self._last: dict[PortalId | None, tuple[Epoch, int]] = {}

    def add(self, message: PresenceMessage) -> None:
        """Keeps a message; of too many the oldest goes, and the others learn it by what follows."""
        key = (message.epoch, message.seq)
        if message.sign not in LASTING:
            self._unsent.pop(self._last.get(message.portal, key), None)
            self._last[message.portal] = key
        self._unsent[key] = message
        if len(self._unsent) > MOST_UNSENT:
            self._unsent.popitem(last=False)

    def __iter__(self) -> Iterator[PresenceMessage]:
        """Yields what is not sent, oldest first."""
        return iter(tuple(self._unsent.values()))

    def remove(self, message: PresenceMessage) -> None:
        """Forgets a message that the broker has."""
        self._unsent.pop((message.epoch, message.seq), None)
