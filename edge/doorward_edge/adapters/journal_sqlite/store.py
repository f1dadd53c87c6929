"""The journal's database: one connection, used by one thread, with typed errors."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Self

from doorward.batches import CHAIN_BYTES, MAX_BATCH_RECORDS, chain_start
from doorward.ids import Epoch, GatewayId
from doorward.ranges import Range, contains, merge
from doorward_edge.adapters.journal_sqlite.index import EpochIndex
from doorward_edge.adapters.journal_sqlite.rows import (
    PAGE_BYTES,
    SCHEMA,
    SCHEMA_VERSION,
    SEGMENT_BITS,
    SEQ_BITS,
    EpochRow,
    MarkRow,
    MetaRow,
    RecordRow,
    SegmentRow,
    record_check,
    row_check,
)
from doorward_edge.disk import POSIX, Disk
from doorward_edge.ports import (
    JournalBusyError,
    JournalForeignError,
    JournalFullError,
    JournalUnavailableError,
)

_FULL = {sqlite3.SQLITE_FULL}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}


class DamagedError(JournalUnavailableError):
    """The file is not what was written; it is put aside and saved at the next opening."""


@contextmanager
def typed_errors(what: str) -> Iterator[None]:
    """Turns every error of SQLite into one of the journal's."""
    try:
        yield
    except sqlite3.Error as err:
        raise_typed(err, what)


