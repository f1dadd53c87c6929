"""The journal: appends from every thread, one thread that writes, one flush for all that wait."""

import logging
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from doorward.batches import SealedRecord, Segment, chain_start
from doorward.envelope import key_id_of
from doorward.ids import Epoch, GatewayId
from doorward.ranges import Ranges, count
from doorward.records import Record
from doorward.sealing import SEGMENT_KEY_BYTES, SegmentCipher, SegmentName, seal_segment_key
from doorward.times import UtcSeconds
from doorward_edge.adapters.journal_sqlite.files import WAL_BYTES, Files, reserve
from doorward_edge.adapters.journal_sqlite.index import EpochIndex
from doorward_edge.adapters.journal_sqlite.opening import (
    Opened,
    close_journal,
    open_journal,
    unavailable,
)
from doorward_edge.adapters.journal_sqlite.rows import (
    PAGE_BYTES,
    SEGMENT_BITS,
    SEQ_BITS,
    RecordRow,
    SegmentRow,
)
from doorward_edge.adapters.journal_sqlite.ticket import PendingRecord
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

SEGMENT_RECORDS = 1024
SEGMENT_MS = 24 * 3600 * 1000
GROUP_RECORDS = 64
"""So many share a flush; with the longest records they are still far below the log's length."""

FOLD_BYTES = WAL_BYTES - 256 * 1024
"""The log is folded into the database before it outgrows the length it was written with."""

PURGE_RECORDS = 1024
RESERVE_STEP_BYTES = 256 * 1024
ALARM_SHARE = 0.80
CALM_SHARE = 0.75

FILLING = "journal_filling"
GIVEN_UP = "journal_gave_up_kept"
UNREADABLE = "journal_record_damaged"
NOT_RESERVED = "journal_not_reserved"


