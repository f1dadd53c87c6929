"""A fleet that comes back at once: real outboxes before one controller that takes a minute for all.

Time is counted, not waited for: batches stand in one line, and the controller takes so many records
a second from its head.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field

import pytest

from doorward.batches import MAX_BATCH_RECORDS
from doorward.ids import Epoch
from doorward.ranges import Ranges, count, merge, subtract
from doorward_edge.ports import EpochSpan, Stretch
from doorward_edge.stages.publish import Outbox, Settlement

EPOCH = Epoch(1)
STEP_MS = 100
LONGEST_MS = 20 * 60_000


@dataclass
class Gate:
    """A gateway that holds so many records, and what it sent."""

    records: int
    acked: Ranges = ()
    sent: int = 0
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.outbox = Outbox([self.span()])

    @property
    def is_done(self) -> bool:
        return count(self.acked) == self.records

    def span(self) -> EpochSpan:
        pending = subtract([(1, self.records)], self.acked)
        return EpochSpan(epoch=EPOCH, head=self.records, pending=pending, kept=(), lost=())

    def send(self, now_ms: int) -> list[tuple[int, int]]:
        self.outbox.refresh([self.span()])
        batches = []
        while (wanted := self.outbox.wanted(now_ms)) is not None:
            records = ((1, b""),) * (wanted.last - wanted.first + 1)
            stretch = Stretch(
                epoch=EPOCH,
                first_seq=wanted.first,
                chain_before=b"",
                segments=(),
                records=records,  # type: ignore[arg-type]
            )
            self.outbox.sent(wanted, stretch, now_ms)
            batches.append((wanted.first, wanted.last))
        self.sent += len(batches)
        return batches

    def hear(self, first: int, last: int, now_ms: int) -> None:
        self.acked = merge(self.acked, [(first, last)])
        settlement = Settlement(epoch=EPOCH, committed=((first, last),), resend=())
        self.outbox.acknowledged(settlement, now_ms)


@dataclass
class Controller:
    """Takes batches one after the other, at a pace; knows what it has already."""

    records_per_s: int
    answer_ms: int = 20
    line: deque[tuple[Gate, int, int]] = field(default_factory=deque)
    free_at_ms: float = 0.0
    answers: list[tuple[float, int, Gate, int, int]] = field(default_factory=list)
    number: int = 0

    def work(self, now_ms: int) -> None:
        while self.line and self.free_at_ms <= now_ms:
            gate, first, last = self.line.popleft()
            begin_ms = max(self.free_at_ms, now_ms - STEP_MS)
            self.free_at_ms = begin_ms + 1000 * (last - first + 1) / self.records_per_s
            self.number += 1
            answer = (self.free_at_ms + self.answer_ms, self.number, gate, first, last)
            heapq.heappush(self.answers, answer)

    def answered(self, now_ms: int) -> list[tuple[Gate, int, int]]:
        found = []
        while self.answers and self.answers[0][0] <= now_ms:
            found.append(heapq.heappop(self.answers)[2:])
        return found


def come_back(gates: list[Gate], controller: Controller) -> int:
    """Plays it to the end; returns the milliseconds that it took."""
    for now_ms in range(0, LONGEST_MS, STEP_MS):
        for gate, first, last in controller.answered(now_ms):
            gate.hear(first, last, now_ms)
        for gate in gates:
            if not gate.is_done:
                controller.line.extend((gate, *batch) for batch in gate.send(now_ms))
        controller.work(now_ms)
        if all(gate.is_done for gate in gates):
            return now_ms
    raise AssertionError("it never ends")


@pytest.mark.parametrize(
    ("gateways", "records", "per_s"),
    [(4, 1_000, 10_000), (100, 1_000, 2_000), (300, 1_000, 6_000), (20, 20_000, 5_000)],
)
def test_fleet_that_comes_back_sends_little_twice_and_is_done_in_time(
    gateways: int, records: int, per_s: int
) -> None:
    fleet = [Gate(records) for _ in range(gateways)]
    took_ms = come_back(fleet, Controller(per_s))
    needed = gateways * -(-records // MAX_BATCH_RECORDS)
    sent = sum(gate.sent for gate in fleet)
    assert sent <= 1.4 * needed, f"{sent} batches, {needed} were needed"
    assert took_ms <= 1.5 * 1000 * gateways * records / per_s + 2_000


def test_controller_that_forgets_a_batch_gets_it_again() -> None:
    gate, controller = Gate(3_000), Controller(5_000)
    lost = 0
    for now_ms in range(0, LONGEST_MS, STEP_MS):
        for number, (_, first, last) in enumerate(controller.answered(now_ms)):
            if lost < 5 and number == 0:
                lost += 1
                continue
            gate.hear(first, last, now_ms)
        controller.line.extend((gate, *batch) for batch in gate.send(now_ms))
        controller.work(now_ms)
        if gate.is_done:
            break
    assert gate.is_done
    assert lost == 5
