"""What the levels of an input's pins mean, and when they have settled. No pins, no clock.

A supervised input is a changeover contact with both throws wired: exactly one of the two circuits
is closed. None means that the line is cut, both that it is shorted. Between its throws a contact
touches neither for a moment; the debounce covers that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from doorward_edge.boards import Contact, Level, is_input_active
from doorward_edge.config import InputLine, InputPin
from doorward_edge.ports import InputKind

_COUNTS_AS_ACTIVE = frozenset({InputKind.CONTACT, InputKind.TAMPER})
"""Whose fault may be somebody's work. A faulty button never opens, a faulty line is no fire."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an input says at one moment."""

    is_active: bool
    is_faulty: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """What an input says now, and since when."""

    reading: Reading
    since_ms: int


def reading_of(line: InputLine, first: Level, second: Level | None) -> Reading:
    """Returns what the levels of an input's pins mean.

    Args:
        line: how it is wired.
        first: level of its pin.
        second: level of its second pin, where it is supervised.
    """
    is_active = is_input_active(first, line.contact, line.first.closed)
    if line.second is None or second is None:
        return Reading(is_active)
    if (first is line.first.closed) == (second is line.second.closed):
        return unreadable(line)
    return Reading(is_active)


def unreadable(line: InputLine) -> Reading:
    """Returns what an input counts as whose line is cut or shorted, or whose pin fails."""
    return Reading(line.kind in _COUNTS_AS_ACTIVE, is_faulty=True)


def levels_of(line: InputLine, *, is_active: bool) -> Mapping[int, Level]:
    """Returns the levels of an input's pins while its switch is so; for simulations."""
    is_first_closed = is_active == (line.contact is Contact.NO)
    levels = {line.first.pin: _level_of(line.first, is_closed=is_first_closed)}
    if line.second is not None:
        levels[line.second.pin] = _level_of(line.second, is_closed=not is_first_closed)
    return levels


def faulty_levels(line: InputLine, fault: str) -> Mapping[int, Level]:
    """Returns the levels of a supervised input's pins while its line is ``cut`` or ``shorted``.

    Raises:
        ValueError: it is not supervised, or the fault is neither.
    """
    if line.second is None:
        raise ValueError(
            f"{line.kind} has no second_terminal: nobody would see a fault of its line"
        )
    if fault not in {"cut", "shorted"}:
        raise ValueError(f"fault is {fault!r}, must be cut or shorted")
    pins = (line.first, line.second)
    return {pin.pin: _level_of(pin, is_closed=fault == "shorted") for pin in pins}


def _level_of(pin: InputPin, *, is_closed: bool) -> Level:
    return pin.closed if is_closed else pin.closed.other


class Debounce:
    """Believes a reading once it has stayed for a time without anything moving."""

    def __init__(self, debounce_ms: int) -> None:
        """Begins with nothing; the first reading is believed at once."""
        self._debounce_ms = debounce_ms
        self._settled: Reading | None = None
        self._candidate: Reading | None = None
        self._since_ms = 0

    @property
    def due_ms(self) -> int | None:
        """When the present reading will have stayed long enough; None when nothing is unsettled."""
        return None if self._candidate is None else self._since_ms + self._debounce_ms

    def feed(self, reading: Reading, now_ms: int, *, has_moved: bool = False) -> Settled | None:
        """Takes a reading in; returns it when it is believed and differs from what was.

        Args:
            reading: what the input says now.
            now_ms: monotonic.
            has_moved: something moved since the last reading, even if it says the same.
        """
        if self._settled is None:
            self._settled = reading
            return Settled(reading, now_ms)
        if reading == self._settled:
            self._candidate = None
            return None
        if reading != self._candidate or has_moved:
            self._candidate, self._since_ms = reading, now_ms
        if now_ms - self._since_ms < self._debounce_ms:
            return None
        self._settled, self._candidate = reading, None
        return Settled(reading, self._since_ms)