@dataclass(slots=True)
class _Segment:
    """The open segment; its key is nowhere but here."""

    number: int
    cipher: SegmentCipher = field(repr=False)
    row: SegmentRow
    opened_mono_ms: int
    records: int = 0
    is_stored: bool = False


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
    ) -> None:
        self._files, self._gateway, self._capacity = files, gateway, capacity_bytes
        self._recipient = X25519PublicKey.from_public_bytes(recipient)
        self._recipient_id = key_id_of(recipient)
        self._opened, self._store, self._draw = opened, opened.store, draw
        self._lock = threading.Lock()
        self._epochs = {index.epoch: index for index in opened.epochs}
        self._current = opened.epochs[-1]
        self._notices = opened.notices
        self._segment: _Segment | None = None
        self._log_bytes = 0
        self._is_alarming = False
        self._chain, self._next_segment = self._head()
        self._use_reserve = True
        self._used_bytes = 0
        self._keep_room()
        self._measure()
        self._queue: queue.SimpleQueue[PendingRecord | _Call | None] = queue.SimpleQueue()
        self._is_closed = False
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
    ) -> "SqliteJournal":
        """Opens the journal in a folder, making or saving it where needed.

        Args:
            folder: belongs to the journal alone.
            gateway: whose journal it is.
            recipient: the controller's X25519 public key, 32 bytes.
            capacity_bytes: what it may take on the disk, beside its log of 1 MiB.
            draw: where keys and the epoch come from.

        Raises:
            JournalError: as `opening.open_journal` says.
        """
        files = Files(folder)
        opened = open_journal(files, gateway, capacity_bytes, draw)
        return cls(files, gateway, recipient, capacity_bytes, opened, draw)

    # --- From every thread ----------------------------------------------------------------------

    def append(self, record: Record) -> PendingRecord:
        """Takes a record in. Raises MalformedError or JournalUnavailableError."""
        ticket = PendingRecord(record, record.to_wire())
        self._put(ticket)
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

    def use(self) -> JournalUse:
        """Returns how full the journal is."""
        with self._lock:
            return JournalUse(
                used_bytes=self._used_bytes,
                capacity_bytes=self._capacity,
                is_alarming=self._is_alarming,
            )

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
        call.done.wait()
        if call.error is not None:
            raise call.error
        return call.result  # type: ignore[return-value]  # it is what `work` returned

    def _tell(self, code: str, detail: str) -> None:
        with self._lock:
            self._notices.append(Notice(code=code, detail=detail))
        log.warning("journal.%s %s", code, detail)

    # --- In the journal's thread ----------------------------------------------------------------

    def _run(self) -> None:
        item: PendingRecord | _Call | None = self._queue.get()
        while item is not None:
            if isinstance(item, _Call):
                _perform(item)
                item = self._queue.get()
                continue
            group = [item]
            item = self._gather(group)
            self._append_group(group)
            if self._log_bytes >= FOLD_BYTES:
                self._checkpoint()
            if item is _NOTHING:
                item = self._queue.get()

    def _gather(self, group: list[PendingRecord]) -> "PendingRecord | _Call | None":
        """Takes what else waits into the group, up to something that is not a record."""
        while len(group) < GROUP_RECORDS:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return _NOTHING
            if not isinstance(item, PendingRecord):
                return item
            group.append(item)
        return _NOTHING

    def _append_group(self, group: list[PendingRecord]) -> None:
        try:
            rows = self._append(group)
        except Exception as err:  # the thread lives on, and who waits learns why
            known = err if isinstance(err, JournalError) else JournalUnavailableError(repr(err))
            log.exception(
                "journal.append_failed records=%s %s", len(group), known, exc_info=known is not err
            )
            for ticket in group:
                ticket.settle(known)
            return
        follow_ups = []
        for ticket, (row, _) in zip(group, rows, strict=True):
            event = ticket.settle(Receipt(epoch=self._current.epoch, seq=row.seq))
            if event is not None:
                follow_ups.append(PendingRecord(event, event.to_wire()))
        if follow_ups:
            self._append_group(follow_ups)

    def _append(self, group: list[PendingRecord]) -> list[tuple[RecordRow, bytes]]:
        """Writes the group, making room first if it must. Raises JournalError."""
        while True:
            try:
                return self._commit(group)
            except JournalFullError:
                if not self._make_room():
                    self._measure()
                    raise

    def _commit(self, group: list[PendingRecord]) -> list[tuple[RecordRow, bytes]]:
        segment = self._open_segment(group[0].mono_ms)
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
            # Its numbers will be given out again, and one key never seals two records under one.
            self._segment = None
            self._next_segment = segment.number + 1
            raise
        segment.is_stored = True
        segment.records += len(rows)
        self._chain = chain
        # A commit writes the page that it fills, at times the one above, and pages are never full.
        self._log_bytes += 2 * PAGE_BYTES + 3 * sum(len(row.sealed) + 64 for row, _ in rows) // 2
        with self._lock:
            self._current.add(rows[0][0].seq, rows[-1][0].seq)
        return rows

    def _open_segment(self, mono_ms: int) -> _Segment:
        held = self._segment
        if held and held.records < SEGMENT_RECORDS and mono_ms - held.opened_mono_ms < SEGMENT_MS:
            return held
        number = held.number + 1 if held else self._next_segment
        key, epoch = self._draw(SEGMENT_KEY_BYTES), self._current.epoch
        name = SegmentName(gateway=self._gateway, epoch=epoch, number=number)
        row = SegmentRow(
            self._current.ordinal << SEGMENT_BITS | number,
            epoch,
            self._recipient_id,
            seal_segment_key(key, self._recipient, name),
        )
        cipher = SegmentCipher.of(key, self._gateway, epoch)
        self._segment = _Segment(number, cipher, row, mono_ms)
        return self._segment

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
        self._tell(UNREADABLE, f"record {seq} of epoch {index.epoch:012x}")

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
        if self._release_reserve():
            return True
        try:
            given_up = self._delete(EpochIndex.kept)
        except JournalError:
            return False
        if given_up:
            self._tell(GIVEN_UP, f"{given_up} acknowledged records deleted early to make room")
        return given_up > 0

    def _checkpoint(self) -> None:
        self._log_bytes = 0
        try:
            self._keep_room()
            self._fold()
            self._measure()
        except JournalError as err:
            # The log grows instead, and the next append says when the disk is full.
            log.warning("journal.checkpoint_failed %s", err)

    def _fold(self) -> None:
        try:
            self._store.checkpoint()
        except JournalFullError:
            if not self._release_reserve():
                raise
            self._store.checkpoint()

    def _measure(self) -> None:
        used = self._store.used_bytes()
        with self._lock:
            self._used_bytes = used
            was, bound = self._is_alarming, CALM_SHARE if self._is_alarming else ALARM_SHARE
            self._is_alarming = used >= bound * self._capacity
            is_new = self._is_alarming and not was
        if is_new:
            self._tell(FILLING, f"{used * 100 // self._capacity} % of {self._capacity} bytes")

    # --- Room on the card -----------------------------------------------------------------------

    def _keep_room(self) -> None:
        """Keeps reserved what the database may still grow beyond its pages and the log's."""
        if not self._use_reserve:
            return
        step = RESERVE_STEP_BYTES
        wanted = max(0, self._capacity - self._store.file_bytes()) // step * step
        path = self._files.reserve
        try:
            if not path.exists() or path.stat().st_size > wanted:
                reserve(path, wanted)
        except OSError as err:
            self._use_reserve = False
            self._tell(NOT_RESERVED, f"{wanted} bytes could not be reserved: {err.strerror}")

    def _release_reserve(self) -> bool:
        """Gives a step of the reserve to the database. Says whether there was one to give."""
        path = self._files.reserve
        try:
            held = path.stat().st_size if path.exists() else 0
            grown = self._store.file_bytes() + RESERVE_STEP_BYTES
            if held and grown < self._capacity:
                reserve(path, max(0, held - RESERVE_STEP_BYTES))
                return True
        except (OSError, JournalError):
            return False
        return False


_NOTHING = _Call(lambda: None)
"""Stands for an empty queue; never performed."""


def _perform(call: _Call) -> None:
    try:
        call.result = call.work()
    except BaseException as err:  # noqa: BLE001  # it is raised again in the thread that called
        call.error = err
    call.done.set()
