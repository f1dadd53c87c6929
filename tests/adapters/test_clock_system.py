"""The machine's clocks."""

import time

from doorward.times import ClockTrust
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource


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
