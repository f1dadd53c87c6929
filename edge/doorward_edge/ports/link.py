"""The connection to the broker."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message to publish at once.

    Attributes:
        qos: 0 or 1.
    """

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message that came down. `retained` says that the broker had kept it."""

    topic: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The broker accepted us; `session` counts the connections of this boot."""

    session: int


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The connection is gone or was refused; `why` is for the log."""

    why: str


LinkEvent = Arrived | LinkUp | LinkDown


class Broker(Protocol):
    """A connection that dials again by itself until it is closed."""

    def open(self) -> None:
        """Begins to dial. Returns at once."""
        ...

    def subscribe(self, topics: Sequence[str]) -> None:
        """Asks for topics, at QoS 1; asking again brings their retained messages again."""
        ...

    def publish(self, message: Outgoing) -> bool:
        """Hands a message over. Returns False when there is no connection; it is not kept then."""
        ...

    def next_event(self, timeout_s: float) -> LinkEvent | None:
        """Returns what happened next, or None when nothing did within the time."""
        ...

    def wake(self) -> None:
        """Makes `next_event` return None at once, from any thread."""
        ...

    def close(self) -> None:
        """Says goodbye and hangs up."""
        ...
