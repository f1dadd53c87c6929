"""A journal in memory, whose disk can be slow, full or away."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from doorward.batches import SealedRecord, Segment, chain_next, chain_start
from doorward.ids import Epoch, GatewayId, KeyId
from doorward.ranges import Ranges, from_numbers, intersect, merge, subtract
from doorward.records import Record
from doorward.sealing import SEALED_KEY_BYTES
from doorward.times import UtcSeconds
from doorward_edge.ports import EpochSpan, JournalError, JournalUse, Notice, Receipt, Stretch

EPOCH = Epoch(7)
GATEWAY = GatewayId("gate-1")


@dataclass
class FakeTicket:
    """Settled by the journal, at once or when the test says so."""

    receipt: Receipt | None = None
    error: JournalError | None = None
    is_late: bool = False
    waited_s: list[float] = field(default_factory=list)
    before_mark: Callable[[], None] = lambda: None

    def wait(self, timeout_s: float) -> Receipt | None:
        self.waited_s.append(timeout_s)
        if self.error is not None:
            raise self.error
        return self.receipt

    def mark_late(self) -> bool:
        self.before_mark()
        self.is_late = self.receipt is None
        return self.is_late


@dataclass
class FakeJournal:
    """Keeps records as they are: nothing is sealed here.

    Attributes:
        error: what the disk answers to every append.
        is_slow: appends are settled by `catch_up` alone.
        is_just_in_time: they are, at the moment when somebody calls one late.
    """

    records: list[Record] = field(default_factory=list)
    acknowledged: Ranges = ()
    error: JournalError | None = None
    is_slow: bool = False
    is_just_in_time: bool = False
    notices: tuple[Notice, ...] = ()
    waiting: list[tuple[Record, FakeTicket]] = field(default_factory=list)

    def append(self, record: Record) -> FakeTicket:
        ticket = FakeTicket(error=self.error)
        if self.error is None:
            self.waiting.append((record, ticket))
            if self.is_just_in_time:
                ticket.before_mark = self.catch_up
            elif not self.is_slow:
                self.catch_up()
        return ticket

    def catch_up(self) -> None:
        for record, ticket in self.waiting:
            self.records.append(replace(record, late=ticket.is_late))
            ticket.receipt = Receipt(epoch=EPOCH, seq=len(self.records))
        self.waiting = []

    def read(self, epoch: Epoch, first: int, last: int, most_bytes: int) -> Stretch | None:
        part = self.records[first - 1 : min(last, first + 255)]
        if epoch != EPOCH or not part:
            return None
        chain = chain_start(GATEWAY, EPOCH)
        for seq, record in enumerate(self.records[: first - 1], 1):
            chain = chain_next(chain, seq, 1, record.to_wire())
        return Stretch(
            epoch=epoch,
            first_seq=first,
            chain_before=chain,
            segments=(Segment(1, KeyId(1), bytes(SEALED_KEY_BYTES)),),
            records=tuple(SealedRecord(1, record.to_wire()) for record in part),
        )

    def spans(self) -> tuple[EpochSpan, ...]:
        stored = from_numbers(range(1, len(self.records) + 1))
        return (
            EpochSpan(
                epoch=EPOCH,
                head=len(self.records),
                pending=subtract(stored, self.acknowledged),
                kept=intersect(stored, self.acknowledged),
                lost=(),
            ),
        )

    def settle(self, epoch: Epoch, committed: Ranges, resend: Ranges, at: UtcSeconds) -> None:
        if epoch == EPOCH:
            self.acknowledged = subtract(merge(self.acknowledged, committed), resend)

    def purge(self, now: UtcSeconds) -> int:
        return 0

    def probe(self) -> None:
        if self.error is not None:
            raise self.error

    def use(self) -> JournalUse:
        return JournalUse(used_bytes=0, capacity_bytes=1, is_alarming=False)

    def take_notices(self) -> tuple[Notice, ...]:
        notices, self.notices = self.notices, ()
        return notices

    def close(self) -> None:
        pass
