"""What happens at the gateway beside scans goes on record, if not now, then as soon as it can.

Nobody waits for it: a record is handed to the journal, and it is looked later whether it got there.
"""

import logging
from collections import deque
from dataclasses import dataclass, replace

from doorward.errors import MalformedError
from doorward.events import EventCode
from doorward.records import Record
from doorward.times import Instant
from doorward_edge.ports import Notice
from doorward_edge.stages.record import RECORD_WAIT_S, Recorded, RecordOutcome, RecordStage

log = logging.getLogger(__name__)

RETRY_MS = 5_000
"""What the journal would not take is tried again after this."""

LOOK_AGAIN_MS = 20
"""So soon it is looked whether a record that was handed over has reached the disk."""

MOST_WAITING = 256
"""A disk that is full for days must not fill the memory; the oldest is given up, it was logged."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record that waits, and what became of the one that it adds to."""

    record: Record
    about: RecordOutcome | None = None

    @property
    def is_early(self) -> bool:
        """Whether the other one's number is still to come: the journal writes in order."""
        return self.about is not None and self.about.now().state is Recorded.LATE

    def numbered(self) -> Record:
        """Returns the record with the number of the other one, as far as it has one by now."""
        receipt = self.about.now().receipt if self.about is not None else None
        return self.record if receipt is None else replace(self.record, about_seq=receipt.seq)


@dataclass(slots=True)
class _Missed:
    since: Instant
    scans: int


class EventBook:
    """Records that wait for the journal. Used by one thread."""

    def __init__(self, record: RecordStage) -> None:
        """Takes where events are recorded."""
        self._record = record
        self._waiting: deque[_Entry] = deque(maxlen=MOST_WAITING)
        self._under_way: deque[tuple[_Entry, RecordOutcome]] = deque()
        self._missed: _Missed | None = None
        self._due_ms = 0

    def note(self, notice: Notice, at: Instant) -> None:
        """Takes in what happened to the gateway; it is tried at the next `write`."""
        self.add(self._record.begin_event(notice.code, notice.detail, at))

    def add(self, record: Record, *, about: RecordOutcome | None = None) -> None:
        """Takes in a record; it is tried at the next `write`.

        Args:
            record: without the number of what it is about.
            about: what became of the record that this one adds to.
        """
        self._waiting.append(_Entry(record, about))

    def miss(self, at: Instant) -> None:
        """Takes in that a scan could not be recorded: the gap itself must be on record."""
        self._missed = self._missed or _Missed(at, 0)
        self._missed.scans += 1

    def write(self, now: Instant, *, is_last: bool = False) -> bool:
        """Hands over what waits, in order. Returns whether something reached the disk.

        After the journal refused, it is left alone for a while, unless this `is_last`: then it is
        tried once more, and waited for.
        """
        has_told = self._settle(now, wait=is_last)
        if now.mono_ms < self._due_ms and not is_last:
            return has_told
        while self._waiting and (is_last or not self._waiting[0].is_early):
            entry = self._waiting.popleft()
            self._under_way.append((entry, self._record.hand_over(entry.numbered())))
        has_told = self._settle(now, wait=is_last) or has_told
        if self._missed is not None and not self._waiting:
            has_told = self._tell_missed(self._missed, now) or has_told
        return has_told

    def due_mono_ms(self, now: Instant) -> int | None:
        """Returns when `write` has something to do again, or None while it has not."""
        if self._under_way or (self._waiting and self._waiting[0].is_early):
            return now.mono_ms + LOOK_AGAIN_MS
        return self._due_ms if self._waiting or self._missed is not None else None

    def _settle(self, now: Instant, *, wait: bool) -> bool:
        """Looks what became of the records that were handed over; the refused wait again."""
        under_way, self._under_way = self._under_way, deque()
        refused: list[_Entry] = []
        has_told = False
        for entry, handed_over in under_way:
            outcome = handed_over.now(RECORD_WAIT_S if wait else 0)
            if isinstance(outcome.error, MalformedError):
                log.error("event.malformed code=%s error=%s", entry.record.reason, outcome.error)
            elif outcome.state is Recorded.FAILED:
                refused.append(entry)
            elif outcome.state is Recorded.LATE and not wait:
                self._under_way.append((entry, handed_over))
            else:
                has_told = True
        if refused:
            self._due_ms = now.mono_ms + RETRY_MS
            self._waiting.extendleft(reversed(refused))
        return has_told

    def _tell_missed(self, missed: _Missed, now: Instant) -> bool:
        detail = f"{missed.scans} since {missed.since.utc_ms} ms; all were refused"
        outcome = self._record.event(EventCode.SCANS_NOT_RECORDED, detail, now)
        if outcome.state is Recorded.FAILED:
            self._due_ms = now.mono_ms + RETRY_MS
            return False
        self._missed = None
        return True
