"""What the journal holds of each epoch, in memory: ranges, never a thing per record."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from doorward.ids import Epoch
from doorward.ranges import Range, Ranges, intersect, merge, subtract
from doorward_edge.adapters.journal_sqlite.rows import SEQ_BITS, Mark, MarkRow
from doorward_edge.ports import EpochSpan

KEEP_S = 7 * 24 * 3600
"""So long acknowledged records stay, for a controller that is restored from a backup."""

_GRAIN_S = 3600
"""Times of acknowledgement are rounded up to this, so that a week needs few rows."""


@dataclass(slots=True)
class EpochIndex:
    """One epoch. Changed by the journal's thread alone; others see the spans made from it.

    Attributes:
        head: newest number given out.
        acknowledged: by time of acknowledgement.
    """

    ordinal: int
    epoch: Epoch
    head: int = 0
    stored: Ranges = ()
    acknowledged: dict[int, Ranges] = field(default_factory=dict)
    gone: Ranges = ()
    lost: Ranges = ()

    def add(self, first: int, last: int) -> None:
        """Notes that records were appended."""
        if self.stored and self.stored[-1][1] == first - 1:
            self.stored = (*self.stored[:-1], (self.stored[-1][0], last))
        else:
            self.stored = merge(self.stored, [(first, last)])
        self.head = max(self.head, last)

    def load(self, marks: Iterable[MarkRow]) -> None:
        """Takes in what the disk says of ranges."""
        by_state: dict[int, list[Range]] = {}
        by_time: dict[int, list[Range]] = {}
        for mark in marks:
            part = (mark.id & (1 << SEQ_BITS) - 1, mark.last)
            if mark.state == Mark.ACKNOWLEDGED:
                by_time.setdefault(mark.at, []).append(part)
            else:
                by_state.setdefault(mark.state, []).append(part)
        self.acknowledged = {at: merge(parts) for at, parts in by_time.items()}
        self.gone = merge(by_state.get(Mark.GONE, ()))
        self.lost = merge(by_state.get(Mark.LOST, ()))

    def settled(self, committed: Ranges, resend: Ranges, at: int) -> "EpochIndex":
        """Returns the index after an acknowledgement."""
        ours = intersect(committed, [(1, self.head)] if self.head else [])
        fresh = intersect(subtract(ours, self.all_acknowledged()), self.stored)
        again = intersect(resend, self.stored)
        times = dict(self.acknowledged)
        grain = (at // _GRAIN_S + 1) * _GRAIN_S
        times[grain] = merge(times.get(grain, ()), fresh)
        times = {when: left for when in times if (left := subtract(times[when], again))}
        found = intersect(self.lost, ours)
        return self._copy(times, merge(self.gone, found), subtract(self.lost, found), self.stored)

    def old(self, now: int) -> Ranges:
        """Returns what is here, acknowledged and older than `KEEP_S`."""
        due = merge(*(part for at, part in self.acknowledged.items() if at + KEEP_S <= now))
        return intersect(due, self.stored)

    def kept(self) -> Ranges:
        """Returns what is here although it is acknowledged."""
        return intersect(self.all_acknowledged(), self.stored)

    def without(self, deleted: Ranges) -> "EpochIndex":
        """Returns the index after acknowledged records were deleted."""
        left = {at: subtract(part, deleted) for at, part in self.acknowledged.items()}
        times = {at: part for at, part in left.items() if part}
        return self._copy(
            times, merge(self.gone, deleted), self.lost, subtract(self.stored, deleted)
        )

    def forget(self, seq: int) -> None:
        """Notes that a record can no longer be read."""
        self.stored = subtract(self.stored, [(seq, seq)])

    def all_acknowledged(self) -> Ranges:
        """Returns what the controller has and may still be here."""
        return merge(*self.acknowledged.values())

    def marks(self) -> dict[int, MarkRow]:
        """Returns the rows that say this on the disk, by id."""
        parts = [(Mark.GONE, 0, self.gone), (Mark.LOST, 0, self.lost)]
        parts += [(Mark.ACKNOWLEDGED, at, part) for at, part in self.acknowledged.items()]
        rows = [
            MarkRow(self.ordinal << SEQ_BITS | first, last, int(state), at)
            for state, at, ranges in parts
            for first, last in ranges
        ]
        return {row.id: row for row in rows}

    def span(self) -> EpochSpan:
        """Returns what others may know."""
        acknowledged = self.all_acknowledged()
        return EpochSpan(
            epoch=self.epoch,
            head=self.head,
            pending=subtract(self.stored, acknowledged),
            kept=intersect(self.stored, acknowledged),
            lost=self.lost,
        )

    def _copy(
        self, times: dict[int, Ranges], gone: Ranges, lost: Ranges, stored: Ranges
    ) -> "EpochIndex":
        return EpochIndex(
            ordinal=self.ordinal,
            epoch=self.epoch,
            head=self.head,
            stored=stored,
            acknowledged=times,
            gone=gone,
            lost=lost,
        )
