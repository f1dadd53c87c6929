"""Meters: they go on where they stood, are kept once a minute, and never go back."""

import threading
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.meters import KEEP_EVERY_MS, MeteredLock, Meters
from tests.fakes.edge_ports import FakeClock, FakeLock
from tests.fakes.tallies import FakeTallies

START_S = 1_800_000_000
PATIENCE_S = 10.0


class Device:
    """Meters of a device with one counter, through its lives."""

    def __init__(self) -> None:
        self.tallies, self.clock = FakeTallies(), FakeClock(START_S)
        self.scans = 0
        self.meters = self.start()

    def start(self) -> Meters:
        self.scans = 0
        self.meters = Meters(self.tallies, {"scans": lambda: self.scans}, self.clock.now())
        return self.meters

    def live(self, seconds: float, scans: int = 0) -> None:
        self.scans += scans
        self.clock.pass_s(seconds)
        self.meters.turn(self.clock.now())


def test_meters_go_on_where_they_stood_after_an_orderly_end() -> None:
    device = Device()
    device.live(90, scans=7)
    device.meters.keep(device.clock.now())
    device.start()
    device.live(30, scans=5)
    assert device.meters.now(device.clock.now()) == {"scans": 12, "seconds": 120}


def test_a_power_cut_costs_at_most_the_last_minute() -> None:
    device = Device()
    for _ in range(10):
        device.live(30, scans=1)
    device.live(29, scans=1)
    device.start()
    assert device.meters.now(device.clock.now()) == {"scans": 10, "seconds": 300}


def test_they_are_written_at_most_once_a_minute() -> None:
    device = Device()
    for _ in range(600):
        device.live(0.5, scans=1)
    assert device.tallies.writes == 300_000 // KEEP_EVERY_MS


def test_a_full_disk_stops_neither_the_counting_nor_the_gateway() -> None:
    device = Device()
    device.tallies.is_broken = True
    device.live(61, scans=3)
    assert device.meters.now(device.clock.now())["scans"] == 3
    device.tallies.is_broken = False
    device.live(61)
    assert device.tallies.kept["scans"] == 3


def test_a_meter_without_a_source_stands_still_and_is_not_lost() -> None:
    device = Device()
    device.tallies.kept = {"lock_cycles.old-door": 41}
    device.start()
    device.live(61)
    assert device.tallies.kept["lock_cycles.old-door"] == 41


@given(st.lists(st.tuples(st.sampled_from(["live", "crash", "stop"]), st.integers(0, 90))))
def test_no_meter_ever_goes_back_and_a_crash_loses_at_most_a_minute(
    history: list[tuple[str, int]],
) -> None:
    device = Device()
    true_scans = shown = 0
    for what, amount in history:
        if what == "live":
            for _ in range(amount):
                device.live(1, scans=1)
            true_scans += amount
        else:
            kept_before = device.tallies.kept.get("scans", 0)
            if what == "stop":
                device.meters.keep(device.clock.now())
            device.start()
            at_start = device.meters.now(device.clock.now())["scans"]
            assert at_start >= kept_before
            assert true_scans - at_start <= (0 if what == "stop" else 60)
            true_scans = shown = at_start
        now = device.meters.now(device.clock.now())["scans"]
        assert now >= shown
        shown = now


class SlowTallies(FakeTallies):
    """A card that takes its time over each write until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.is_writing, self.go_on = threading.Event(), threading.Event()

    def keep_meters(self, meters: Mapping[str, int]) -> None:
        self.is_writing.set()
        assert self.go_on.wait(PATIENCE_S)
        super().keep_meters(meters)


def test_what_was_counted_during_a_slow_write_is_kept_at_the_end() -> None:
    device = Device()
    device.tallies = tallies = SlowTallies()
    device.start()
    errand = threading.Thread(target=device.live, args=(61, 3))
    errand.start()
    assert tallies.is_writing.wait(PATIENCE_S)
    device.scans += 4
    end = threading.Thread(target=device.meters.keep, args=(device.clock.now(),))
    end.start()
    tallies.go_on.set()
    for thread in (errand, end):
        thread.join(PATIENCE_S)
    assert (tallies.kept["scans"], tallies.writes) == (7, 2)


def test_a_disk_that_hangs_does_not_hold_up_the_end() -> None:
    device = Device()
    device.tallies = tallies = SlowTallies()
    device.meters = Meters(tallies, {"scans": lambda: 5}, device.clock.now(), end_s=0.01)
    errand = threading.Thread(target=device.live, args=(61,))
    errand.start()
    assert tallies.is_writing.wait(PATIENCE_S)
    device.meters.keep(device.clock.now())
    assert tallies.writes == 0
    tallies.go_on.set()
    errand.join(PATIENCE_S)
    assert tallies.kept["scans"] == 5


def test_a_lock_counts_each_release() -> None:
    lock = FakeLock()
    metered = MeteredLock(lock)
    metered.release(500)
    metered.hold_open()
    metered.secure()
    metered.close()
    assert (metered.cycles, lock.pulses_ms) == (2, [500])
