"""Lamps and buzzer on GPIO pins."""

import logging
import queue
import threading
from collections.abc import Mapping

from gpiozero import DigitalOutputDevice, Factory, PWMOutputDevice

from doorward.reasons import Reason
from doorward_edge.boards import Level
from doorward_edge.config import OutputLine
from doorward_edge.perception import PATTERNS, Lamp, Pattern, with_offline_dot
from doorward_edge.ports import Signal

log = logging.getLogger(__name__)

BUZZER_DUTY = 0.5
_END = None


class GpioLamp:
    """The light beside a camera."""

    def __init__(self, line: OutputLine, *, factory: Factory, is_lit: bool = True) -> None:
        """Claims the pin, lit or out. Raises PinError for a pin that is taken or missing."""
        self._device = DigitalOutputDevice(
            line.pin,
            active_high=line.active is Level.HIGH,
            initial_value=is_lit,
            pin_factory=factory,
        )

    def set(self, *, is_lit: bool) -> None:
        """Switches it; once it is closed, it stays out."""
        if not self._device.closed:
            self._device.value = is_lit

    def close(self) -> None:
        """Puts it out, lets go of the pin."""
        self._device.off()
        self._device.close()


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
            lamp: DigitalOutputDevice(
                line.pin,
                active_high=line.active is Level.HIGH,
                initial_value=False,
                pin_factory=factory,
            )
            for lamp, line in lamps.items()
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
