"""Two clocks, never confused: wall time (UTC) for what is recorded, monotonic for how long."""

from dataclasses import dataclass
from enum import IntEnum
from typing import NewType, Protocol

UtcSeconds = NewType("UtcSeconds", int)
UtcMs = NewType("UtcMs", int)
MonoMs = NewType("MonoMs", int)


class ClockTrust(IntEnum):
    """How far the wall clock may be believed. The numbers are on the wire and never reused."""

    UNKNOWN = 0
    """Never synchronised since boot, and no battery-backed clock."""
    HELD_OVER = 1
    """Was synchronised in this boot, the source is lost, drift is still bounded."""
    SYNCHRONISED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Instant:
    """One reading of both clocks; an operation reads once and passes this on.

    Attributes:
        utc_ms: wall time, milliseconds since 1970-01-01 UTC.
        mono_ms: monotonic milliseconds; only differences within one boot mean anything.
        trust: how far `utc_ms` may be believed.
    """

    utc_ms: UtcMs
    mono_ms: MonoMs
    trust: ClockTrust

    @property
    def utc_s(self) -> int:
        """Wall time in whole seconds, rounded down."""
        return self.utc_ms // 1000

    @property
    def trusted_utc_s(self) -> int | None:
        """Wall time in whole seconds, or None where the wall clock cannot be believed."""
        return None if self.trust is ClockTrust.UNKNOWN else self.utc_s


class Clock(Protocol):
    """The port through which everything learns the time."""

    def now(self) -> Instant:
        """Reads both clocks once."""
        ...
