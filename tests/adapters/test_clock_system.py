"""The machine's clocks."""

import threading
import time

from doorward.times import ClockTrust
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource
from doorward_edge.timekeeping import ChangeKind


def test_both_clocks_are_in_milliseconds_and_run_forward() -> None:
    clock = SystemClock(ClockSource.ASSUME)
    before, now, after = time.time(), clock.now(), time.time()
    assert before * 1000 - 1 <= now.utc_ms <= after * 1000
    assert clock.now().mono_ms >= now.mono_ms
    assert now.utc_s == now.utc_ms // 1000
    assert now.trust is ClockTrust.SYNCHRONISED


def test_the_kernel_is_asked_how_far_the_clock_may_be_believed() -> None:
    """Whether this machine is synchronised is not ours to know; that the kernel answers is."""
    trust = SystemClock(ClockSource.KERNEL).now().trust
    assert trust in {ClockTrust.SYNCHRONISED, ClockTrust.UNKNOWN}


def test_time_never_falls_below_what_is_past_for_certain() -> None:
    clock = SystemClock(ClockSource.KERNEL)
    wall_ms = int(time.time() * 1000)
    clock.raise_floor(wall_ms + 3_600_000)
    now = clock.now()
    assert now.utc_ms >= wall_ms + 3_600_000
    assert now.trust is ClockTrust.UNKNOWN
    assert clock.now().utc_ms >= now.utc_ms
    assert clock.floor_ms() >= wall_ms + 3_600_000
    assert [change.kind for change in clock.take_changes()] == [ChangeKind.BELOW_FLOOR]
    assert clock.take_changes() == ()


def test_a_simulations_clock_has_no_floor() -> None:
    clock = SystemClock(ClockSource.ASSUME)
    clock.raise_floor(int(time.time() * 1000) + 3_600_000)
    now = clock.now()
    assert abs(now.utc_ms - time.time() * 1000) < 5_000
    assert now.trust is ClockTrust.SYNCHRONISED


def test_a_clock_tells_its_figures_once_it_was_synchronised() -> None:
    clock = SystemClock(ClockSource.ASSUME)
    assert clock.figures() == {}
    clock.now()
    assert clock.figures() == {
        "clock_offset_us": 0,
        "clock_error_ms": 0,
        "clock_unsynchronised_s": 0,
    }


def test_many_threads_read_one_clock_and_time_only_goes_forward() -> None:
    clock, gone_back = SystemClock(ClockSource.KERNEL), []

    def read() -> None:
        before = clock.now()
        for _ in range(2_000):
            now = clock.now()
            if now.utc_ms < before.utc_ms - 5 or now.mono_ms < before.mono_ms:
                gone_back.append((before, now))
            before = now

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gone_back == []
