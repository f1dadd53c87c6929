"""Locks on GPIO pins."""

import logging
import threading
from collections import deque

from gpiozero import DigitalOutputDevice, Factory

from doorward_edge.boards import Level, LockKind
from doorward_edge.config import LockLine
from doorward_edge.ports import Lock, LockOwesError

log = logging.getLogger(__name__)

LOCK_AGAIN_S = 0.2
"""A pin that cannot be driven is tried again after this, until the lock is locked."""

MOST_OWED = 8
"""A turnstile owes at most so many passages beside the one under way: who came last has left by
the time that more would take."""

BETWEEN_PULSES_S = 0.3
"""A turnstile's drive must see the end of one pulse before the next begins."""


def open_lock(line: LockLine, *, factory: Factory) -> Lock:
    """Claims a lock's pin, locked. Raises PinError for a pin that is taken or missing."""
    kind = GpioTurnstile if line.kind is LockKind.TURNSTILE else GpioLock
    return kind(line, factory=factory)


class GpioLock:
    """A strike or a magnet on one pin."""

    def __init__(self, line: LockLine, *, factory: Factory) -> None:
        """Claims the pin, locked. Raises PinError for a pin that is taken or missing."""
        self._device = DigitalOutputDevice(
            line.pin,
            active_high=line.released is Level.HIGH,
            initial_value=False,
            pin_factory=factory,
        )
        self._pulse_ms = line.pulse_ms
        self._timer: threading.Timer | None = None
        self._is_held_open = False
        self._guard = threading.Lock()

    def release(self, pulse_ms: int) -> None:
        """Releases now; a timer, which runs before the lock moves, locks again."""
        with self._guard:
            if not self._is_held_open:
                self._begin_pulse((self._pulse_ms or pulse_ms) / 1000)

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

    def _begin_pulse(self, for_s: float) -> None:
        before = self._timer
        self._start_timer(for_s)
        if before is not None:
            before.cancel()
        self._device.on()

    def _time_is_up(self) -> None:
        with self._guard:
            if self._timer is threading.current_thread() and not self._device.closed:
                self._after_pulse()

    def _after_pulse(self) -> None:
        self._lock_or_retry()

    def _lock_or_retry(self) -> bool:
        try:
            self._device.off()
        except Exception:
            log.exception("lock.cannot_lock retry_s=%.1f", LOCK_AGAIN_S)
            self._start_timer(LOCK_AGAIN_S)
            return False
        return True

    def _forget_pulse(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start_timer(self, after_s: float) -> None:
        timer = threading.Timer(after_s, self._time_is_up)
        timer.name, timer.daemon = "lock-pulse", True
        timer.start()
        self._timer = timer


class GpioTurnstile(GpioLock):
    """One direction of a turnstile: its drive lets one person through for each pulse.

    A second release during a pulse is a second person, whose own pulse follows.
    """

    def __init__(self, line: LockLine, *, factory: Factory) -> None:
        """Claims the pin, locked. Raises PinError for a pin that is taken or missing."""
        super().__init__(line, factory=factory)
        self._waiting: deque[float] = deque()

    def _begin_pulse(self, for_s: float) -> None:
        if self._timer is None:
            super()._begin_pulse(for_s)
        elif len(self._waiting) < MOST_OWED:
            self._waiting.append(for_s)
        else:
            raise LockOwesError(f"the turnstile owes {MOST_OWED} passages already")

    def _after_pulse(self) -> None:
        if self._device.value:
            if self._lock_or_retry():
                self._timer = None
                if self._waiting:
                    self._start_timer(BETWEEN_PULSES_S)
            return
        self._timer = None
        if self._waiting:
            super()._begin_pulse(self._waiting.popleft())

    def _forget_pulse(self) -> None:
        super()._forget_pulse()
        self._waiting.clear()


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
