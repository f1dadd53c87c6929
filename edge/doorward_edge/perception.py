"""What a person at the portal perceives, as a table (architecture, §9).

Never colour alone: each signal has a tone of its own. At most three flashes a second.
"""

from dataclasses import dataclass
from enum import StrEnum

from doorward.decision import Deny, Grant
from doorward.reasons import Reason
from doorward_edge.ports import Signal

LOW_HZ, MID_HZ, HIGH_HZ, TOP_HZ = 220, 440, 660, 880


class Lamp(StrEnum):
    """The lamps that a portal may have."""

    GREEN = "green"
    RED = "red"
    YELLOW = "yellow"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Step:
    """For some milliseconds these lamps are lit and this tone sounds (0: silence)."""

    for_ms: int
    lamps: frozenset[Lamp]
    tone_hz: int = 0


@dataclass(frozen=True, slots=True)
class Pattern:
    """Steps in order; afterwards the last one's lamps stay when `stays`, else everything is out."""

    steps: tuple[Step, ...]
    stays: bool = False


_GREEN, _RED, _YELLOW, _BLUE = (
    frozenset({lamp}) for lamp in (Lamp.GREEN, Lamp.RED, Lamp.YELLOW, Lamp.BLUE)
)
_OUT: frozenset[Lamp] = frozenset()

PATTERNS = {
    Signal.IDLE: Pattern((Step(1, _OUT),)),
    Signal.GRANTED: Pattern(
        (Step(120, _GREEN, HIGH_HZ), Step(160, _GREEN, TOP_HZ), Step(1720, _GREEN))
    ),
    Signal.REFUSED: Pattern((Step(700, _RED, LOW_HZ), Step(1300, _RED))),
    Signal.UNREADABLE: Pattern(
        (
            Step(120, _YELLOW, MID_HZ),
            Step(120, _YELLOW),
            Step(120, _YELLOW, MID_HZ),
            Step(1140, _YELLOW),
        )
    ),
    Signal.NOT_ENROLLED: Pattern(
        (Step(500, _BLUE), Step(500, _OUT), Step(500, _BLUE), Step(500, _OUT)),
    ),
    Signal.WAITING: Pattern(
        (Step(120, _YELLOW, HIGH_HZ), Step(400, _YELLOW), Step(120, _YELLOW, HIGH_HZ)), stays=True
    ),
    Signal.LOCKDOWN: Pattern((Step(700, _RED, LOW_HZ), Step(1, _RED)), stays=True),
    Signal.FIRE: Pattern((Step(1, _GREEN),), stays=True),
    Signal.CAMERA_FAULT: Pattern((Step(1, _YELLOW),), stays=True),
}

_UNREADABLE = frozenset(
    {
        Reason.NOT_OURS,
        Reason.MALFORMED,
        Reason.TOO_LONG,
        Reason.STRUCTURED_APPEND,
        Reason.UNKNOWN_VERSION,
        Reason.STICKER_CHECK_WRONG,
    }
)
_NOT_ENROLLED = frozenset({Reason.POLICY_MISSING, Reason.PORTAL_UNKNOWN})


def signal_of(decision: Grant | Deny) -> Signal:
    """Returns how a decision is shown. What could not be read is never called refused."""
    if isinstance(decision, Grant):
        return Signal.GRANTED
    if decision.reason in _UNREADABLE:
        return Signal.UNREADABLE
    if decision.reason in _NOT_ENROLLED:
        return Signal.NOT_ENROLLED
    if decision.reason is Reason.LOCKDOWN:
        return Signal.LOCKDOWN
    return Signal.REFUSED


def with_offline_dot(pattern: Pattern) -> Pattern:
    """Returns the pattern with the blue lamp lit throughout: the portal decides by itself."""
    steps = tuple(Step(step.for_ms, step.lamps | _BLUE, step.tone_hz) for step in pattern.steps)
    return Pattern(steps, pattern.stays)
