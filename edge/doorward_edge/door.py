"""The door as a table: its states, what turns one into another, and the words it is told in.

`door_steps` applies the table to what happens. What is not in it changes nothing.
"""

from dataclasses import dataclass
from enum import StrEnum

from doorward.events import EventCode, Passage
from doorward.policy import Posture
from doorward_edge.ports import InputChange, InputKind, Signal


class DoorState(StrEnum):
    """What a door is."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    OPEN = "open"
    HELD_OPEN = "held_open"
    FORCED = "forced"
    FAULT = "fault"
    """Nobody knows where the leaf is: its line is cut or shorted, or it was not read yet."""


class Turn(StrEnum):
    """What makes one state of another."""

    RELEASED = "released"
    """A pulse releases the lock."""
    FREED = "freed"
    """The lock is kept released: by an order, by free passage, by a fire alarm."""
    SECURED = "secured"
    OPENED = "opened"
    CLOSED = "closed"
    """The leaf is closed; when the lock is released at that time, `RELEASED` follows."""
    OVERDUE = "overdue"
    """The leaf stands open for longer than the rule allows."""
    LOST = "lost"
    """The leaf cannot be seen any more."""


TABLE: dict[DoorState, dict[Turn, DoorState]] = {
    DoorState.LOCKED: {
        Turn.RELEASED: DoorState.UNLOCKED,
        Turn.FREED: DoorState.UNLOCKED,
        Turn.OPENED: DoorState.FORCED,
        Turn.LOST: DoorState.FAULT,
    },
    DoorState.UNLOCKED: {
        Turn.SECURED: DoorState.LOCKED,
        Turn.OPENED: DoorState.OPEN,
        Turn.LOST: DoorState.FAULT,
    },
    DoorState.OPEN: {
        Turn.CLOSED: DoorState.LOCKED,
        Turn.OVERDUE: DoorState.HELD_OPEN,
        Turn.LOST: DoorState.FAULT,
    },
    DoorState.HELD_OPEN: {
        Turn.FREED: DoorState.OPEN,
        Turn.CLOSED: DoorState.LOCKED,
        Turn.LOST: DoorState.FAULT,
    },
    DoorState.FORCED: {
        Turn.FREED: DoorState.OPEN,
        Turn.CLOSED: DoorState.LOCKED,
        Turn.LOST: DoorState.FAULT,
    },
    DoorState.FAULT: {
        Turn.OPENED: DoorState.OPEN,
        Turn.CLOSED: DoorState.LOCKED,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorRule:
    """What a portal has, and how long things may take there.

    Attributes:
        has_contact: a contact tells whether the leaf is open.
        has_passage: a sensor tells that somebody goes through.
        has_free_handle: from inside it opens by hand, so that an opening is not forced.
        is_pulsed: a drive lets one person through for each pulse and locks by itself.
        is_exit_wired: the exit button releases the lock itself; the gateway only learns of it.
        pass_within_ms: who was let in and was not seen passing by then did not.
        held_after_ms: the leaf may stand open for so long.
        held_again_ms: a held door is told again after this, 0 for never.
        exit_pulse_ms: how long the exit button releases the lock.
        grace_ms: an opening so soon after the lock was secured still belongs to its pulse.
        same_person_ms: a second passing so soon after the last is an arm or a bag.
    """

    has_contact: bool = False
    has_passage: bool = False
    has_free_handle: bool = False
    is_pulsed: bool = False
    is_exit_wired: bool = False
    pass_within_ms: int = 8_000
    held_after_ms: int = 30_000
    held_again_ms: int = 60_000
    exit_pulse_ms: int = 5_000
    grace_ms: int = 1_000
    same_person_ms: int = 1_000

    @property
    def leaf_input(self) -> InputKind | None:
        """What tells where the leaf is: the contact, or else the passage sensor, or nothing."""
        if self.has_contact:
            return InputKind.CONTACT
        return InputKind.PASSAGE if self.has_passage else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Somebody who may pass and was not seen passing yet.

    Attributes:
        about: number that the caller gave to the grant; None for a button or an order.
        who: whom the grant is for, or None where that is not known.
    """

    about: int | None
    who: bytes | None
    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A door at one time.

    Attributes:
        is_leaf_open: as far as it can be seen.
        pulse_until_ms: a pulse releases the lock until then; None without one.
        is_held: an order keeps the lock released.
        posture: free passage keeps it released, too.
        is_fire: the alarm has released it; nothing is driven.
        is_tampered: the portal's housing is open.
        admitted: who may pass, oldest first.
        secured_ms: when the lock was last secured.
        open_since_ms: from when on the time of an open leaf counts.
        held_told_ms: when it was last told that it is held.
        passed_ms: when somebody last passed.
        is_exit_pressed: the exit button; None while that is not known.
        faulty: the inputs whose lines are cut or shorted.
    """

    state: DoorState
    is_leaf_open: bool = False
    pulse_until_ms: int | None = None
    is_held: bool = False
    posture: Posture = Posture.NORMAL
    is_fire: bool = False
    is_tampered: bool = False
    is_exit_pressed: bool | None = None
    admitted: tuple[Admitted, ...] = ()
    secured_ms: int | None = None
    open_since_ms: int = 0
    held_told_ms: int | None = None
    passed_ms: int | None = None
    faulty: frozenset[InputKind] = frozenset()

    @property
    def is_freed(self) -> bool:
        """Whether the lock is kept released, by whatever."""
        return self.is_held or self.posture is Posture.FREE or self.is_fire

    @property
    def is_released(self) -> bool:
        """Whether the lock is released, for a moment or for longer."""
        return self.pulse_until_ms is not None or self.is_freed


def new_door(rule: DoorRule) -> Door:
    """Returns a door of which nothing is known but that its lock is secured."""
    return Door(state=DoorState.LOCKED if rule.leaf_input is None else DoorState.FAULT)


# --- What happens ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """Somebody is let in."""

    about: int
    pulse_ms: int
    who: bytes | None = None


class Order(StrEnum):
    """What somebody with authority over the door wants of it."""

    OPEN_ONCE = "open_once"
    HOLD_OPEN = "hold_open"
    SECURE = "secure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """An order; `pulse_ms` is for one opening."""

    order: Order
    pulse_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PostureSet:
    """The portal's posture is now this one."""

    posture: Posture


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Nothing but time."""


DoorEvent = Granted | InputChange | Ordered | PostureSet | Elapsed


# --- What is to be done ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Release the lock for a time."""

    pulse_ms: int


@dataclass(frozen=True, slots=True)
class KeepReleased:
    """Release the lock until it is secured."""


@dataclass(frozen=True, slots=True)
class SecureLock:
    """Secure the lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Show a signal."""

    signal: Signal


class Seen(StrEnum):
    """By what a passage was seen."""

    SENSOR = "passage sensor"
    CONTACT = "door contact"
    NOTHING = ""
    """There is nothing that could see it: the grant counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A passage, or what was taken for one. `about` is the number of the grant."""

    passage: Passage
    about: int | None = None
    seen: Seen = Seen.NOTHING
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something to record that is no passage."""

    code: EventCode
    detail: str = ""


DoorAction = Release | KeepReleased | SecureLock | Show | Told | Noted


def resting_signal(door: Door) -> Signal:
    """Returns what a portal shows while nobody asks it anything."""
    if door.is_fire:
        return Signal.FIRE
    return Signal.LOCKDOWN if door.posture is Posture.LOCKDOWN else Signal.IDLE
