"""The ports that we own: what the gateway needs of the world, in its own words.

Adapters in `adapters/` implement them, simulators ship with the product, fakes live in the tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from doorward.messages import Applied

# --- Rules on the disk -------------------------------------------------------------------------


class PolicyFiles(Protocol):
    """Keeps signed documents, each under a name, so that a power cut leaves the old or the new."""

    def save(self, name: str, wire: bytes) -> None:
        """Replaces a document; returns when it is on the disk. Raises OSError."""
        ...

    def load(self, name: str) -> memoryview | None:
        """Returns a document, mapped and not copied, or None. Raises OSError."""
        ...


class Floors(Protocol):
    """Remembers the highest versions ever applied; they outlive restarts and never sink."""

    def floors(self) -> Applied:
        """Returns the floors."""
        ...

    def raise_floors(self, applied: Applied) -> None:
        """Raises each floor to the version given, where that is higher. Raises OSError."""
        ...


# --- Lock, lamps and buzzer --------------------------------------------------------------------


class Lock(Protocol):
    """What keeps a portal shut. It is locked until `release` says otherwise, and again after it."""

    def release(self, pulse_ms: int) -> None:
        """Lets one person through: released for that long, then locked again.

        A second call while released begins a new pulse. Returns at once.
        """
        ...

    def close(self) -> None:
        """Locks and lets go of the hardware."""
        ...


class Signal(StrEnum):
    """The one vocabulary in which a portal speaks to people (architecture, §9)."""

    IDLE = "idle"
    GRANTED = "granted"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    NOT_ENROLLED = "not_enrolled"
    LOCKDOWN = "lockdown"
    FIRE = "fire"


class Indicator(Protocol):
    """Lamps and buzzer of a portal."""

    def show(self, signal: Signal, *, offline: bool) -> None:
        """Shows a signal in place of the last; `offline` adds the blue dot. Returns at once."""
        ...

    def close(self) -> None:
        """Puts everything out and lets go of the hardware."""
        ...


# --- The broker --------------------------------------------------------------------------------


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

    def close(self) -> None:
        """Says goodbye and hangs up."""
        ...


# --- The service manager -----------------------------------------------------------------------


class Watchdog(Protocol):
    """Who restarts this process when it stops turning."""

    def ready(self) -> None:
        """Says that the gateway works."""
        ...

    def feed(self) -> None:
        """Says that it still does."""
        ...

    def stopping(self) -> None:
        """Says that it ends on purpose."""
        ...
