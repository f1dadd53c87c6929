"""Storing what gateways recorded, exactly once, whatever the broker repeats.

One transaction takes in a whole group of batches: that is where the throughput comes from. A
number that is stored already is a copy when the running hashes agree, and a breach when they do
not; a breach stores nothing and acknowledges nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from doorward.ranges import contains
from doorward_controller.domain.history import Breach, StoredRange, place
from doorward_controller.services.opening import OpenedBatch
from doorward_controller.store import intake
from doorward_controller.store.intake import Journal, RecordInsert

_MAX_SEGMENTS_REMEMBERED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A batch that is stored once the transaction commits.

    Attributes:
        new: how many of its records were not copies.
    """

    batch: OpenedBatch
    new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breached:
    """A batch that contradicts what is stored."""

    batch: OpenedBatch
    breach: Breach


@dataclass(slots=True)
class _Group:
    """What one transaction knows and is going to write."""

    connection: sa.Connection
    now_utc_ms: int
    before: dict[Journal, tuple[StoredRange, ...]] = field(default_factory=dict)
    after: dict[Journal, tuple[StoredRange, ...]] = field(default_factory=dict)
    chains: dict[tuple[Journal, int], bytes] = field(default_factory=dict)
    rows: list[RecordInsert] = field(default_factory=list)

    def ranges(self, journal: Journal) -> tuple[StoredRange, ...]:
        if journal not in self.after:
            loaded = intake.load_ranges(self.connection, journal)
            self.before[journal] = self.after[journal] = loaded
        return self.after[journal]

    def chain_at(self, journal: Journal, seq: int) -> bytes | None:
        """Looks among the rows of this group first: they are not in the table yet."""
        known = self.chains.get((journal, seq))
        return known or intake.chain_at(self.connection, journal, seq)


class Intake:
    """Takes groups of batches in. One thread uses one intake."""

    def __init__(self) -> None:
        """Begins without remembering any segment."""
        self._segments: set[tuple[Journal, int]] = set()

    def take_in(
        self,
        connection: sa.Connection,
        batches: Sequence[OpenedBatch],
        now_utc_ms: int,
        also: Iterable[int] = (),
    ) -> tuple[tuple[Taken | Breached, ...], list[RecordInsert]]:
        """Stores what is new of the batches within the caller's transaction.

        Args:
            connection: of the transaction.
            batches: what arrived.
            now_utc_ms: when.
            also: further gateways about which the transaction is going to write.

        Returns:
            One verdict for each batch, in order, and the rows that were inserted.
        """
        group = _Group(connection=connection, now_utc_ms=now_utc_ms)
        intake.lock_gateways(connection, {*also, *(opened.gateway.id for opened in batches)})
        verdicts = tuple(self._take(group, opened) for opened in batches)
        intake.insert_records(connection, group.rows)
        for journal, ranges in group.after.items():
            intake.save_ranges(connection, journal, group.before[journal], ranges)
        return verdicts, group.rows

    def remember_segments(self, batches: Iterable[OpenedBatch]) -> None:
        """Notes after the commit that the sealed keys of these batches are stored."""
        if len(self._segments) > _MAX_SEGMENTS_REMEMBERED:
            self._segments.clear()
        for opened in batches:
            journal = _journal(opened)
            self._segments.update((journal, segment.number) for segment in opened.batch.segments)

    def _take(self, group: _Group, opened: OpenedBatch) -> Taken | Breached:
        journal, batch = _journal(opened), opened.batch
        placed = place(
            group.ranges(journal),
            batch,
            opened.chain,
            lambda seq: group.chain_at(journal, seq),
        )
        if isinstance(placed, Breach):
            return Breached(batch=opened, breach=placed)
        for segment in batch.segments:
            if (journal, segment.number) not in self._segments:
                intake.add_segment(group.connection, journal, *segment)
        rows = rows_of(opened, group.now_utc_ms)
        whole = (batch.first_seq, batch.last_seq)
        new = rows if placed.new == (whole,) else [r for r in rows if contains(placed.new, r.seq)]
        group.rows += new
        group.after[journal] = placed.ranges
        group.chains.update(((journal, row.seq), row.chain) for row in new)
        return Taken(batch=opened, new=len(new))


def _journal(opened: OpenedBatch) -> Journal:
    return Journal(opened.gateway.id, opened.batch.epoch)


def rows_of(opened: OpenedBatch, now_utc_ms: int) -> list[RecordInsert]:
    """Returns the rows of a batch's readable records."""
    gateway_id, epoch = _journal(opened)
    first, chain = opened.batch.first_seq, opened.chain
    return [
        RecordInsert(
            gateway_id,
            epoch,
            seq,
            now_utc_ms,
            fields["utc_ms"],
            fields["kind"],
            fields.get("outcome"),
            fields.get("reason", ""),
            fields.get("portal", ""),
            fields.get("credential_id"),
            body,
            chain[seq - first + 1],
        )
        for seq, fields, body in opened.records
    ]
