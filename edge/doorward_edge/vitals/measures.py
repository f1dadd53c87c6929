"""What is measured, each a source of numbers by their metrics' names; used by one thread."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from doorward.decision import Rules
from doorward.health import INSTANCE
from doorward.ranges import count
from doorward.times import Instant
from doorward_edge.ports import Journal
from doorward_edge.vitals.camera_care import CameraCare
from doorward_edge.vitals.journal_watch import JournalWatch
from doorward_edge.vitals.machine import Machine
from doorward_edge.vitals.trends import DAY_MS, Trend, percentile

HOUR_MS = 3_600_000
MEMORY_EVERY_MS = 60_000
_RATE_WINDOW_MS = 60_000
_MOST_DAYS = 3_650
_DAY_S = 86_400
_RECORD_BYTES = 1_024
"""What a record takes before enough were written to say."""


class BoardMeasure:
    """Board, disk and the gateway's processes."""

    def __init__(self, machine: Machine, began: Instant) -> None:
        """Takes where the files are read."""
        self._machine = machine
        self._began_ms = began.mono_ms
        self._memory: int | None = None
        self._memory_due_ms = 0
        self._memory_trend = Trend(12 * HOUR_MS)
        self._written_trend = Trend(DAY_MS)

    def __call__(self, now: Instant) -> Mapping[str, int]:
        """Returns the figures; trends from an hour on."""
        found: dict[str, int | None] = dict(self._machine.figures())
        found["running_s"] = (now.mono_ms - self._began_ms) // 1000
        if now.mono_ms >= self._memory_due_ms:
            self._memory_due_ms = now.mono_ms + MEMORY_EVERY_MS
            self._memory = self._machine.memory_bytes([os.getpid(), *self._machine.children()])
        if self._memory is not None:
            self._memory_trend.note(now.mono_ms, self._memory)
            found["memory_bytes"] = self._memory
        written = found.get("disk_written_bytes")
        if written is not None:
            self._written_trend.note(now.mono_ms, written)
        found["disk_written_bytes_a_day"] = self._written_trend.rise_a_day(HOUR_MS)
        growth = self._memory_trend.slope_a_day(4 * HOUR_MS)
        found["memory_growth_bytes_a_day"] = None if growth is None else max(0, growth)
        return {name: value for name, value in found.items() if value is not None}


class Measured(Protocol):
    """A camera, as far as it is measured; `Sight` is the real one."""

    def stats(self) -> Mapping[str, int]:
        """Returns counts since the start."""
        ...

    def decode_times_us(self) -> list[int]:
        """Returns the reader's own time for each of the last pictures."""
        ...

    def reads(self) -> Mapping[str, int]:
        """Returns which reader and pass saw a code first, how often."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraPlan:
    """A camera as it is configured; `sight` returns None while it is being opened."""

    fps: int
    sight: Callable[[], Measured | None]


class CameraMeasure:
    """Rates and times of all cameras, each under its name."""

    def __init__(self, cameras: Mapping[str, CameraPlan], care: CameraCare) -> None:
        """Takes the cameras by name, and who knows their faults."""
        self._cameras = dict(cameras)
        self._care = care
        self._frames = {name: Trend(_RATE_WINDOW_MS, 12) for name in self._cameras}

    def __call__(self, now: Instant) -> Mapping[str, int]:
        """Returns the figures; a rate from half a minute on."""
        faults = self._care.faults()
        found: dict[str, int] = {}
        for name, plan in self._cameras.items():
            figures: dict[str, int | None] = {"camera_fault": int(name in faults)}
            sight = plan.sight()
            if sight is not None:
                figures |= self._figures(name, plan.fps, sight, now)
            found |= {f"{k}{INSTANCE}{name}": v for k, v in figures.items() if v is not None}
        return {**found, **self._reads()}

    def _figures(
        self, name: str, fps: int, sight: Measured, now: Instant
    ) -> Mapping[str, int | None]:
        stats, times = sight.stats(), sight.decode_times_us()
        trend = self._frames[name]
        trend.note(now.mono_ms, stats.get("frames", 0))
        a_day = trend.rise_a_day(_RATE_WINDOW_MS // 2)
        rate_mhz = None if a_day is None else a_day * 1000 // _DAY_S
        return {
            "frame_rate_mhz": rate_mhz,
            "frame_rate_permille": None if rate_mhz is None else rate_mhz // fps,
            "capture_starts": stats.get("capture_starts"),
            "decode_p50_us": percentile(times, 500),
            "decode_p99_us": percentile(times, 990),
        }

    def _reads(self) -> Mapping[str, int]:
        together: dict[str, int] = {}
        for plan in self._cameras.values():
            sight = plan.sight()
            for reader, times in (sight.reads() if sight is not None else {}).items():
                name = f"reads{INSTANCE}{reader}"
                together[name] = together.get(name, 0) + times
        return together


class JournalMeasure:
    """How long the journal's room lasts, and when it last wrote."""

    def __init__(self, journal: Journal, watch: JournalWatch) -> None:
        """Takes the journal, and who knows when it wrote."""
        self._journal = journal
        self._watch = watch
        self._records = Trend(DAY_MS)

    def __call__(self, now: Instant) -> Mapping[str, int]:
        """Returns the figures; days left from an hour on."""
        facts = self._watch.facts()
        silent_s = max(0, now.mono_ms - facts.wrote_ms) // 1000
        days = self._days_left(now)
        return {"journal_silent_s": silent_s} | (
            {} if days is None else {"journal_free_days": days}
        )

    def _days_left(self, now: Instant) -> int | None:
        spans = self._journal.spans()
        self._records.note(now.mono_ms, spans[-1].head)
        a_day = self._records.rise_a_day(HOUR_MS)
        if a_day is None:
            return None
        use = self._journal.use()
        held = sum(count(span.pending) + count(span.kept) for span in spans)
        # What is acknowledged makes room; without the controller all that is written stays.
        each = max(_RECORD_BYTES // 2, use.used_bytes // held) if held > 100 else _RECORD_BYTES
        pending = sum(count(span.pending) for span in spans)
        free = max(0, use.capacity_bytes - pending * each)
        return min(_MOST_DAYS, free // (a_day * each)) if a_day else _MOST_DAYS


class TrustMeasure:
    """How old the policy is, and how long the certificate lasts; by a trusted clock only."""

    def __init__(
        self, rules: Callable[[], Rules | None], certificate_until_s: Callable[[], int | None]
    ) -> None:
        """Takes where the rules are looked up, and when the certificate ends."""
        self._rules = rules
        self._until_s = certificate_until_s

    def __call__(self, now: Instant) -> Mapping[str, int]:
        """Returns the figures."""
        now_s, rules = now.trusted_utc_s, self._rules()
        if now_s is None:
            return {}
        found = {}
        if rules is not None and rules.status is not None:
            found["policy_age_s"] = max(0, now_s - rules.status.issued_at)
        if (until_s := self._until_s()) is not None:
            found["certificate_days_left"] = max(0, until_s - now_s) // _DAY_S
        return found
