"""Pins that drive nothing and remember what was done to them.

They behave as the processor's do: before they are claimed, and again when they are let go, they
rest at the level that the processor or the board pulls them to. A pin that is made an output
without saying at which level goes low first, as on the real chip, so that a careless claim is seen.
"""

import json
import os
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPWMPin

from doorward_edge.boards import Level

LAST_CHANGES = 1000
"""So many changes of a pin are remembered: a demonstration may run for weeks."""

MAX_FILE_BYTES = 4 * 2**20
"""A history file that grows beyond this is set aside once, in place of an older one."""


class RecordedPins(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """A factory of recorded pins."""

    def __init__(
        self,
        rests: Mapping[int, Level],
        outside: Mapping[int, Level],
        history: Path | None,
    ) -> None:
        """Takes the level at which each pin rests, and what wires from outside hold inputs at."""
        self.rests = dict(rests)
        self.outside = dict(outside)
        self._history = None
        if history is not None:
            with suppress(OSError):  # as a full disk, a missing folder must not stop the pins
                self._history = _HistoryFile(history)
        super().__init__(pin_class=_RecordedPin)

    def note(self, pin: str, level: float, at_s: float) -> None:
        """Writes a change down, where there is a file."""
        if self._history is not None:
            self._history.note(pin, level, at_s)


def recorded_pins(
    rests: Mapping[int, Level] | None = None,
    *,
    outside: Mapping[int, Level] | None = None,
    history: Path | None = None,
) -> RecordedPins:
    """Returns pins that drive nothing.

    Args:
        rests: the level at which a pin rests while nobody drives it; low where it is not said.
        outside: the level that a wire from outside holds an input at.
        history: a file to which every change is appended at once; it outlives a killed process.
    """
    return RecordedPins(rests or {}, outside or {}, history)


def drive_pin(factory: RecordedPins, pin: int, level: Level) -> None:
    """Holds an input at a level from outside, as a switch would.

    Raises:
        ValueError: the pin is an output.
    """
    found = _claimed(factory).get(f"GPIO{pin}")
    if found is not None and found.function == "output":
        raise ValueError(f"GPIO{pin} is an output")
    factory.outside[pin] = level
    if found is not None:
        found.drive_high() if level is Level.HIGH else found.drive_low()


def pin_histories(factory: MockFactory) -> dict[str, list[tuple[float, float]]]:
    """Returns each claimed pin's last changes: seconds since the one before, and the level then."""
    return {
        name: [(round(change.timestamp, 6), float(change.state)) for change in list(pin.states)]
        for name, pin in _claimed(factory).items()
    }


def pin_levels(factory: MockFactory) -> dict[str, float]:
    """Returns each claimed pin's level now."""
    return {name: float(pin.state) for name, pin in _claimed(factory).items()}


def _claimed(factory: MockFactory) -> dict[str, Any]:
    return {info.name: pin for info, pin in list(factory.pins.items())}


class _RecordedPin(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """A mock pin with a rest level, a wire from outside, and a bounded memory."""

    factory: RecordedPins
    states: Any
    _function: str
    _state: float
    _frequency: float | None
    _last_change: float

    def __init__(self, factory: RecordedPins, info: Any) -> None:  # noqa: ANN401  # no types
        super().__init__(factory, info)
        self._state = self._at_rest()
        self.clear_states()
        self.factory.note(info.name, self._state, self._last_change)

    def clear_states(self) -> None:
        super().clear_states()
        self.states = deque(self.states, maxlen=LAST_CHANGES)

    def output_with_state(self, state: float) -> None:
        self._function = "output"
        self._change_state(float(state))

    def close(self) -> None:
        self._frequency = None
        self.when_changed = None
        self._function = "input"
        self._change_state(self._at_rest())

    def _set_function(self, value: str) -> None:
        super()._set_function(value)
        if value == "output":
            self._change_state(0.0)

    def _set_pull(self, value: str) -> None:
        self._pull = value
        outside = self._outside()
        if outside is not None:
            self._change_state(outside)
        elif value != "floating":
            self._change_state(1.0 if value == "up" else 0.0)

    def _set_frequency(self, value: float | None) -> None:
        was_sounding = self._frequency is not None
        self._frequency = value
        if value is None and was_sounding:
            self._change_state(0.0)

    def _change_state(self, value: float) -> bool:
        has_changed = bool(super()._change_state(float(value)))
        if has_changed:
            self.factory.note(self.info.name, self._state, self._last_change)
        return has_changed

    def _outside(self) -> float | None:
        level = self.factory.outside.get(_number(self.info.name))
        return None if level is None else float(level is Level.HIGH)

    def _at_rest(self) -> float:
        outside = self._outside()
        if outside is not None:
            return outside
        return float(self.factory.rests.get(_number(self.info.name)) is Level.HIGH)


def _number(name: str) -> int:
    return int(name.removeprefix("GPIO"))


class _HistoryFile:
    """Appends one JSON object a change; what was written outlives the process at once."""

    def __init__(self, path: Path) -> None:
        if path.exists() and path.stat().st_size > MAX_FILE_BYTES:
            path.replace(path.with_suffix(".old.jsonl"))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._write({"process": os.getpid()})

    def note(self, pin: str, level: float, at_s: float) -> None:
        self._write({"pin": pin, "level": level, "at_mono_s": round(at_s, 6)})

    def _write(self, entry: dict[str, object]) -> None:
        with suppress(OSError):
            os.write(self._file, json.dumps(entry).encode() + b"\n")
