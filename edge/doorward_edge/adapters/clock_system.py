"""The machine's clocks, and what the kernel says of their synchronisation."""

import ctypes
import time

from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.config import ClockSource

_TIME_ERROR = 5
"""What adjtimex(2) returns while the clock is not synchronised."""
_ASK_EVERY_MS = 1_000
_TIMEX_BYTES = 512
"""More than struct timex takes on any Linux; zeroed, so that nothing is adjusted."""


class SystemClock:
    """Reads wall and monotonic time once a call."""

    def __init__(self, source: ClockSource) -> None:
        """Takes who is asked how far the wall clock may be believed."""
        self._source = source
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._was_synchronised = False
        self._said = ClockTrust.UNKNOWN
        self._ask_again_ms = 0

    def now(self) -> Instant:
        """Reads both clocks; asks the kernel about the wall clock once a second at most."""
        mono_ms = time.monotonic_ns() // 1_000_000
        if mono_ms >= self._ask_again_ms:
            self._ask_again_ms = mono_ms + _ASK_EVERY_MS
            self._said = self._trust()
        return Instant(
            utc_ms=UtcMs(time.time_ns() // 1_000_000), mono_ms=MonoMs(mono_ms), trust=self._said
        )

    def _trust(self) -> ClockTrust:
        if self._source is ClockSource.ASSUME:
            return ClockTrust.SYNCHRONISED
        state = self._libc.adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
        if state not in {-1, _TIME_ERROR}:
            self._was_synchronised = True
            return ClockTrust.SYNCHRONISED
        return ClockTrust.HELD_OVER if self._was_synchronised else ClockTrust.UNKNOWN
