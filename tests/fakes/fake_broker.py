"""A broker that a test holds in its hands."""

from collections import deque
from collections.abc import Sequence

from doorward_edge.ports import LinkEvent, Outgoing


class FakeBroker:
    """Gives out the events that a test put in, and keeps what was published.

    Attributes:
        is_up: publishing fails while it is False.
    """

    def __init__(self) -> None:
        self.events: deque[LinkEvent] = deque()
        self.published: list[Outgoing] = []
        self.subscribed: list[str] = []
        self.is_up = True

    def open(self) -> None:
        pass

    def subscribe(self, topics: Sequence[str]) -> None:
        self.subscribed.extend(topics)

    def publish(self, message: Outgoing) -> bool:
        if self.is_up:
            self.published.append(message)
        return self.is_up

    def next_event(self, timeout_s: float) -> LinkEvent | None:
        del timeout_s
        return self.events.popleft() if self.events else None

    def wake(self) -> None:
        pass

    def close(self) -> None:
        self.is_up = False

    def take_published(self, ending: str) -> list[bytes]:
        """Returns and forgets the payloads published on topics with this ending."""
        found = [m.payload for m in self.published if m.topic.endswith(ending)]
        self.published = [m for m in self.published if not m.topic.endswith(ending)]
        return found
