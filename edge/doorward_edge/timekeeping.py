"""How far the wall clock may be believed: a state table over readings of the machine's clocks.

- Time never falls below its floor: what was known for certain. A trusted reading raises it, so does
  a signed document (less what the controller's own clock may be off); it is kept over restarts, and
  goes on with the monotonic clock. A wall clock below it is wrong, however synchronised it seems.
- Synchronised is what the kernel says. When the source is lost the clock is held over, while error
  plus drift stay within a bound; past it, and before the first synchronisation, it is unknown.
- A step while nobody synchronises was set by hand, and nothing is known of it: unknown.
"""

import struct
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from doorward.times import ClockTrust, Instant, MonoMs, UtcMs

EARLIEST_UTC_MS = 1_735_689_600_000
"""2025-01-01: this software did not exist before."""
DRIFT_PPM = 100
"""A quartz without correction, cold or hot: twice what a Raspberry Pi's is specified for."""
MOST_ERROR_MS = 60_000
"""At 100 ppm this is a week without a time server; slots of phone passes last seconds, days of
validity end at midnight: past a minute nobody can rely on either."""
STEP_MS = 1_000
"""The kernel slews by 0.5 ms a second at most; what differs by more was set."""
BELOW_FLOOR_MS = 2_000
"""A clock that is set right backwards by so little is not called wrong, only held."""
DOCUMENT_SLACK_MS = 300_000
"""What the controller's clock may be ahead of the truth."""
_MOST_CHANGES = 32


