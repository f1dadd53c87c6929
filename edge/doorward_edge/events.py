"""What happens to the gateway itself goes on record, if not now, then as soon as it can."""

from collections import deque
from dataclasses import dataclass

from doorward.events import EventCode
from doorward.times import Instant
from doorward_edge.ports import Notice
from doorward_edge.stages.record import Recorded, RecordStage

RETRY_MS = 5_000
"""What the journal would not take is tried again after this."""

MOST_WAITING = 64
"""A disk that is full for days must not fill the memory; the oldest is given up, it was logged."""


@dataclass(slots=True)
class _Missed:
    since: Instant
    scans: int


class EventBook:
    """Events that wait for the journal. Used by one thread."""

    def __init__(self, record: RecordStage) -> None:
        """Takes where events are recorded."""
        self._record = record
        self._waiting: deque[tuple[Notice, Instant]] = deque(maxlen=MOST_WAITING)
        self._missed: _Missed | None = None
        self._due_ms = 0

    def note(self, notice: Notice, at: Instant) -> None:
        """Takes in what happened; it is tried at the next `write`."""
        self._waiting.append((notice, at))

    def miss(self, at: Instant) -> None:
        """Takes in that a scan could not be recorded: the gap itself must be on record."""
        self._missed = self._missed or _Missed(at, 0)
        self._missed.scans += 1

    def write(self, now: Instant, *, is_last: bool = False) -> bool:
        """Records what waits, in order. Returns whether something was recorded.

        After the journal refused, it is left alone for a while, unless this `is_last`.
        """
        if now.mono_ms < self._due_ms and not is_last:
            return False
        before = len(self._waiting)
        while self._waiting and self._is_recorded(*self._waiting[0]):
            self._waiting.popleft()
        has_told = len(self._waiting) < before
        if not self._waiting and self._missed is not None:
            has_told = self._tell_missed(self._missed, now) or has_told
        refused = bool(self._waiting) or self._missed is not None
        self._due_ms = now.mono_ms + RETRY_MS if refused else now.mono_ms
        return has_told

    def _tell_missed(self, missed: _Missed, now: Instant) -> bool:
        detail = f"{missed.scans} since {missed.since.utc_ms} ms; all were refused"
        if not self._is_recorded(Notice(code=EventCode.SCANS_NOT_RECORDED, detail=detail), now):
            return False
        self._missed = None
        return True

    def _is_recorded(self, notice: Notice, at: Instant) -> bool:
        outcome = self._record.event(notice.code, notice.detail, at)
        return outcome.state is not Recorded.FAILED
