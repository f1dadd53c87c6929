"""The machine's clocks, and what the kernel says of their synchronisation."""

import ctypes
import threading
import time
from collections.abc import Mapping

from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.config import ClockSource
from doorward_edge.timekeeping import (
    TIMEX_BYTES,
    ClockChange,
    Reading,
    Timekeeper,
    reading_of,
)

_ASK_EVERY_MS = 1_000


class SystemClock:
    """Reads wall and monotonic time once a call. Safe from every thread."""

    def __init__(self, source: ClockSource) -> None:
        """Takes who is asked how far the wall clock may be believed."""
        self._source = source
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._keeper = Timekeeper(has_floor=source is not ClockSource.ASSUME)
        self._lock = threading.Lock()
        self._said = Instant(utc_ms=UtcMs(0), mono_ms=MonoMs(0), trust=ClockTrust.UNKNOWN)
        self._ask_again_ms = 0

    def now(self) -> Instant:
        """Reads both clocks; asks the kernel once a second at most, and when the clock was set."""
        with self._lock:
            wall_ms, mono_ms = time.time_ns() // 1_000_000, time.monotonic_ns() // 1_000_000
            if mono_ms >= self._ask_again_ms or self._keeper.has_stepped(wall_ms, mono_ms):
                self._ask_again_ms = mono_ms + _ASK_EVERY_MS
                self._said = self._keeper.read(self._ask(wall_ms, mono_ms))
                return self._said
            said = self._said
            # Between two questions time runs on from the last answer, which knew the floor.
            utc_ms = max(wall_ms, said.utc_ms + mono_ms - said.mono_ms)
            if self._source is ClockSource.ASSUME:
                utc_ms = wall_ms
            return Instant(utc_ms=UtcMs(utc_ms), mono_ms=MonoMs(mono_ms), trust=said.trust)

    def raise_floor(self, utc_ms: int) -> None:
        """Takes in that it is not earlier than this."""
        with self._lock:
            self._keeper.raise_floor(utc_ms)
            self._ask_again_ms = 0

    def floor_ms(self) -> int:
        """Returns the time that is past for certain, to be kept over a restart."""
        with self._lock:
            return self._keeper.floor_ms()

    def figures(self) -> Mapping[str, int]:
        """Returns offset, error bound and how long the source was not heard, as metrics."""
        with self._lock:
            return self._keeper.figures()

    def take_changes(self) -> tuple[ClockChange, ...]:
        """Returns steps and changes of trust since the last call, oldest first."""
        with self._lock:
            return self._keeper.take_changes()

    def _ask(self, wall_ms: int, mono_ms: int) -> Reading:
        if self._source is ClockSource.ASSUME:
            return Reading(wall_ms=wall_ms, mono_ms=mono_ms, is_synchronised=True)
        timex = ctypes.create_string_buffer(TIMEX_BYTES)
        state = self._libc.adjtimex(timex)
        return reading_of(state, timex.raw, wall_ms, mono_ms)
