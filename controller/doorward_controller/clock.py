"""The system's two clocks behind the kit's port."""

import time

from doorward.times import ClockTrust, Instant, MonoMs, UtcMs


class SystemClock:
    """Reads the operating system. A server's wall clock is taken as synchronised."""

    def now(self) -> Instant:
        """Reads both clocks once."""
        return Instant(
            utc_ms=UtcMs(time.time_ns() // 1_000_000),
            mono_ms=MonoMs(time.monotonic_ns() // 1_000_000),
            trust=ClockTrust.SYNCHRONISED,
        )
