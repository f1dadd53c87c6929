"""What the book learns is on the disk soon, in as few writes as that needs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from doorward.events import EventCode
from doorward.ids import Epoch
from doorward.presence import PresenceBook
from doorward.presence_message import PresenceMessage, Sign
from doorward_controller.broker.waiting import wait_until
from doorward_edge.adapters.presence_files import PresenceFiles
from doorward_edge.presence.fold_process import FoldInProcess
from doorward_edge.presence.folding import Identity, restore
from doorward_edge.presence.keeper import FLUSH_MS, FOLD_EVERY_MS, RETRY_MS, PresenceKeeper
from doorward_edge.presence.log_entry import LogEntry, Sent, read_entry
from tests.fakes.edge_ports import FakeClock
from tests.kit.plant import ALICE, GATEWAY, NOON, SITE
from tests.kit.two_gateways import after, seen
from tests.simulation.disk import SimulatedDisk

KEY = bytes(32)
OTHERS = seen(enters="site")
OWN = replace(OTHERS, gateway=GATEWAY, epoch=Epoch(1))
ONCE = replace(OWN, sign=Sign.GRANTED, once_until=NOON + 60)
COUNTED = replace(OWN, counts_until=NOON + 60)


class Bench:
    """A keeper whose turns a test takes, on a disk that forgets."""

    def __init__(self, fold: Callable[[int], None] = lambda _: None, fold_at: int = 10**6) -> None:
        self.disk = SimulatedDisk("keeper")
        self.clock = FakeClock(NOON)
        self.files = PresenceFiles(self.disk.root / "p", KEY, self.disk)
        self.files.load()
        book = PresenceBook(site=SITE, gateway=GATEWAY, epoch=Epoch(1))
        self.files.save(book.to_wire(), 0)
        self.keeper = PresenceKeeper(GATEWAY, self.files, fold, self.clock, fold_at_bytes=fold_at)

    def turn(self, *messages: PresenceMessage, after_s: float = 0) -> None:
        self.clock.pass_s(after_s)
        self.keeper.keep(messages)
        self.keeper.turn(0)

    def entries(self) -> list[LogEntry]:
        found = PresenceFiles(self.disk.root / "p", KEY, self.disk).load()
        assert found.damage == ""
        return [read_entry(entry) for entry in found.entries]

    def durable(self) -> list[LogEntry]:
        """Returns what a power cut would leave for certain."""
        name = str(self.disk.root / "p")
        platter = self.disk._folders[name].platter
        held = {each: bytes(inode.platter) for each, inode in platter.items()}
        copy = SimulatedDisk("copy")
        copy.put_back(copy.root / "p", held)
        found = PresenceFiles(copy.root / "p", KEY, copy).load()
        return [read_entry(entry) for entry in found.entries]


def test_what_happened_is_written_at_once_and_flushed_later_together() -> None:
    bench = Bench()
    bench.turn(OTHERS)
    bench.turn(OWN, after_s=FLUSH_MS / 1000 - 1)
    assert bench.entries() == [OTHERS, OWN]
    assert bench.durable() == []
    bench.turn(after_s=1)
    assert bench.durable() == [OTHERS, OWN]


@pytest.mark.parametrize("message", [ONCE, COUNTED])
def test_what_would_let_in_again_for_good_is_flushed_at_once(message: PresenceMessage) -> None:
    bench = Bench()
    bench.turn(message)
    assert bench.durable() == [message]


@pytest.mark.parametrize("sign", [Sign.FORGIVEN, Sign.ALL_FORGIVEN])
def test_what_an_operator_was_told_is_forgiven_stays_so_over_a_power_cut(sign: Sign) -> None:
    bench = Bench()
    holder = OWN.holder if sign is Sign.FORGIVEN else b""
    message = replace(OWN, sign=sign, holder=holder, enters="lab")
    bench.turn(message)
    assert bench.durable() == [message]


@pytest.mark.parametrize("message", [replace(ONCE, gateway=OTHERS.gateway), OWN])
def test_nothing_else_costs_a_flush(message: PresenceMessage) -> None:
    bench = Bench()
    bench.turn(message)
    assert bench.durable() == []


def test_of_doors_and_of_being_there_nothing_is_kept() -> None:
    bench = Bench()
    alive = replace(OTHERS, sign=Sign.ALIVE, holder=b"", credential=b"", enters="")
    bench.turn(alive, replace(alive, sign=Sign.OPENED))
    bench.keeper.keep_sent(alive)
    bench.turn()
    assert bench.entries() == []


def test_what_was_sent_is_kept_too() -> None:
    bench = Bench()
    bench.keeper.keep_sent(OWN)
    bench.turn()
    assert bench.entries() == [Sent(Epoch(1), 1)]


def test_a_disk_that_takes_nothing_is_told_once_and_tried_again() -> None:
    bench = Bench()
    bench.disk.errors = 2
    bench.turn(OWN)
    bench.turn(after_s=1)
    assert bench.disk.errors == 1, "it is left alone for a while"
    bench.turn(after_s=RETRY_MS / 1000)
    (notice,) = bench.keeper.take_notices()
    assert notice.code is EventCode.PRESENCE_NOT_KEPT
    bench.turn(OTHERS, after_s=RETRY_MS / 1000)
    assert bench.entries() == [OWN, OTHERS]
    assert bench.keeper.take_notices() == ()


@contextmanager
def folded(bench: Bench, folds: list[int], count: int) -> Iterator[None]:
    yield
    assert wait_until(lambda: len(folds) == count and not bench.keeper.is_folding, timeout_s=5)


def test_a_log_that_is_long_or_old_is_folded() -> None:
    folds: list[int] = []
    one = Bench()
    one.turn(OWN)
    bench = Bench(folds.append, fold_at=2 * one.files.log_bytes())
    bench.turn(OWN)
    bench.turn(OWN)
    assert folds == [], "each part has a head, so that two are not twice as long as one"
    with folded(bench, folds, 1):
        bench.turn(OWN)
    with folded(bench, folds, 2):
        bench.turn(OWN)
        bench.turn(after_s=FOLD_EVERY_MS / 1000)
    bench.turn(after_s=FOLD_EVERY_MS / 1000)
    assert len(folds) == 2, "nothing was added"


def test_while_a_snapshot_is_made_the_log_goes_on() -> None:
    goes_on = threading.Event()

    def fold(_part: int) -> None:
        goes_on.wait(10)

    bench = Bench(fold, fold_at=1)
    try:
        bench.turn(ONCE)
        assert bench.keeper.is_folding
        bench.turn(replace(ONCE, seq=2))
        assert [each.seq for each in bench.durable()] == [1, 2]
    finally:
        goes_on.set()


def test_at_the_end_everything_is_flushed() -> None:
    bench = Bench()
    bench.keeper.start()
    bench.keeper.keep((OWN,))
    bench.keeper.close()
    assert bench.durable() == [OWN]


def test_a_snapshot_is_made_by_a_process_of_its_own(tmp_path: Path) -> None:
    files = PresenceFiles(tmp_path / "p", KEY)
    files.save(PresenceBook(site=SITE, gateway=GATEWAY, epoch=Epoch(1)).to_wire(), 0)
    clock = FakeClock(NOON)
    fold = FoldInProcess(
        folder=tmp_path / "p",
        key=KEY,
        site=SITE,
        gateway=GATEWAY,
        clock=clock,
        forget_s=lambda: 3600,
    )
    keeper = PresenceKeeper(GATEWAY, files, fold, clock, fold_at_bytes=1)
    keeper.keep((OTHERS,))
    keeper.turn(0)
    assert wait_until(lambda: not keeper.is_folding, timeout_s=30)
    assert keeper.take_notices() == ()
    found = files.load()
    assert (found.entries, found.damage) == ((), "")
    whose = Identity(site=SITE, gateway=GATEWAY, epoch=Epoch(1), forget_s=3600)
    book = restore(PresenceBook, found, whose, after(1)).book
    assert book.stay(ALICE, "site", after(1)) is not None


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    fold = FoldInProcess(
        folder=tmp_path / "file",
        key=KEY,
        site=SITE,
        gateway=GATEWAY,
        clock=FakeClock(NOON),
        forget_s=lambda: 3600,
    )
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"a snapshot of presence failed: .*File exists"):
        fold(1)
