"""What the level of a pin means at a lock or a switch: coil, contact and lock in turn.

A relay's coil is driven when its pin is at the active level. A normally open contact (NO) is closed
while the coil is driven, a normally closed one (NC) while it is not. A strike that fails secure is
released by current, a magnet that fails safe is locked by current, and current flows through a
closed contact.
"""

from enum import StrEnum


class Level(StrEnum):
    """The level of a pin."""

    HIGH = "high"
    LOW = "low"

    @property
    def other(self) -> "Level":
        """The opposite level."""
        return Level.LOW if self is Level.HIGH else Level.HIGH


class Contact(StrEnum):
    """How a circuit is made up."""

    NO = "no"
    """Open at rest: of a relay, while its coil is not driven; of a switch, while nothing is up."""
    NC = "nc"
    """Closed at rest."""


class LockKind(StrEnum):
    """What current does to a lock."""

    FAIL_SECURE = "fail_secure"
    """A strike: current releases it; without power it is locked (from outside)."""
    FAIL_SAFE = "fail_safe"
    """A magnet: current locks it; without power it is open."""
    TURNSTILE = "turnstile"
    """A drive's input: each change of the contact lets one person through, in one direction."""


def released_level(kind: LockKind, contact: Contact, active: Level) -> Level:
    """Returns the level of the pin at which the lock is released.

    Args:
        kind: what current does to the lock.
        contact: which contact of the relay its circuit runs through. A turnstile's drive watches
            the contact for a change, so that its coil is driven for a release in either case.
        active: the level at which the coil is driven.
    """
    released_is_closed = kind is LockKind.FAIL_SECURE
    closed_is_driven = contact is Contact.NO
    released_is_driven = kind is LockKind.TURNSTILE or released_is_closed == closed_is_driven
    return active if released_is_driven else active.other


def is_input_active(level: Level, contact: Contact, closed: Level) -> bool:
    """Returns whether a switch is away from its rest: a door is open, a button is pressed.

    Args:
        level: what the pin reads.
        contact: how the switch is at rest.
        closed: what the pin reads while the circuit is closed.
    """
    return (level is closed) == (contact is Contact.NO)
