"""The journal: appends from every thread, one thread that writes, one flush for all that wait.

All that touches the disk happens in `turn`. A thread repeats it; whoever owns the time himself, as
a simulation does, opens the journal without one and takes the turns.
"""

import logging
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from doorward.batches import SealedRecord, Segment, chain_start
from doorward.events import EventCode
from doorward.ids import Epoch, GatewayId
from doorward.ranges import Ranges, count
from doorward.records import Record
from doorward.times import UtcSeconds
from doorward_edge.adapters.journal_sqlite.files import WAL_BYTES, Files
from doorward_edge.adapters.journal_sqlite.index import EpochIndex
from doorward_edge.adapters.journal_sqlite.opening import (
    Opened,
    close_journal,
    open_journal,
    unavailable,
)
from doorward_edge.adapters.journal_sqlite.room import Room
from doorward_edge.adapters.journal_sqlite.rows import (
    PAGE_BYTES,
    SEQ_BITS,
    EpochRow,
    RecordRow,
)
from doorward_edge.adapters.journal_sqlite.segments import OpenSegment, Segments
from doorward_edge.adapters.journal_sqlite.ticket import PendingRecord
from doorward_edge.disk import POSIX, Disk
from doorward_edge.ports import (
    EpochSpan,
    JournalError,
    JournalFullError,
    JournalUnavailableError,
    JournalUse,
    Notice,
    Receipt,
    Stretch,
)

log = logging.getLogger(__name__)
T = TypeVar("T")
_Committed = tuple[OpenSegment, list[tuple[RecordRow, bytes]]]
"""A segment and the records that were sealed with its key, each with the chain's hash after it."""

GROUP_RECORDS = 64
"""So many share a flush; with the longest records they are still far below the log's length."""

FOLD_BYTES = WAL_BYTES - 256 * 1024
"""The log is folded into the database before it outgrows the length it was written with."""

PURGE_RECORDS = 1024


@dataclass(slots=True)
class _Call:
    """Something for the journal's thread to do between two commits."""

    work: Callable[[], object]
    done: threading.Event = field(default_factory=threading.Event)
    result: object = None
    error: BaseException | None = None


