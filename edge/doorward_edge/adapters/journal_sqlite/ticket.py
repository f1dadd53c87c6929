"""One record on its way to the disk, and the two threads that look at it."""

import threading
from contextlib import suppress
from dataclasses import replace

from doorward.errors import MalformedError
from doorward.events import EventCode
from doorward.records import Record, RecordKind
from doorward_edge.ports import JournalError, Receipt


class PendingRecord:
    """The `Ticket` of an appended record; `wait` and `mark_late` are its public half.

    Made by the thread that appends, which calls `encode` once it has put it into the queue: the
    journal's thread wakes up meanwhile, and waits for the rest in `is_encoded`.
    """

    def __init__(self, record: Record) -> None:
        self._record, self._wire = record, b""
        self._lock = threading.Lock()
        self._lock.acquire()
        self._settled = threading.Lock()
        self._settled.acquire()
        self._is_done = self._hides_late = self._is_late = False
        self._outcome: Receipt | JournalError | None = None

    def encode(self) -> None:
        """Makes the record's bytes. Raises MalformedError, and then it will not be appended."""
        try:
            self._wire = self._record.to_wire()
        finally:
            self._lock.release()

    def is_encoded(self) -> bool:
        """Returns whether there is anything to append; the journal's thread calls it."""
        with self._lock:
            return bool(self._wire)

    def wait(self, timeout_s: float) -> Receipt | None:
        """Returns the receipt, or None when there is none yet. Raises JournalError."""
        if self._settled.acquire(timeout=timeout_s):
            self._settled.release()
        if isinstance(self._outcome, JournalError):
            raise self._outcome
        return self._outcome

    def mark_late(self) -> bool:
        """Says that the lock was told first. Returns False when the record is on the disk."""
        with self._lock:
            self._is_late = not self._is_done
            return self._is_late

    @property
    def mono_ms(self) -> int:
        """When the record was made."""
        return self._record.mono_ms

    def seal(self) -> bytes:
        """Returns the record's bytes as they are to be sealed; the journal's thread calls it."""
        with self._lock:
            if self._is_late:
                with suppress(MalformedError):  # no byte is left for the flag: an event follows
                    return replace(self._record, late=True).to_wire()
            self._hides_late = True
            return self._wire

    def settle(self, outcome: Receipt | JournalError) -> Record | None:
        """Wakes who waits. Returns the event to append when the record hides that it is late."""
        with self._lock:
            self._is_done, self._outcome = True, outcome
            hidden = self._is_late and self._hides_late
        self._settled.release()
        if not hidden or isinstance(outcome, JournalError):
            return None
        return Record(
            kind=RecordKind.EVENT,
            utc_ms=self._record.utc_ms,
            mono_ms=self._record.mono_ms,
            boot_id=self._record.boot_id,
            clock_trust=self._record.clock_trust,
            portal=self._record.portal,
            reason=EventCode.RECORDED_LATE.value,
            about_seq=outcome.seq,
        )
