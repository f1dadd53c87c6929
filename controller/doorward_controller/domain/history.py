"""What of a gateway's journal is on the disk, and whether a batch continues that history (pure).

A stored range remembers the running hash before its first and after its last record. Equal hashes
mean equal histories, so one comparison at the end of an overlap settles every record before it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from doorward.batches import Batch, chain_start
from doorward.ranges import Range, Ranges, merge, subtract


class StoredRange(NamedTuple):
    """Consecutive records that are on the disk."""

    first: int
    last: int
    chain_before: bytes
    chain_last: bytes


class Breach(StrEnum):
    """How a batch contradicts what is stored."""

    NUMBER_REUSED = "number_reused"
    """A number that we hold came again with another content."""
    CHAIN_BROKEN = "chain_broken"
    """Records before or after it were altered, removed or put in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A batch that fits.

    Attributes:
        new: the numbers of it that are not stored yet; the rest are copies.
        ranges: what is stored once these are.
    """

    new: Ranges
    ranges: tuple[StoredRange, ...]


def place(
    stored: tuple[StoredRange, ...],
    batch: Batch,
    chain: tuple[bytes, ...],
    chain_at: Callable[[int], bytes | None],
) -> Placed | Breach:
    """Fits a batch into the stored history.

    Args:
        stored: ascending; two ranges neither overlap nor touch.
        batch: verified and consecutive.
        chain: `batch.chain()`.
        chain_at: the running hash after a stored record inside a range, None when its row is gone.
    """
    if batch.first_seq == 1 and chain[0] != chain_start(batch.gateway, batch.epoch):
        return Breach.CHAIN_BROKEN
    near = [r for r in stored if r.last >= batch.first_seq - 1 and r.first <= batch.last_seq + 1]
    for held in near:
        breach = _breach(held, batch, chain, chain_at)
        if breach is not None:
            return breach
    whole: Range = (batch.first_seq, batch.last_seq)
    ours = StoredRange(batch.first_seq, batch.last_seq, chain[0], chain[-1])
    return Placed(
        new=subtract((whole,), ((r.first, r.last) for r in near)),
        ranges=tuple(sorted([*(r for r in stored if r not in near), _joined([*near, ours])])),
    )


def ranges_of(stored: Iterable[StoredRange]) -> Ranges:
    """Returns the bare numbers."""
    return merge((r.first, r.last) for r in stored)


def _breach(
    held: StoredRange,
    batch: Batch,
    chain: tuple[bytes, ...],
    chain_at: Callable[[int], bytes | None],
) -> Breach | None:
    if held.first == batch.last_seq + 1:
        return None if held.chain_before == chain[-1] else Breach.CHAIN_BROKEN
    end = min(held.last, batch.last_seq)
    known = held.chain_last if end == held.last else chain_at(end)
    if known is None or known == chain[end - batch.first_seq + 1]:
        return None
    return Breach.CHAIN_BROKEN if end < batch.first_seq else Breach.NUMBER_REUSED


def _joined(parts: list[StoredRange]) -> StoredRange:
    first = min(parts, key=lambda part: part.first)
    last = max(parts, key=lambda part: part.last)
    return StoredRange(first.first, last.last, first.chain_before, last.chain_last)