class SqliteJournal:
    """The `Journal` port on SQLite. Open it with `open`; `close` ends its thread."""

    def __init__(
        self,
        files: Files,
        gateway: GatewayId,
        recipient: bytes,
        capacity_bytes: int,
        opened: Opened,
        draw: Callable[[int], bytes],
        *,
        in_thread: bool,
    ) -> None:
        self._files, self._gateway = files, gateway
        self._opened, self._store = opened, opened.store
        self._lock = threading.Lock()
        self._epochs = {index.epoch: index for index in opened.epochs}
        self._current = opened.epochs[-1]
        self._notices = opened.notices
        self._log_bytes = 0
        self._chain, next_segment = self._head()
        self._segments = Segments(
            gateway=gateway,
            epoch=EpochRow(self._current.ordinal, self._current.epoch),
            recipient=recipient,
            next_number=next_segment,
            draw=draw,
        )
        self._room = Room(files, opened.store, capacity_bytes)
        self._tell(self._room.keep())
        self._tell(self._room.measure())
        self._queue: queue.SimpleQueue[PendingRecord | _Call | None] = queue.SimpleQueue()
        self._next: PendingRecord | _Call | None = _NOTHING
        self._is_closed = False
        self._thread: threading.Thread | None = None
        if in_thread:
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
            self._thread.start()

    @classmethod
    def open(
        cls,
        folder: Path,
        gateway: GatewayId,
        recipient: bytes,
        capacity_bytes: int,
        draw: Callable[[int], bytes] = os.urandom,
        *,
        disk: Disk = POSIX,
        in_thread: bool = True,
    ) -> "SqliteJournal":
        """Opens the journal in a folder, making or saving it where needed.

        Args:
            folder: belongs to the journal alone.
            gateway: whose journal it is.
            recipient: the controller's X25519 public key, 32 bytes.
            capacity_bytes: what it may take on the disk, beside its log of 1 MiB.
            draw: where keys and the epoch come from.
            disk: where the folder is.
            in_thread: whether a thread of the journal's own takes the turns.

        Raises:
            JournalError: as `opening.open_journal` says.
        """
        files = Files(folder, disk)
        opened = open_journal(files, gateway, capacity_bytes, draw)
        return cls(files, gateway, recipient, capacity_bytes, opened, draw, in_thread=in_thread)

    # --- From every thread ----------------------------------------------------------------------

    def append(self, record: Record) -> PendingRecord:
        """Takes a record in. Raises MalformedError or JournalUnavailableError."""
        ticket = PendingRecord(record)
        self._put(ticket)
        ticket.encode()
        return ticket

    def read(self, epoch: Epoch, first: int, last: int, most_bytes: int) -> Stretch | None:
        """Returns consecutive records, or None. Raises JournalError."""
        return self._call(lambda: self._read(epoch, first, last, most_bytes))

    def spans(self) -> tuple[EpochSpan, ...]:
        """Returns all epochs, oldest first."""
        with self._lock:
            return tuple(index.span() for index in self._epochs.values())

    def settle(self, epoch: Epoch, committed: Ranges, resend: Ranges, at: UtcSeconds) -> None:
        """Notes what the controller has and wants again. Raises JournalError."""
        self._call(lambda: self._settle(epoch, committed, resend, at))

    def purge(self, now: UtcSeconds) -> int:
        """Deletes some acknowledged records older than 7 days. Raises JournalError."""
        return self._call(lambda: self._delete(lambda index: index.old(now)))

    def probe(self) -> None:
        """Writes one page and returns when it is on the disk. Raises JournalError."""
        self._call(self._probe)

    def use(self) -> JournalUse:
        """Returns how full the journal is."""
        return self._room.use

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what happened since the last call."""
        with self._lock:
            notices, self._notices = tuple(self._notices), []
        return notices

    def close(self) -> None:
        """Writes what waits and closes. Raises JournalError when the disk refuses that."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._queue.put(None)
        if self._thread is None:
            self._run()
        else:
            self._thread.join()
        try:
            close_journal(self._files, self._opened)
        except OSError as err:
            raise unavailable(self._files.folder, err) from err

    def _put(self, item: PendingRecord | _Call) -> None:
        with self._lock:
            if self._is_closed:
                raise JournalUnavailableError("journal is closed")
            self._queue.put(item)

    def _call(self, work: Callable[[], T]) -> T:
        call = _Call(work)
        self._put(call)
        if self._thread is None:
            while not call.done.is_set():
                self.turn()
        call.done.wait()
        if call.error is not None:
            raise call.error
        return call.result  # type: ignore[return-value]  # it is what `work` returned

    def _tell(self, notice: Notice | None) -> None:
        if notice is not None:
            with self._lock:
                self._notices.append(notice)

    # --- In the journal's thread ----------------------------------------------------------------

    def _run(self) -> None:
        """Works until closed. Should the thread ever fail, nobody may wait for it in vain."""
        try:
            while self.turn():
                pass
        except Exception:
            log.exception("journal.thread_failed")
            self._give_up(_THREAD_FAILED)

    def _give_up(self, err: JournalError) -> None:
        """Refuses what waits and whatever comes: unrecorded must never look like merely late."""
        with self._lock:
            self._is_closed = True
        item, self._next = self._next, _NOTHING
        while True:
            if isinstance(item, PendingRecord):
                item.settle(err)
            elif item is not None and item is not _NOTHING:
                item.error = err
                item.done.set()
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return

    def turn(self) -> bool:
        """Waits for what is asked for next and does it; False when that was the end.

        What is next is one call, or all the records that wait, up to a group.
        """
        item = self._queue.get() if self._next is _NOTHING else self._next
        self._next = _NOTHING
        if isinstance(item, PendingRecord):
            group = [item]
            self._next = self._gather(group)
            self._append_group([each for each in group if each.is_encoded()])
            if self._log_bytes >= FOLD_BYTES:
                self._checkpoint()
        elif item is not None:
            _perform(item)
        return item is not None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is asked for: the next turn would wait."""
        return self._next is _NOTHING and self._queue.empty()

    def _gather(self, group: list[PendingRecord]) -> "PendingRecord | _Call | None":
        """Takes what else waits into the group, up to something that is not a record."""
        while len(group) < GROUP_RECORDS and not self._queue.empty():
            item = self._queue.get_nowait()
            if not isinstance(item, PendingRecord):
                return item
            group.append(item)
        return _NOTHING

    def _append_group(self, group: list[PendingRecord]) -> None:
        if not group:
            return
        try:
            segment, rows = self._append(group)
        except Exception as err:  # the thread lives on, and who waits learns why
            known = err if isinstance(err, JournalError) else JournalUnavailableError(repr(err))
            log.exception(
                "journal.append_failed records=%s %s", len(group), known, exc_info=known is not err
            )
            for ticket in group:
                ticket.settle(known)
            return
        epoch = self._current.epoch
        follow_ups: list[PendingRecord] = []
        for ticket, (row, _) in zip(group, rows, strict=True):
            event = ticket.settle(Receipt(epoch=epoch, seq=row.seq))
            if event is not None:
                follow_ups.append(PendingRecord(event))
                follow_ups[-1].encode()
        # Whoever waited is on its way: what only the next append needs was not in its way.
        segment.is_stored = True
        segment.records += len(rows)
        self._chain = rows[-1][1]
        # A commit writes the page that it fills, at times the one above, and pages are never full.
        self._log_bytes += 2 * PAGE_BYTES + 3 * sum(len(row.sealed) + 64 for row, _ in rows) // 2
        if follow_ups:
            self._append_group(follow_ups)

    def _append(self, group: list[PendingRecord]) -> _Committed:
        """Writes the group, making room first if it must. Raises JournalError."""
        while True:
            try:
                return self._commit(group)
            except JournalFullError:
                if not self._make_room():
                    self._tell(self._room.measure())
                    raise

    def _commit(self, group: list[PendingRecord]) -> _Committed:
        segment = self._segments.at(group[0].mono_ms)
        rows, chain = [], self._chain
        base = self._current.ordinal << SEQ_BITS
        try:
            for seq, ticket in enumerate(group, self._current.head + 1):
                sealed = segment.cipher.seal(seq, ticket.seal())
                row = RecordRow(base | seq, segment.number, chain, sealed)
                chain = row.chain_after()
                rows.append((row, chain))
            self._store.append(None if segment.is_stored else segment.row, rows)
        except BaseException:
            self._segments.discard()
            raise
        with self._lock:
            self._current.add(rows[0][0].seq, rows[-1][0].seq)
        return segment, rows

    def _probe(self) -> None:
        self._store.probe()
        self._log_bytes += 2 * PAGE_BYTES
        if self._log_bytes >= FOLD_BYTES:
            self._checkpoint()

    def _head(self) -> tuple[bytes, int]:
        """Returns the chain and the segment with which the epoch's newest record is continued."""
        newest = self._store.newest(self._current.ordinal)
        if newest is None:
            return chain_start(self._gateway, self._current.epoch), 1
        return newest.chain_after(), newest.segment + 1

    def _read(self, epoch: Epoch, first: int, last: int, most_bytes: int) -> Stretch | None:
        index = self._epochs.get(epoch)
        if index is None:
            return None
        rows: list[RecordRow] = []
        segments: dict[int, Segment] = {}
        size = 256
        for row, is_whole in self._store.read(index.ordinal, (first, last)):
            if rows and row.seq != rows[-1].seq + 1:
                break
            segment = self._segment_of(index, row, segments)
            if not is_whole or segment is None:
                self._drop(index, row.seq)
                if rows:
                    break
                continue
            size += len(row.sealed) + 16 + (0 if row.segment in segments else 128)
            if rows and size > most_bytes:
                break
            segments[row.segment] = segment
            rows.append(row)
        if not rows:
            return None
        return Stretch(
            epoch=epoch,
            first_seq=rows[0].seq,
            chain_before=rows[0].chain_before,
            segments=tuple(segments[number] for number in sorted(segments)),
            records=tuple(SealedRecord(row.segment, row.sealed) for row in rows),
        )

    def _segment_of(
        self, index: EpochIndex, row: RecordRow, known: dict[int, Segment]
    ) -> Segment | None:
        if row.segment in known:
            return known[row.segment]
        found = self._store.segment(index.ordinal, row.segment)
        return Segment(row.segment, found.recipient, found.sealed_key) if found else None

    def _drop(self, index: EpochIndex, seq: int) -> None:
        """Sends a record no more that was damaged while we run; opening anew will look closer."""
        with self._lock:
            index.forget(seq)
        detail = f"record {seq} of epoch {index.epoch:012x}"
        self._tell(Notice(code=EventCode.JOURNAL_RECORD_DAMAGED, detail=detail))

    def _settle(self, epoch: Epoch, committed: Ranges, resend: Ranges, at: int) -> None:
        index = self._epochs.get(epoch)
        if index is None:
            return
        after = index.settled(committed, resend, at)
        with self._store.transaction("noting an acknowledgement"):
            self._store.replace_marks(index.marks(), after.marks())
        self._log_bytes += 4 * PAGE_BYTES
        self._replace(after)

    def _delete(self, choose: Callable[[EpochIndex], Ranges]) -> int:
        """Deletes up to `PURGE_RECORDS` of the chosen records, oldest epoch first."""
        for index in tuple(self._epochs.values()):
            ranges = choose(index)
            is_current = index is self._current
            if is_current and ranges and ranges[-1][1] == index.head:
                # The newest record stays: the chain continues from it.
                ranges = (*ranges[:-1], (ranges[-1][0], index.head - 1))
            if not ranges or ranges[0][0] > ranges[0][1]:
                continue
            first, last = ranges[0]
            part = (first, min(last, first + PURGE_RECORDS - 1))
            after = index.without((part,))
            with self._store.transaction("deleting acknowledged records"):
                self._store.delete_records(index.ordinal, part)
                self._store.replace_marks(index.marks(), after.marks())
                if not is_current and not after.stored:
                    self._store.delete_epoch(index.ordinal)
            self._replace(after)
            if not is_current and not after.stored:
                with self._lock:
                    del self._epochs[index.epoch]
            self._checkpoint()
            return count((part,))
        return 0

    def _replace(self, index: EpochIndex) -> None:
        with self._lock:
            self._epochs[index.epoch] = index
            if index.ordinal == self._current.ordinal:
                self._current = index

    def _make_room(self) -> bool:
        """Frees reserved room, or gives up the oldest acknowledged records. Says if it helped."""
        if self._room.release():
            return True
        try:
            given_up = self._delete(EpochIndex.kept)
        except JournalError:
            return False
        if given_up:
            detail = f"{given_up} acknowledged records deleted early to make room"
            self._tell(Notice(code=EventCode.JOURNAL_GAVE_UP_KEPT, detail=detail))
        return given_up > 0

    def _checkpoint(self) -> None:
        self._log_bytes = 0
        try:
            self._tell(self._room.keep())
            self._fold()
            self._tell(self._room.measure())
        except JournalError as err:
            # The log grows instead, and the next append says when the disk is full.
            log.warning("journal.checkpoint_failed %s", err)

    def _fold(self) -> None:
        try:
            self._store.checkpoint()
        except JournalFullError:
            if not self._room.release():
                raise
            self._store.checkpoint()


_THREAD_FAILED = JournalUnavailableError("the journal's thread has failed")

_NOTHING = _Call(lambda: None)
"""Stands for an empty queue; never performed."""


def _perform(call: _Call) -> None:
    try:
        call.result = call.work()
    except BaseException as err:  # noqa: BLE001  # it is raised again in the thread that called
        call.error = err
    call.done.set()
