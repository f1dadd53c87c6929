"""What a person at the portal perceives, as a table (architecture, §9).

Never colour alone: each signal has a tone, words and a picture of its own. At most three flashes a
second. Words and tones can be set; what a colour means cannot.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from doorward.decision import Deny, Grant
from doorward.reasons import Reason
from doorward_edge.config_panel import PerceptionSection, Tone
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
    Signal.IDENTIFY: Pattern(
        (Step(250, _BLUE, TOP_HZ), Step(250, _OUT), Step(250, _BLUE, MID_HZ), Step(250, _OUT)) * 3
    ),
}


@dataclass(frozen=True, slots=True)
class Words:
    """The large words of a screen, in both languages at once."""

    en: str
    zh: str


WORDS = {
    Signal.IDLE: Words("Show your code", "请出示二维码"),
    Signal.GRANTED: Words("Please pass", "请通行"),
    Signal.REFUSED: Words("No entry", "不能通行"),
    Signal.UNREADABLE: Words("Cannot read the code", "无法识别"),
    Signal.NOT_ENROLLED: Words("Not set up yet", "尚未启用"),
    Signal.WAITING: Words("Second person, please", "请第二人刷码"),
    Signal.LOCKDOWN: Words("Lockdown", "封控中"),
    Signal.FIRE: Words("Fire: leave now", "火警，请撤离"),
    Signal.CAMERA_FAULT: Words("Camera out of order", "摄像头故障"),
    Signal.IDENTIFY: Words("Here I am", "我在这里"),
}

MAX_SOUND_MS = 3_000
"""Longer, and the next person's tones would begin before the last one's end."""

_TOLD_APART = (Signal.GRANTED, Signal.REFUSED, Signal.UNREADABLE, Signal.WAITING)
"""Who does not see the lamps must hear the difference."""


class PerceptionError(ValueError):
    """Words or tones that would not be understood; the message names the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Perception:
    """The vocabulary of this gateway: every signal's lamps, tones and words."""

    patterns: Mapping[Signal, Pattern]
    words: Mapping[Signal, Words]


def perception_of(section: PerceptionSection) -> Perception:
    """Returns the vocabulary with what the site set in it. Raises PerceptionError."""
    patterns, words = dict(PATTERNS), dict(WORDS)
    for signal in Signal:
        wanted = getattr(section, signal.value)
        usual = words[signal]
        words[signal] = Words(wanted.en or usual.en, wanted.zh or usual.zh)
        if wanted.tones:
            patterns[signal] = _with_tones(signal, wanted.tones)
    for one, other in itertools.combinations(_TOLD_APART, 2):
        if sound_of(patterns[one]) == sound_of(patterns[other]):
            raise PerceptionError(
                f"perception.{one}.tones sounds like perception.{other}.tones: "
                "who does not see the lamps could not tell them apart"
            )
    return Perception(patterns=patterns, words=words)


def sound_of(pattern: Pattern) -> tuple[tuple[int, int], ...]:
    """Returns what is heard of a pattern: frequencies in hertz and their milliseconds."""
    return tuple((step.tone_hz, step.for_ms) for step in pattern.steps if step.tone_hz)


def duration_ms(pattern: Pattern) -> int:
    """Returns for how long a pattern plays."""
    return sum(step.for_ms for step in pattern.steps)


def _with_tones(signal: Signal, tones: tuple[Tone, ...]) -> Pattern:
    """Returns the signal's pattern with other tones and the lamps that it had."""
    usual = PATTERNS[signal]
    lamps = [step.lamps for step in usual.steps]
    if len(set(lamps)) > 1:
        raise PerceptionError(f"perception.{signal}.tones cannot be set: its lamps blink")
    sound_ms = sum(for_ms for _, for_ms in tones)
    if sound_ms > MAX_SOUND_MS:
        raise PerceptionError(
            f"perception.{signal}.tones last {sound_ms} ms, at most {MAX_SOUND_MS} ms"
        )
    heard = tuple(Step(for_ms, lamps[0], hz) for hz, for_ms in tones)
    rest_ms = max(1, duration_ms(usual) - sound_ms)
    return replace(usual, steps=(*heard, Step(rest_ms, lamps[0])))


_UNREADABLE = frozenset(
    {
        Reason.NOT_OURS,
        Reason.MALFORMED,
        Reason.TOO_LONG,
        Reason.STRUCTURED_APPEND,
        Reason.UNKNOWN_VERSION,
        Reason.STICKER_CHECK_WRONG,
        Reason.BUSY,
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
    return Signal.WAITING if decision.wait_s else Signal.REFUSED


def with_offline_dot(pattern: Pattern) -> Pattern:
    """Returns the pattern with the blue lamp lit throughout: the portal decides by itself."""
    steps = tuple(Step(step.for_ms, step.lamps | _BLUE, step.tone_hz) for step in pattern.steps)
    return Pattern(steps, pattern.stays)
