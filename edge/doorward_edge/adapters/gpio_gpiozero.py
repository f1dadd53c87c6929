"""Lock, lamps and buzzer on GPIO pins, through gpiozero.

A lock output is claimed in its locked state in one step (gpiozero's `output_with_state`), so that
nothing moves when a pin is claimed. `initial_value=None` ("leave as found") is never used here.
What the pin does while no process holds it is a matter of the board: see hardware/README.md.
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from gpiozero import DigitalOutputDevice, Factory, GPIOZeroError, PWMOutputDevice
from gpiozero.pins.mock import MockFactory, MockPWMPin

from doorward.reasons import Reason
from doorward_edge.boards import Level
from doorward_edge.config import LockLine, OutputLine
from doorward_edge.perception import PATTERNS, Lamp, Pattern, with_offline_dot
from doorward_edge.ports import Signal

log = logging.getLogger(__name__)

Pins = Factory
"""Whatever drives pins: the board's, or recorded ones."""

PinError = GPIOZeroError
"""A pin that is taken, missing, or cannot do what is wanted of it."""

BUZZER_DUTY = 0.5
LAST_CHANGES = 1000
LOCK_AGAIN_S = 0.2
"""A pin that cannot be driven is tried again after this, until the lock is locked."""

_END = None


def board_pins() -> Factory:
    """Returns the pins of this board, through lgpio.

    Raises:
        ImportError: the Python module lgpio is missing (apt: python3-lgpio).
        OSError: there is no GPIO here.
    """
    from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415  # only where there is GPIO

    try:
        return LGPIOFactory()
    except Exception as err:  # lgpio's own error is no OSError
        raise OSError(f"no GPIO here: {err}") from err


def recorded_pins() -> MockFactory:
    """Returns gpiozero's mock pins, which drive nothing and remember their last changes."""
    return MockFactory(pin_class=_RecordedPin)


class _RecordedPin(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """A mock pin that remembers its last changes only: a demonstration may run for weeks."""

    states: Any

    def clear_states(self) -> None:
        super().clear_states()
        self.states = deque(self.states, maxlen=LAST_CHANGES)


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


def _output(pin: int, on: Level, factory: Factory) -> DigitalOutputDevice:
    """Claims a pin that is on at that level, and off from the start."""
    return DigitalOutputDevice(
        pin, active_high=on is Level.HIGH, initial_value=False, pin_factory=factory
    )


class GpioLock:
    """A lock driven by one pin."""

    def __init__(self, line: LockLine, *, factory: Factory) -> None:
        """Claims the pin, locked. Raises gpiozero's errors for a pin that is taken or missing."""
        self._device = _output(line.pin, line.released, factory)
        self._relock: threading.Timer | None = None
        self._is_held_open = False
        self._guard = threading.Lock()

    def release(self, pulse_ms: int) -> None:
        """Releases now; a timer, which runs before the lock moves, locks again."""
        with self._guard:
            if self._is_held_open:
                return
            before = self._relock
            self._start_timer(pulse_ms / 1000)
            if before is not None:
                before.cancel()
            self._device.on()

    def hold_open(self) -> None:
        """Releases; the end of a pulse does not lock again."""
        with self._guard:
            self._forget_pulse()
            self._is_held_open = True
            self._device.on()

    def secure(self) -> None:
        """Locks; a pin that cannot be driven is tried again until it can."""
        with self._guard:
            self._forget_pulse()
            self._is_held_open = False
            self._lock_or_retry()

    def close(self) -> None:
        """Locks, then lets go of the pin."""
        with self._guard:
            self._forget_pulse()
            try:
                self._device.off()
            finally:
                self._device.close()

    def _lock_again(self) -> None:
        with self._guard:
            if self._relock is not threading.current_thread() or self._device.closed:
                return
            self._lock_or_retry()

    def _lock_or_retry(self) -> None:
        try:
            self._device.off()
        except Exception:
            log.exception("lock.cannot_lock retry_s=%.1f", LOCK_AGAIN_S)
            self._start_timer(LOCK_AGAIN_S)

    def _forget_pulse(self) -> None:
        if self._relock is not None:
            self._relock.cancel()
            self._relock = None

    def _start_timer(self, after_s: float) -> None:
        timer = threading.Timer(after_s, self._lock_again)
        timer.name, timer.daemon = "lock-pulse", True
        timer.start()
        self._relock = timer


class NoLock:
    """A portal without a lock: a desk, a counter."""

    def release(self, pulse_ms: int) -> None:
        """There is nothing to release."""

    def hold_open(self) -> None:
        """It stands open."""

    def secure(self) -> None:
        """There is nothing to lock."""

    def close(self) -> None:
        """There is nothing to close."""


class GpioIndicator:
    """Lamps and buzzer; a thread plays the pattern, a newer signal cuts it short."""

    def __init__(
        self,
        lamps: Mapping[Lamp, OutputLine],
        buzzer: OutputLine | None,
        *,
        factory: Factory,
        patterns: Mapping[Signal, Pattern] = PATTERNS,
    ) -> None:
        """Claims the pins, all out."""
        self._patterns = patterns
        self._lamps = {
            lamp: _output(line.pin, line.active, factory) for lamp, line in lamps.items()
        }
        self._buzzer = (
            None
            if buzzer is None
            else PWMOutputDevice(
                buzzer.pin,
                active_high=buzzer.active is Level.HIGH,
                initial_value=0,
                pin_factory=factory,
            )
        )
        self._wanted: queue.SimpleQueue[Pattern | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._play, name="indicator", daemon=True)
        self._thread.start()

    def show(self, signal: Signal, *, offline: bool, reason: Reason | None = None) -> None:  # noqa: ARG002  # lamps have no words
        """Hands the pattern to the thread."""
        pattern = self._patterns[signal]
        self._wanted.put(with_offline_dot(pattern) if offline else pattern)

    def close(self) -> None:
        """Ends the thread, puts everything out, lets go of the pins."""
        self._wanted.put(_END)
        self._thread.join(timeout=2)
        for device in (*self._lamps.values(), self._buzzer):
            if device is not None:
                device.off()
                device.close()

    def _play(self) -> None:
        pattern = self._wanted.get()
        while pattern is not _END:
            try:
                pattern = self._play_one(pattern)
            except Exception:
                # A lamp that cannot be driven must not silence the others for good.
                log.exception("indicator.failed")
                pattern = self._wanted.get()

    def _play_one(self, pattern: Pattern) -> Pattern | None:
        """Plays one pattern; returns the next one as soon as there is one."""
        for step in pattern.steps:
            self._set(step.lamps, step.tone_hz)
            try:
                return self._wanted.get(timeout=step.for_ms / 1000)
            except queue.Empty:
                continue
        self._set(pattern.steps[-1].lamps if pattern.stays else frozenset(), 0)
        return self._wanted.get()

    def _set(self, lit: frozenset[Lamp], tone_hz: int) -> None:
        for lamp, device in self._lamps.items():
            device.value = lamp in lit
        if self._buzzer is None:
            return
        if tone_hz:
            self._buzzer.frequency = tone_hz
        self._buzzer.value = BUZZER_DUTY if tone_hz else 0
