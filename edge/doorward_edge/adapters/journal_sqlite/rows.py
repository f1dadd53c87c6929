"""Tables of the journal and the check that every row carries.

SQLite has no checksums: a flipped bit comes back as data. So every row ends in the first 8 bytes
of a hash over the whole row, and a row can be told from damage wherever it is found, even in the
raw bytes of a file that SQLite itself refuses.

Rows are numbered so that appending goes to the end of one B-tree and no index is needed: a record
of epoch number `o` (its ordinal, 1 for the journal's first epoch) has the id `o << 40 | seq`.
"""

import hashlib
from enum import IntEnum
from typing import NamedTuple

from doorward.batches import chain_next
from doorward.ids import Epoch, GatewayId, KeyId

SCHEMA_VERSION = 1
PAGE_BYTES = 2048
"""Holds the longest record without an overflow page. Each append writes one page, so a small page
wears the card less: measured on ext4, 4.5 kB a record against 6.4 kB with pages of 4,096."""

SEQ_BITS = 40
SEGMENT_BITS = 32
CHECK_BYTES = 8

SCHEMA = """
CREATE TABLE meta (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, gateway TEXT NOT NULL,
                   row_check BLOB NOT NULL);
CREATE TABLE epochs (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, row_check BLOB NOT NULL);
CREATE TABLE segments (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, recipient INTEGER NOT NULL,
                       sealed_key BLOB NOT NULL, row_check BLOB NOT NULL);
CREATE TABLE segment_copies (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL,
                             recipient INTEGER NOT NULL, sealed_key BLOB NOT NULL,
                             row_check BLOB NOT NULL);
CREATE TABLE marks (id INTEGER PRIMARY KEY, last INTEGER NOT NULL, state INTEGER NOT NULL,
                    at INTEGER NOT NULL, row_check BLOB NOT NULL);
CREATE TABLE records (id INTEGER PRIMARY KEY, segment INTEGER NOT NULL, chain_before BLOB NOT NULL,
                      row_check BLOB NOT NULL, sealed BLOB NOT NULL);
"""
"""`segment_copies` is a second home for each segment's key: one flipped bit in a key would make
a thousand records unreadable."""


class Mark(IntEnum):
    """What is known of a range of numbers. The values are on the disk and never reused."""

    ACKNOWLEDGED = 1
    """The controller has them since `at`; they may still be here."""
    GONE = 2
    """Acknowledged and deleted."""
    LOST = 3
    """Given out once, and not found when a damaged journal was saved."""


class MetaRow(NamedTuple):
    """Whose journal this is, and in which layout."""

    id: int
    version: int
    gateway: GatewayId


class EpochRow(NamedTuple):
    """An epoch and its ordinal."""

    ordinal: int
    epoch: Epoch


class SegmentRow(NamedTuple):
    """A segment's key; `id` is `ordinal << 32 | number`."""

    id: int
    epoch: Epoch
    recipient: KeyId
    sealed_key: bytes


class MarkRow(NamedTuple):
    """A range of numbers and what is known of it; `id` is `ordinal << 40 | first`."""

    id: int
    last: int
    state: int
    at: int


class RecordRow(NamedTuple):
    """A sealed record; `id` is `ordinal << 40 | seq`."""

    id: int
    segment: int
    chain_before: bytes
    sealed: bytes

    @property
    def seq(self) -> int:
        """The record's number in its epoch."""
        return self.id & (1 << SEQ_BITS) - 1

    @property
    def ordinal(self) -> int:
        """Which of the journal's epochs."""
        return self.id >> SEQ_BITS

    def chain_after(self) -> bytes:
        """Returns the running hash after this record."""
        return chain_next(self.chain_before, self.seq, self.segment, self.sealed)


def record_check(row_id: int, chain_after: bytes) -> bytes:
    """Returns the check of a record; the chain's hash covers all of it but the ordinal."""
    return hashlib.sha256(b"record" + row_id.to_bytes(8) + chain_after).digest()[:CHECK_BYTES]


def row_check(row: MetaRow | EpochRow | SegmentRow | MarkRow) -> bytes:
    """Returns the check of a row of one of the small tables."""
    text = f"{type(row).__name__}{tuple(row)!r}"
    return hashlib.sha256(text.encode()).digest()[:CHECK_BYTES]
