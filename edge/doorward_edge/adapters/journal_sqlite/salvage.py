"""Saves what can be saved of a damaged journal into a fresh one; the old files are kept aside."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from doorward.ids import Epoch, GatewayId
from doorward.ranges import Ranges, count, from_numbers, intersect, merge, subtract
from doorward_edge.adapters.journal_sqlite.carve import Found, carve
from doorward_edge.adapters.journal_sqlite.index import EpochIndex
from doorward_edge.adapters.journal_sqlite.rows import (
    SEGMENT_BITS,
    SEQ_BITS,
    EpochRow,
    Mark,
    RecordRow,
    SegmentRow,
)
from doorward_edge.adapters.journal_sqlite.store import Store, check_meta
from doorward_edge.disk import Disk

_RECORDS_PER_COMMIT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvage:
    """What became of a damaged journal.

    Attributes:
        saved: records in the fresh journal, under their old numbers.
        lost: numbers that were given out and are neither here nor acknowledged.
        unreadable: records that were found without the key of their segment or without their
            epoch; they stay in the files put aside.
    """

    saved: int
    lost: int
    unreadable: int


def salvage(disk: Disk, files: list[Path], fresh: Path, gateway: GatewayId) -> Salvage:
    """Writes a fresh journal with everything found in `files`.

    Acknowledged records that are still there become pending again: sending twice is harmless,
    trusting a damaged file's word that they arrived is not.

    Raises:
        JournalError: the fresh journal could not be written, or the old one is not ours.
    """
    found = Found()
    for path in files:
        if disk.exists(path):
            carve(disk.map(path), found)
    for meta in found.metas:
        check_meta(meta, gateway)
    epochs = {row.ordinal: row.epoch for row in found.epochs}
    epochs |= {row.id >> SEGMENT_BITS: row.epoch for row in found.segments.values()}
    records = {
        row_id: row
        for row_id, row in _linked(found)
        if row.ordinal in epochs and row.ordinal << SEGMENT_BITS | row.segment in found.segments
    }
    indexes = [_index(ordinal, epochs[ordinal], records, found) for ordinal in sorted(epochs)]
    store = Store.create(fresh, gateway, disk)
    try:
        _write(store, indexes, records, found)
    finally:
        store.close()
    return Salvage(
        saved=len(records),
        lost=sum(count(index.lost) for index in indexes),
        unreadable=len(found.records) - len(records),
    )


def _linked(found: Found) -> Iterator[tuple[int, RecordRow]]:
    """Chooses for each number the record that the next one continues, or the one found last.

    A number is found twice when a commit failed and its frames were still in the log. Where the
    next record continues neither, the right one is lost, and what was found is left aside.
    """
    follower: RecordRow | None = None
    for row_id in sorted(found.records, reverse=True):
        candidates = found.records[row_id]
        if follower is not None and follower.id == row_id + 1:
            wanted = follower.chain_before
            candidates = [row for row in candidates if row.chain_after() == wanted]
        if candidates:
            follower = candidates[-1]
            yield row_id, follower


def _index(ordinal: int, epoch: Epoch, records: dict[int, RecordRow], found: Found) -> EpochIndex:
    low, high = ordinal << SEQ_BITS, (ordinal + 1 << SEQ_BITS) - 1
    present = from_numbers(row_id - low for row_id in records if low < row_id <= high)
    marks = [mark for mark in found.marks if low <= mark.id <= high]
    index = EpochIndex(ordinal=ordinal, epoch=epoch)
    index.load(mark for mark in marks if mark.state != Mark.ACKNOWLEDGED)
    arrived: Ranges = merge(
        index.gone,
        ((mark.id - low, mark.last) for mark in marks if mark.state == Mark.ACKNOWLEDGED),
    )
    seen = [row_id - low for row_id in found.records if low < row_id <= high]
    head = max([*seen, *(last for _, last in merge(arrived, index.lost))], default=0)
    holes = subtract([(1, head)] if head else [], present)
    index.stored, index.head = present, head
    index.gone = intersect(holes, arrived)
    index.lost = subtract(holes, arrived)
    return index


def _write(
    store: Store,
    indexes: list[EpochIndex],
    records: dict[int, RecordRow],
    found: Found,
) -> None:
    with store.transaction("saving a damaged journal"):
        for index in indexes:
            store.add_epoch(EpochRow(index.ordinal, index.epoch))
            store.replace_marks({}, index.marks())
        for segment in sorted(_used(found, records)):
            store.add_segment(segment)
    ordered = [records[row_id] for row_id in sorted(records)]
    for at in range(0, len(ordered), _RECORDS_PER_COMMIT):
        with store.transaction("saving a damaged journal"):
            part = ordered[at : at + _RECORDS_PER_COMMIT]
            store.add_records((row, row.chain_after()) for row in part)


def _used(found: Found, records: dict[int, RecordRow]) -> list[SegmentRow]:
    used = {row.ordinal << SEGMENT_BITS | row.segment for row in records.values()}
    return [row for row_id, row in found.segments.items() if row_id in used]