class ChangeKind(StrEnum):
    """What befell the clock."""

    STEPPED = "stepped"
    TRUST = "trust"
    BELOW_FLOOR = "below_floor"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """Something that goes on record; `detail` in plain words."""

    kind: ChangeKind
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at the machine's clocks.

    Attributes:
        offset_us: what the kernel still has to move the clock, either way.
        error_us: the bound of the error that the kernel believes in.
    """

    wall_ms: int
    mono_ms: int
    is_synchronised: bool
    offset_us: int = 0
    error_us: int = 0


class Timekeeper:
    """Turns readings into instants. Not safe for threads: the clock's adapter sees to that."""

    def __init__(self, *, has_floor: bool = True, most_error_ms: int = MOST_ERROR_MS) -> None:
        """Begins without knowledge.

        Args:
            has_floor: whether the wall clock may be wrong; a simulation's may not.
            most_error_ms: how far a clock that is held over may be off.
        """
        self._has_floor = has_floor
        self._most_error_ms = most_error_ms
        self._last: Reading | None = None
        self._floor_ms = EARLIEST_UTC_MS
        self._floor_mono_ms: int | None = None
        self._heard: Reading | None = None
        self._trust: ClockTrust | None = None
        self._is_below = False
        self._changes: deque[ClockChange] = deque(maxlen=_MOST_CHANGES)

    def read(self, reading: Reading) -> Instant:
        """Takes in a reading; returns the time and how far it may be believed."""
        self._note_step(reading)
        floor_ms = self._floor_at(reading.mono_ms)
        lacks_ms = floor_ms - reading.wall_ms if self._has_floor else 0
        self._note_below(lacks_ms, reading)
        if reading.is_synchronised:
            self._heard = reading
        trust = self._trust_in(reading)
        self._note_trust(trust, reading)
        if trust is ClockTrust.SYNCHRONISED and lacks_ms < 0:
            self._floor_ms, self._floor_mono_ms = reading.wall_ms, reading.mono_ms
        self._last = reading
        utc_ms = max(reading.wall_ms, floor_ms) if self._has_floor else reading.wall_ms
        return Instant(utc_ms=UtcMs(utc_ms), mono_ms=MonoMs(reading.mono_ms), trust=trust)

    def has_stepped(self, wall_ms: int, mono_ms: int) -> bool:
        """Returns whether the wall clock was set since the last reading."""
        last = self._last
        return last is None or abs((wall_ms - last.wall_ms) - (mono_ms - last.mono_ms)) >= STEP_MS

    def raise_floor(self, utc_ms: int) -> None:
        """Takes in that it is not earlier than this; a lower one changes nothing."""
        mono_ms = self._last.mono_ms if self._last else None
        if utc_ms > (self._floor_ms if mono_ms is None else self._floor_at(mono_ms)):
            self._floor_ms, self._floor_mono_ms = utc_ms, mono_ms

    def floor_ms(self) -> int:
        """Returns the floor as of the last reading, to be kept over a restart."""
        return self._floor_at(self._last.mono_ms) if self._last else self._floor_ms

    def figures(self) -> Mapping[str, int]:
        """Returns the clock's metrics; what is not known is left out."""
        now, heard = self._last, self._heard
        if now is None or heard is None:
            return {}
        return {
            "clock_offset_us": abs(now.offset_us),
            "clock_error_ms": self._error_ms(heard, now.mono_ms),
            "clock_unsynchronised_s": (now.mono_ms - heard.mono_ms) // 1000,
        }

    def take_changes(self) -> tuple[ClockChange, ...]:
        """Returns what befell the clock since the last call, oldest first."""
        taken = tuple(self._changes)
        self._changes.clear()
        return taken

    def _floor_at(self, mono_ms: int) -> int:
        if self._floor_mono_ms is None:
            # Known before the first reading: it counts from there on.
            self._floor_mono_ms = mono_ms
        return self._floor_ms + mono_ms - self._floor_mono_ms

    def _trust_in(self, reading: Reading) -> ClockTrust:
        if self._is_below or self._heard is None:
            return ClockTrust.UNKNOWN
        if reading.is_synchronised:
            return ClockTrust.SYNCHRONISED
        error_ms = self._error_ms(self._heard, reading.mono_ms)
        return ClockTrust.HELD_OVER if error_ms <= self._most_error_ms else ClockTrust.UNKNOWN

    @staticmethod
    def _error_ms(heard: Reading, mono_ms: int) -> int:
        return heard.error_us // 1000 + (mono_ms - heard.mono_ms) * DRIFT_PPM // 1_000_000

    def _note_step(self, reading: Reading) -> None:
        last = self._last
        if last is None or not self.has_stepped(reading.wall_ms, reading.mono_ms):
            return
        by_ms = (reading.wall_ms - last.wall_ms) - (reading.mono_ms - last.mono_ms)
        self._tell(ChangeKind.STEPPED, f"by {by_ms:+d} ms")
        if not reading.is_synchronised:
            self._heard = None

    def _note_below(self, lacks_ms: int, reading: Reading) -> None:
        was_below, self._is_below = self._is_below, lacks_ms > BELOW_FLOOR_MS
        if self._is_below and not was_below:
            self._tell(
                ChangeKind.BELOW_FLOOR, f"shows {reading.wall_ms} ms, {lacks_ms} ms too early"
            )

    def _note_trust(self, trust: ClockTrust, reading: Reading) -> None:
        before, self._trust = self._trust, trust
        if before is None or before is trust:
            return
        error = f", error up to {reading.error_us // 1000} ms" if reading.is_synchronised else ""
        self._tell(ChangeKind.TRUST, f"{before.name.lower()} to {trust.name.lower()}{error}")

    def _tell(self, kind: ChangeKind, detail: str) -> None:
        self._changes.append(ClockChange(kind=kind, detail=detail))


# --- What adjtimex(2) says -----------------------------------------------------------------------

_TIME_ERROR = 5
"""Its result while the clock is not synchronised."""
_STA_NANO = 0x2000
_TIMEX_HEAD = struct.Struct("@Illllil")
"""modes, offset, freq, maxerror, esterror, status, constant, as the machine's C lays them out."""
TIMEX_BYTES = 512
"""More than struct timex takes on any Linux; zeroed, so that nothing is adjusted."""


def reading_of(state: int, timex: bytes, wall_ms: int, mono_ms: int) -> Reading:
    """Returns the reading that adjtimex(2) made of `timex`, with its result `state`."""
    _, offset, _, maxerror, _, status, _ = _TIMEX_HEAD.unpack_from(timex)
    return Reading(
        wall_ms=wall_ms,
        mono_ms=mono_ms,
        is_synchronised=state not in {-1, _TIME_ERROR},
        offset_us=offset // 1000 if status & _STA_NANO else offset,
        error_us=maxerror,
    )