def raise_typed(err: sqlite3.Error, what: str) -> NoReturn:
    """Raises the journal's error for one of SQLite's."""
    code = getattr(err, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    text = f"journal: {what}: {err}"
    if code in _FULL:
        raise JournalFullError(text) from err
    if code in _BUSY:
        raise JournalBusyError(text) from err
    # Without a code it is Python's own complaint about what a row holds.
    if code in _DAMAGED or code == sqlite3.SQLITE_ERROR:
        raise DamagedError(text) from err
    raise JournalUnavailableError(text) from err


class Store:
    """An open database. Every method raises JournalError."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @classmethod
    def create(cls, path: Path, gateway: GatewayId, disk: Disk = POSIX) -> Self:
        """Makes an empty journal without a write-ahead log, for `install` to put in place."""
        with typed_errors(f"creating {path}"):
            db = _connect(path, "rwc", disk)
            db.execute(f"PRAGMA page_size={PAGE_BYTES}")
            db.executescript("PRAGMA synchronous=FULL; BEGIN;" + SCHEMA)
            meta = MetaRow(1, SCHEMA_VERSION, gateway)
            db.execute("INSERT INTO meta VALUES (?,?,?,?)", (*meta, row_check(meta)))
            db.execute("COMMIT")
        return cls(db)

    @classmethod
    def open(cls, path: Path, capacity_bytes: int, disk: Disk = POSIX) -> Self:
        """Opens a journal for this process alone."""
        with typed_errors(f"opening {path}"):
            db = _connect(path, "rw", disk)
            try:
                db.execute("PRAGMA locking_mode=EXCLUSIVE")
                db.execute("PRAGMA journal_mode=WAL").fetchone()
                db.execute("PRAGMA synchronous=FULL")
                db.execute("PRAGMA wal_autocheckpoint=0")
                db.execute("PRAGMA cache_size=-4096")
                db.execute(f"PRAGMA max_page_count={capacity_bytes // PAGE_BYTES}")
            except sqlite3.Error:
                db.close()
                raise
        return cls(db)

    @classmethod
    def inspect(cls, path: Path, disk: Disk = POSIX) -> Self:
        """Opens a journal for reading; closing it leaves file and log exactly as they were."""
        with typed_errors(f"reading {path}"):
            return cls(_connect(path, "ro", disk))

    def close(self) -> None:
        """Folds the log into the database and closes both."""
        with typed_errors("closing"):
            self._db.close()

    def check_owner(self, gateway: GatewayId) -> None:
        """Raises JournalForeignError for another gateway's or a newer version's journal."""
        with typed_errors("reading whose it is"):
            rows = self._db.execute("SELECT * FROM meta").fetchall()
        if len(rows) != 1 or row_check(MetaRow(*rows[0][:-1])) != rows[0][-1]:
            raise DamagedError("journal: whose it is cannot be read")
        check_meta(MetaRow(*rows[0][:-1]), gateway)

    def load(self, gateway: GatewayId) -> list[EpochIndex]:
        """Reads and checks everything, and returns what there is, oldest epoch first."""
        with typed_errors("checking"):
            verdict = self._db.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != ("ok",):
                raise DamagedError(f"journal: {verdict[0]}")
            epochs = self._epochs()
            self._check_segments()
            for index in epochs.values():
                index.head = max((last for _, last in merge(index.gone, index.lost)), default=0)
            self._check_records(epochs, gateway)
        return [epochs[ordinal] for ordinal in sorted(epochs)]

    def newest(self, ordinal: int) -> RecordRow | None:
        """Returns the newest record of an epoch."""
        query = "SELECT id, segment, chain_before, sealed FROM records WHERE id BETWEEN ? AND ?"
        with typed_errors("reading the newest record"):
            rows = self._db.execute(
                f"{query} ORDER BY id DESC LIMIT 1", _id_range(ordinal, (1, _MAX_SEQ))
            )
            row = rows.fetchone()
        return RecordRow(*row) if row else None

    def read(self, ordinal: int, part: Range) -> list[tuple[RecordRow, bool]]:
        """Returns records in order, at most a batch's, and whether each is what was written."""
        query = "SELECT * FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?"
        with typed_errors("reading records"):
            rows = self._db.execute(query, (*_id_range(ordinal, part), MAX_BATCH_RECORDS))
            found = [
                (RecordRow(row_id, segment, chain, sealed), check)
                for row_id, segment, chain, check, sealed in rows
            ]
        return [(row, record_check(row.id, row.chain_after()) == check) for row, check in found]

    def segment(self, ordinal: int, number: int) -> SegmentRow | None:
        """Returns a segment's key, from its second home if the first is damaged."""
        for table in ("segments", "segment_copies"):
            with typed_errors("reading a segment"):
                query = f"SELECT * FROM {table} WHERE id = ?"  # noqa: S608  # the table is ours
                row = self._db.execute(query, (ordinal << SEGMENT_BITS | number,)).fetchone()
            if row and row_check(SegmentRow(*row[:-1])) == row[-1]:
                return SegmentRow(*row[:-1])
        return None

    @contextmanager
    def transaction(self, what: str) -> Iterator[None]:
        """Commits what is done inside, on the disk, or nothing of it."""
        with typed_errors(what):
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def add_epoch(self, row: EpochRow) -> None:
        """Inserts an epoch, inside a transaction."""
        self._db.execute("INSERT INTO epochs VALUES (?,?,?)", (*row, row_check(row)))

    def add_segment(self, row: SegmentRow) -> None:
        """Inserts a segment's key in both its homes, inside a transaction."""
        values = (*row, row_check(row))
        self._db.execute("INSERT INTO segments VALUES (?,?,?,?,?)", values)
        self._db.execute("INSERT INTO segment_copies VALUES (?,?,?,?,?)", values)

    def append(self, segment: SegmentRow | None, rows: Sequence[tuple[RecordRow, bytes]]) -> None:
        """Puts records, each with its `chain_after`, and a segment's key if new, on the disk."""
        if segment is None and len(rows) == 1:
            try:
                self._add_record(*rows[0])  # a statement alone is a transaction
            except sqlite3.Error as err:
                raise_typed(err, "appending")
            return
        with self.transaction("appending"):
            if segment is not None:
                self.add_segment(segment)
            self.add_records(rows)

    def add_records(self, rows: Iterable[tuple[RecordRow, bytes]]) -> None:
        """Inserts records with their `chain_after`, inside a transaction."""
        for row, after in rows:
            self._add_record(row, after)

    def _add_record(self, row: RecordRow, after: bytes) -> None:
        self._db.execute(
            "INSERT INTO records VALUES (?,?,?,?,?)",
            (row.id, row.segment, row.chain_before, record_check(row.id, after), row.sealed),
        )

    def replace_marks(self, before: dict[int, MarkRow], after: dict[int, MarkRow]) -> None:
        """Writes the difference of two states of an epoch's marks, inside a transaction."""
        gone = [(row_id,) for row_id in before.keys() - after.keys()]
        self._db.executemany("DELETE FROM marks WHERE id = ?", gone)
        new = [(*row, row_check(row)) for row in after.values() if before.get(row.id) != row]
        self._db.executemany("INSERT OR REPLACE INTO marks VALUES (?,?,?,?,?)", new)

    def delete_records(self, ordinal: int, part: Range) -> None:
        """Deletes records and the segments before the first one left, inside a transaction."""
        self._db.execute("DELETE FROM records WHERE id BETWEEN ? AND ?", _id_range(ordinal, part))
        first = self._db.execute(
            "SELECT segment FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1",
            _id_range(ordinal, (1, _MAX_SEQ)),
        ).fetchone()
        bound = first[0] if first else (1 << SEGMENT_BITS) - 1
        segments = (ordinal << SEGMENT_BITS, (ordinal << SEGMENT_BITS) + bound)
        for table in ("segments", "segment_copies"):
            query = f"DELETE FROM {table} WHERE id >= ? AND id < ?"  # noqa: S608  # our table
            self._db.execute(query, segments)

    def delete_epoch(self, ordinal: int) -> None:
        """Forgets an epoch of which nothing is left, inside a transaction."""
        self._db.execute("DELETE FROM epochs WHERE id = ?", (ordinal,))
        self._db.execute(
            "DELETE FROM marks WHERE id BETWEEN ? AND ?", _id_range(ordinal, (0, _MAX_SEQ))
        )

    def checkpoint(self) -> None:
        """Writes the log's pages into the database, so that the log begins anew."""
        with typed_errors("folding the log into the database"):
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def probe(self) -> None:
        """Changes a number that nobody needs, and waits until it is on the disk."""
        with typed_errors("trying to write"):
            (number,) = self._db.execute("PRAGMA user_version").fetchone()
            with self.transaction("trying to write"):
                self._db.execute(f"PRAGMA user_version={(int(number) + 1) % 2**31}")

    def used_bytes(self) -> int:
        """Returns the bytes of pages in use."""
        with typed_errors("measuring"):
            (pages,) = self._db.execute("PRAGMA page_count").fetchone()
            (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        return int(pages - free) * PAGE_BYTES

    def file_bytes(self) -> int:
        """Returns how long the database's file is, or will be when the log is folded in."""
        with typed_errors("measuring"):
            (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        return int(pages) * PAGE_BYTES

    def _epochs(self) -> dict[int, EpochIndex]:
        epochs = {}
        for row_id, epoch, check in self._db.execute("SELECT * FROM epochs"):
            if row_check(EpochRow(row_id, Epoch(epoch))) != check:
                raise DamagedError(f"journal: epoch {row_id} fails its check")
            epochs[row_id] = EpochIndex(ordinal=row_id, epoch=Epoch(epoch))
        marks: dict[int, list[MarkRow]] = {}
        for *values, check in self._db.execute("SELECT * FROM marks"):
            mark = MarkRow(*values)
            if row_check(mark) != check or mark.id >> SEQ_BITS not in epochs:
                raise DamagedError(f"journal: mark {mark.id} fails its check")
            marks.setdefault(mark.id >> SEQ_BITS, []).append(mark)
        for ordinal, rows in marks.items():
            epochs[ordinal].load(rows)
        return epochs

    def _check_segments(self) -> None:
        homes: list[list[int]] = []
        for table in ("segments", "segment_copies"):
            homes.append([])
            for *values, check in self._db.execute(f"SELECT * FROM {table} ORDER BY id"):  # noqa: S608
                if row_check(SegmentRow(*values)) != check:
                    raise DamagedError(f"journal: segment {values[0]} fails its check")
                homes[-1].append(values[0])
        if homes[0] != homes[1]:
            raise DamagedError("journal: the two homes of the segments' keys differ")

    def _check_records(self, epochs: dict[int, EpochIndex], gateway: GatewayId) -> None:
        """Follows the chain through all records; a hole must be explained by a mark."""
        segments = {row_id for (row_id,) in self._db.execute("SELECT id FROM segments")}
        index, running, before, first = None, b"", 0, 0
        for row_id, segment, chain, check, sealed in self._db.execute(
            "SELECT * FROM records ORDER BY id"
        ):
            row = RecordRow(row_id, segment, chain, sealed)
            ordinal, seq = row.ordinal, row.seq
            if index is None or index.ordinal != ordinal:
                _finish(index, first, before)
                index = epochs.get(ordinal)
                if index is None:
                    raise DamagedError(f"journal: record {row_id} is of no known epoch")
                before = first = 0
                running = chain_start(gateway, index.epoch)
            if seq != before + 1:
                _check_hole(index, before + 1, seq - 1)
                if before:
                    index.add(first, before)
                first, running = seq, chain
            after = row.chain_after() if len(chain) == CHAIN_BYTES else b""
            if (
                running != chain
                or record_check(row_id, after) != check
                or ordinal << SEGMENT_BITS | segment not in segments
            ):
                raise DamagedError(f"journal: record {seq} of epoch {index.epoch:012x} is damaged")
            first, before, running = first or seq, seq, after
        _finish(index, first, before)


_MAX_SEQ = (1 << SEQ_BITS) - 1


def _connect(path: Path, mode: str, disk: Disk) -> sqlite3.Connection:
    """Opens a database; another thread than the one that opened it may use it, one at a time."""
    vfs = f"&vfs={disk.sqlite_vfs}" if disk.sqlite_vfs else ""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}{vfs}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=0,
    )


def check_meta(meta: MetaRow, gateway: GatewayId) -> None:
    """Raises JournalForeignError for another gateway's or a newer version's journal."""
    if meta.version > SCHEMA_VERSION:
        raise JournalForeignError(
            f"journal has layout {meta.version}, this software knows {SCHEMA_VERSION}; "
            "install the newer version again"
        )
    if meta.gateway != gateway:
        raise JournalForeignError(
            f"journal belongs to gateway {meta.gateway}, this is {gateway}; "
            "deliver it under its name, or move its folder away"
        )


def _finish(index: EpochIndex | None, first: int, last: int) -> None:
    if index is not None and last:
        index.add(first, last)


def _check_hole(index: EpochIndex, first: int, last: int) -> None:
    explained = merge(index.gone, index.lost)
    if not (contains(explained, first) and contains(explained, last)) or not any(
        start <= first and last <= end for start, end in explained
    ):
        raise DamagedError(
            f"journal: records {first} to {last} of epoch {index.epoch:012x} are missing"
        )


def _id_range(ordinal: int, part: Range) -> tuple[int, int]:
    return ordinal << SEQ_BITS | part[0], ordinal << SEQ_BITS | part[1]
