"""The gateway's clocks, journal, lock and lamps, as a history sees and owns them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from doorward.errors import DoorwardError
from doorward.ids import Epoch, GatewayId, PortalId
from doorward.ranges import Ranges
from doorward.records import Record
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs, UtcSeconds
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.ports import EpochSpan, JournalUse, Notice, Receipt, Signal, Stretch, Ticket
from tests.simulation.oracle import Attempt, Kept, Oracle, Place
from tests.simulation.world import World


class Machine(Protocol):
    """What they need of the machine that they are on."""

    world: World
    oracle: Oracle
    name: GatewayId
    is_slow: bool

    def later(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Plans something for the process that runs now."""
        ...

    def must_be_up(self) -> None:
        """Raises PowerCutError when the machine is down."""
        ...

    def attempt(self) -> Attempt | None:
        """Returns what is held up at this moment."""
        ...


@dataclass(slots=True)
class SimulatedClock:
    """The clocks of one machine: wrong by so much, trusted so far, monotonic since its boot."""

    world: World
    booted_ms: int = 0
    wrong_by_ms: int = 0
    trust: ClockTrust = ClockTrust.UNKNOWN

    def now(self) -> Instant:
        """Reads both clocks."""
        return Instant(
            utc_ms=UtcMs(max(0, self.world.now_ms + self.wrong_by_ms)),
            mono_ms=MonoMs(self.world.now_ms - self.booted_ms),
            trust=self.trust,
        )


@dataclass(slots=True)
class WatchedTicket:
    """A ticket whose waiting takes simulated time."""

    journal: "WatchedJournal"
    real: Ticket
    kept: Kept

    def wait(self, timeout_s: float) -> Receipt | None:
        self.journal.pass_time(timeout_s)
        receipt = self.real.wait(0)
        if receipt is not None:
            self.journal.note(receipt, self.kept)
        return receipt

    def mark_late(self) -> bool:
        # The disk may finish at the very moment at which somebody calls the record late.
        if self.journal.may_finish_now():
            self.journal.catch_up()
        self.kept.is_late = self.real.mark_late()
        return self.kept.is_late


class WatchedJournal:
    """The real journal, whose turns are taken here: at once, or late where the card is slow."""

    def __init__(self, machine: Machine, real: SqliteJournal) -> None:
        self._machine, self._real = machine, real
        self._open: list[WatchedTicket] = []
        self.attempt: Attempt | None = None

    def append(self, record: Record) -> WatchedTicket:
        ticket = WatchedTicket(self, self._real.append(record), Kept(record=record))
        self._open.append(ticket)
        if self.attempt is not None:
            self.attempt.appended.append(ticket.kept)
        luck = self._machine.world.luck
        # Nobody may wait for it; the journal's thread comes to it all the same.
        delay = luck.randrange(150, 3_000) if self._machine.is_slow else luck.randrange(1, 20)
        self._machine.later(delay, self.catch_up)
        return ticket

    def pass_time(self, timeout_s: float) -> None:
        if timeout_s and self._machine.is_slow:
            self._machine.world.now_ms += int(timeout_s * 1000)
        elif timeout_s:
            self.catch_up()

    def may_finish_now(self) -> bool:
        return self._machine.world.chance(0.2)

    def catch_up(self) -> None:
        """Takes all turns that are due, and notes who got a receipt."""
        while not self._real.is_idle:
            self._real.turn()
        self._settle()

    def note(self, receipt: Receipt, kept: Kept) -> None:
        place: Place = (self._machine.name, receipt.epoch, receipt.seq)
        if kept.receipt is None:
            self._machine.oracle.receipt_given(place, kept)

    def _settle(self) -> None:
        still: list[WatchedTicket] = []
        for ticket in self._open:
            try:
                receipt = ticket.real.wait(0)
            except DoorwardError:
                continue
            if receipt is None:
                still.append(ticket)
            else:
                self.note(receipt, ticket.kept)
        self._open = still

    def read(self, epoch: Epoch, first: int, last: int, most_bytes: int) -> Stretch | None:
        stretch = self._real.read(epoch, first, last, most_bytes)
        self._settle()
        return stretch

    def spans(self) -> tuple[EpochSpan, ...]:
        return self._real.spans()

    def settle(self, epoch: Epoch, committed: Ranges, resend: Ranges, at: UtcSeconds) -> None:
        self._real.settle(epoch, committed, resend, at)
        self._settle()

    def purge(self, now: UtcSeconds) -> int:
        deleted = self._real.purge(now)
        self._settle()
        return deleted

    def probe(self) -> None:
        self._real.probe()
        self._settle()

    def use(self) -> JournalUse:
        return self._real.use()

    def take_notices(self) -> tuple[Notice, ...]:
        return self._real.take_notices()

    def close(self) -> None:
        self._real.close()
        self._settle()


@dataclass(slots=True)
class WatchedLock:
    """A lock whose every movement has to have a cause."""

    machine: Machine
    portal: PortalId

    def release(self, pulse_ms: int) -> None:
        self.machine.must_be_up()
        self.machine.world.tell(self.machine.name, f"LOCK of {self.portal}: {pulse_ms} ms")
        self.machine.oracle.lock_moved(self.machine.attempt(), self.portal)

    def hold_open(self) -> None:
        self.machine.oracle.lock_moved(None, self.portal)

    def secure(self) -> None:
        """Locked is never wrong."""

    def close(self) -> None:
        """Locked is never wrong."""


class SilentIndicator:
    """Lamps that nobody looks at."""

    def show(self, signal: Signal, *, offline: bool, **_: object) -> None:
        """Shows nothing."""

    def close(self) -> None:
        """Nothing to let go of."""
