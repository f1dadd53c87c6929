"""What a portal acts with and what is wired to it: lock, inputs, lamps and buzzer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from doorward.errors import DoorwardError
from doorward.ids import PortalId
from doorward.reasons import Reason


class LockOwesError(DoorwardError):
    """A turnstile still owes as many passages as it may."""


class Lock(Protocol):
    """What keeps a portal shut: locked until told otherwise, and after every release.

    A turnstile has one for each direction. Safe from every thread; every method returns at once.
    """

    def release(self, pulse_ms: int) -> None:
        """Lets one person through: released for that long, then locked again.

        A second call while released begins a new pulse. A lock that is held open stays so.

        Raises:
            LockOwesError: it owes so many passages already that one more is not promised.
        """
        ...

    def hold_open(self) -> None:
        """Releases it until `secure` or `close`."""
        ...

    def secure(self) -> None:
        """Locks it now, whatever pulse or holding it was in."""
        ...

    def close(self) -> None:
        """Locks and lets go of the hardware."""
        ...


class InputKind(StrEnum):
    """What a wire into the gateway tells."""

    CONTACT = "contact"
    PASSAGE = "passage"
    EXIT_BUTTON = "exit_button"
    TAMPER = "tamper"
    FIRE = "fire"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChange:
    """An input is now in this state.

    Attributes:
        portal: None for what concerns the whole gateway: the housing's tamper switch, fire.
        is_active: contact: the leaf is open; passage: somebody is in the light barrier; exit
            button: pressed; tamper: opened; fire: alarm.
        is_faulty: the line of a supervised input is cut or shorted; `is_active` then says what the
            input counts as.
    """

    portal: PortalId | None
    kind: InputKind
    is_active: bool
    is_faulty: bool = False
    at_mono_ms: int


class Inputs(Protocol):
    """All inputs of the gateway, debounced."""

    def changes(self) -> Sequence[InputChange]:
        """Returns what changed since the last call, in order; never blocks.

        The first call gives the state of every input, whatever it is.
        """
        ...

    def listen(self, wake: Callable[[], None]) -> None:
        """Has `wake` called, by other threads, whenever there is a change to fetch."""
        ...

    def close(self) -> None:
        """Lets go of the pins; `wake` is not called afterwards."""
        ...


class Signal(StrEnum):
    """The one vocabulary in which a portal speaks to people (architecture, §9)."""

    IDLE = "idle"
    GRANTED = "granted"
    REFUSED = "refused"
    UNREADABLE = "unreadable"
    NOT_ENROLLED = "not_enrolled"
    WAITING = "waiting"
    """The first of two persons was accepted; the portal waits for the second."""
    LOCKDOWN = "lockdown"
    FIRE = "fire"
    CAMERA_FAULT = "camera_fault"
    IDENTIFY = "identify"
    """Somebody far away has this unit show which one it is."""


class Indicator(Protocol):
    """Lamps and buzzer of a portal, or its screen."""

    def show(self, signal: Signal, *, offline: bool, reason: Reason | None = None) -> None:
        """Shows a signal in place of the last; `offline` adds the blue dot. Returns at once.

        Args:
            signal: what the person is told.
            offline: whether the gateway decides by itself.
            reason: why, for what can show words.
        """
        ...

    def close(self) -> None:
        """Puts everything out and lets go of the hardware."""
        ...
