"""What intake needs of a broker connection, and the message that it gets from one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A message that arrived.

    Attributes:
        confirm: tells the broker that it need not send this one again.
    """

    topic: str
    wire: bytes
    confirm: Callable[[], None]


class Link(Protocol):
    """A connection to the broker; also the publisher of the services."""

    @property
    def connected(self) -> bool:
        """Whether the broker is there now."""
        ...

    def publish(self, topic: str, wire: bytes, *, retain: bool) -> None:
        """Hands a message over at QoS 1; kept while the broker is away."""
        ...

    def start(
        self, on_message: Callable[[Inbound], None], on_connected: Callable[[], None]
    ) -> None:
        """Connects and stays connected until `stop`; both callbacks must only enqueue."""
        ...

    def lead(self, *, leads: bool) -> None:
        """Whether this process of many hears what one must hear alone, from now on."""
        ...

    def stop(self) -> None:
        """Says good-bye and disconnects."""
        ...
