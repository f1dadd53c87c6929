"""Finds rows in the raw bytes of a damaged journal, without SQLite.

A row's header is a short run of bytes that hardly occurs elsewhere, a row never leaves its page,
and its check proves it. So the bytes are searched for headers, in database and log alike, whatever
the pages around them look like. Copies and deleted rows turn up too; for records that is harmless.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from doorward.ids import Epoch, GatewayId, KeyId
from doorward_edge.adapters.journal_sqlite.rows import (
    EpochRow,
    MarkRow,
    MetaRow,
    RecordRow,
    SegmentRow,
    record_check,
    row_check,
)

Buffer = bytes | memoryview

_INT = rb"[\x01-\x06\x08\x09]"
_INT_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0}
"""SQLite's serial types of whole numbers; 8 and 9 are the constants 0 and 1."""

_CHECK = rb"\x1c"  # a BLOB of 8 bytes: 12 + 2 * 8
_RECORD = re.compile(rb"\x00(" + _INT + rb")\x4c" + _CHECK + rb"(?:([\x81-\xff])([\x00-\x7f]))")
_RECORD_SHORT = re.compile(rb"\x00(" + _INT + rb")\x4c" + _CHECK + rb"([\x0c-\x7f])")
_SEGMENT = re.compile(rb"\x00(" + _INT + rb")(" + _INT + rb")\x81\x2c" + _CHECK)
_MARK = re.compile(rb"\x06\x00(" + _INT + rb")(" + _INT + rb")(" + _INT + rb")" + _CHECK)
_EPOCH = re.compile(rb"\x04\x00(" + _INT + rb")" + _CHECK)
_META = re.compile(rb"\x05\x00(" + _INT + rb")([\x0f-\x4d])" + _CHECK)


@dataclass(slots=True)
class Found:
    """Everything that proved itself."""

    metas: set[MetaRow] = field(default_factory=set)
    epochs: set[EpochRow] = field(default_factory=set)
    segments: dict[int, SegmentRow] = field(default_factory=dict)
    marks: set[MarkRow] = field(default_factory=set)
    records: dict[int, list[RecordRow]] = field(default_factory=dict)
    """By id; more than one where a number was given out again after a failed commit."""


def carve(data: Buffer, found: Found) -> None:
    """Adds the rows in `data` to `found`."""
    for record in _records(data):
        same = found.records.setdefault(record.id, [])
        if record not in same:
            same.append(record)
    for segment in _segments(data):
        found.segments[segment.id] = segment
    found.marks.update(_marks(data))
    found.epochs.update(_epochs(data))
    found.metas.update(_metas(data))


def _records(data: Buffer) -> Iterator[RecordRow]:
    matches = [
        (match, (match[2][0] & 0x7F) << 7 | match[3][0]) for match in _RECORD.finditer(data)
    ] + [(match, match[2][0]) for match in _RECORD_SHORT.finditer(data)]
    for match, serial in matches:
        if serial < 12 or serial % 2:
            continue
        reader = _Reader(data, match.end())
        segment = reader.number(match[1][0])
        chain, check, sealed = reader.take(32), reader.take(8), reader.take((serial - 12) // 2)
        if len(sealed) != (serial - 12) // 2 or segment < 0:
            continue
        for row_id in _row_ids(data, match.start() - 1):
            row = RecordRow(row_id, segment, chain, sealed)
            if row.seq and record_check(row_id, row.chain_after()) == check:
                yield row
                break


def _segments(data: Buffer) -> Iterator[SegmentRow]:
    for match in _SEGMENT.finditer(data):
        reader = _Reader(data, match.end())
        epoch, recipient = reader.number(match[1][0]), reader.number(match[2][0])
        key, check = reader.take(80), reader.take(8)
        for row_id in _row_ids(data, match.start() - 1):
            row = SegmentRow(row_id, Epoch(epoch), KeyId(recipient), key)
            if row_check(row) == check:
                yield row
                break


def _marks(data: Buffer) -> Iterator[MarkRow]:
    for match in _MARK.finditer(data):
        reader = _Reader(data, match.end())
        last, state, at = (reader.number(match[n][0]) for n in (1, 2, 3))
        check = reader.take(8)
        for row_id in _row_ids(data, match.start()):
            row = MarkRow(row_id, last, state, at)
            if row_check(row) == check:
                yield row
                break


def _epochs(data: Buffer) -> Iterator[EpochRow]:
    for match in _EPOCH.finditer(data):
        reader = _Reader(data, match.end())
        epoch, check = reader.number(match[1][0]), reader.take(8)
        for row_id in _row_ids(data, match.start()):
            row = EpochRow(row_id, Epoch(epoch))
            if row_check(row) == check:
                yield row
                break


def _metas(data: Buffer) -> Iterator[MetaRow]:
    for match in _META.finditer(data):
        reader = _Reader(data, match.end())
        version = reader.number(match[1][0])
        gateway = reader.take((match[2][0] - 13) // 2).decode("ascii", "replace")
        row = MetaRow(1, version, GatewayId(gateway))
        if row_check(row) == reader.take(8):
            yield row


def _row_ids(data: Buffer, header: int) -> Iterator[int]:
    """Reads the row id that ends before the header, in each length that it may have."""
    value, shift = 0, 0
    for back in range(1, 10):
        at = header - back
        if at < 0 or (data[at] >= 0x80) == (back == 1):
            return
        value |= (data[at] & 0x7F) << shift
        shift += 7
        if value < 1 << 63:
            yield value


class _Reader:
    """Takes values from where a row's header ended."""

    def __init__(self, data: Buffer, at: int) -> None:
        self._data, self._at = data, at

    def take(self, count: int) -> bytes:
        part = bytes(self._data[self._at : self._at + count])
        self._at += count
        return part

    def number(self, serial: int) -> int:
        if serial in (8, 9):
            return serial - 8
        return int.from_bytes(self.take(_INT_BYTES[serial]), signed=True)
