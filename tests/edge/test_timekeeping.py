"""How far the clock is believed: cases by time, the floor under all, what the kernel says."""

import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.times import ClockTrust, Instant
from doorward_edge.timekeeping import (
    BELOW_FLOOR_MS,
    EARLIEST_UTC_MS,
    MOST_ERROR_MS,
    ChangeKind,
    Reading,
    Timekeeper,
    reading_of,
)

NOW = 1_800_000_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
UNKNOWN, HELD, SYNCED = ClockTrust.UNKNOWN, ClockTrust.HELD_OVER, ClockTrust.SYNCHRONISED


class Bench:
    """A timekeeper and a machine whose clocks are turned by hand."""

    def __init__(self, wall_ms: int = NOW, floor_ms: int = 0) -> None:
        self.keeper = Timekeeper()
        self.keeper.raise_floor(floor_ms)
        self.at = Reading(wall_ms=wall_ms, mono_ms=5_000, is_synchronised=False)

    def read(
        self, *, synchronised: bool = False, after_ms: int = 1_000, step_ms: int = 0
    ) -> Instant:
        self.at = replace(
            self.at,
            wall_ms=self.at.wall_ms + after_ms + step_ms,
            mono_ms=self.at.mono_ms + after_ms,
            is_synchronised=synchronised,
        )
        return self.keeper.read(self.at)

    def told(self) -> list[tuple[ChangeKind, str]]:
        return [(change.kind, change.detail) for change in self.keeper.take_changes()]


def test_a_clock_that_was_never_synchronised_is_unknown() -> None:
    bench = Bench()
    assert bench.read().trust is UNKNOWN
    assert bench.told() == []


def test_a_clock_that_lost_its_source_is_held_over_until_it_may_have_drifted_too_far() -> None:
    bench = Bench()
    assert bench.read(synchronised=True).trust is SYNCED
    assert bench.read(after_ms=HOUR).trust is HELD
    most_ms = MOST_ERROR_MS * 1_000_000 // 100
    assert bench.read(after_ms=most_ms - HOUR).trust is HELD
    assert bench.read(after_ms=DAY).trust is UNKNOWN
    assert bench.read(synchronised=True).trust is SYNCED
    assert [detail for kind, detail in bench.told() if kind is ChangeKind.TRUST] == [
        "synchronised to held_over",
        "held_over to unknown",
        "unknown to synchronised, error up to 0 ms",
    ]


def test_what_the_source_said_of_its_error_counts_from_the_start() -> None:
    bench = Bench()
    bench.at = replace(bench.at, error_us=(MOST_ERROR_MS - 100) * 1000)
    bench.read(synchronised=True)
    assert bench.read(after_ms=900_000).trust is HELD
    assert bench.read(after_ms=200_000).trust is UNKNOWN


def test_a_board_that_wakes_in_the_past_goes_on_from_its_floor() -> None:
    bench = Bench(wall_ms=0, floor_ms=NOW)
    first = bench.read()
    assert (first.utc_ms, first.trust) == (NOW, UNKNOWN)
    assert bench.read(after_ms=60_000).utc_ms == NOW + 60_000
    assert [kind for kind, _ in bench.told()] == [ChangeKind.BELOW_FLOOR]


def test_time_is_never_earlier_than_the_software() -> None:
    assert Bench(wall_ms=0).read().utc_ms == EARLIEST_UTC_MS


def test_a_time_server_that_says_what_is_past_for_certain_is_not_believed() -> None:
    bench = Bench(wall_ms=NOW - DAY, floor_ms=NOW)
    now = bench.read(synchronised=True)
    assert (now.utc_ms, now.trust) == (NOW, UNKNOWN)
    assert [kind for kind, _ in bench.told()] == [ChangeKind.BELOW_FLOOR]
    right = bench.read(synchronised=True, step_ms=2 * DAY)
    assert right.trust is SYNCED
    assert [kind for kind, _ in bench.told()] == [ChangeKind.STEPPED, ChangeKind.TRUST]


def test_a_clock_set_back_a_little_stands_until_it_is_right() -> None:
    bench = Bench()
    before = bench.read(synchronised=True)
    held = bench.read(synchronised=True, step_ms=-BELOW_FLOOR_MS)
    assert held.trust is SYNCED
    assert held.utc_ms == before.utc_ms + 1_000


def test_a_clock_set_by_hand_is_unknown_until_it_is_synchronised_again() -> None:
    bench = Bench()
    bench.read(synchronised=True)
    assert bench.read(step_ms=5 * HOUR).trust is UNKNOWN
    assert bench.told()[0] == (ChangeKind.STEPPED, f"by {5 * HOUR:+d} ms")


def test_an_untrusted_time_never_raises_the_floor() -> None:
    bench = Bench()
    bench.read(step_ms=400 * DAY)
    assert bench.keeper.floor_ms() < NOW
    assert bench.read(synchronised=True, step_ms=-400 * DAY).trust is SYNCED


def test_a_trusted_time_raises_the_floor_that_is_kept() -> None:
    bench = Bench()
    now = bench.read(synchronised=True)
    assert bench.keeper.floor_ms() == now.utc_ms
    bench.keeper.raise_floor(5)
    assert bench.keeper.floor_ms() == now.utc_ms
    bench.keeper.raise_floor(now.utc_ms + 7)
    assert bench.keeper.floor_ms() == now.utc_ms + 7


def test_a_simulations_clock_is_believed_whatever_it_says() -> None:
    keeper = Timekeeper(has_floor=False)
    now = keeper.read(Reading(wall_ms=5, mono_ms=1, is_synchronised=True))
    assert (now.utc_ms, now.trust) == (5, SYNCED)


def test_the_clocks_figures() -> None:
    bench = Bench()
    assert bench.keeper.figures() == {}
    bench.read()
    assert bench.keeper.figures() == {}
    bench.at = replace(bench.at, offset_us=-250, error_us=3_000)
    bench.read(synchronised=True)
    bench.read(after_ms=100_000)
    assert bench.keeper.figures() == {
        "clock_offset_us": 250,
        "clock_error_ms": 13,
        "clock_unsynchronised_s": 100,
    }


@given(
    st.lists(
        st.tuples(
            st.booleans(), st.integers(0, 10 * DAY), st.integers(-400 * DAY, 400 * DAY) | st.just(0)
        ),
        max_size=40,
    )
)
def test_whatever_is_done_to_the_clock_time_never_goes_back_below_what_was_trusted(
    history: list[tuple[bool, int, int]],
) -> None:
    bench, floor = Bench(), 0
    for synchronised, after_ms, step_ms in history:
        now = bench.read(synchronised=synchronised, after_ms=after_ms, step_ms=step_ms)
        floor += after_ms if floor else 0
        assert now.utc_ms >= floor
        if now.trust is SYNCED:
            assert synchronised
            floor = now.utc_ms
        assert bench.keeper.floor_ms() >= floor


@pytest.mark.parametrize(
    ("state", "status", "offset", "expected"),
    [
        (0, 0x2001, -1_500_000, (True, -1_500)),
        (0, 0x0001, 900, (True, 900)),
        (5, 0x40, 0, (False, 0)),
    ],
)
def test_what_the_kernel_says(
    state: int, status: int, offset: int, expected: tuple[bool, int]
) -> None:
    timex = struct.pack("@Illllil", 0, offset, 0, 16_000, 300, status, 7).ljust(512, b"\0")
    reading = reading_of(state, timex, NOW, 9)
    assert (reading.is_synchronised, reading.offset_us) == expected
    assert reading.error_us == 16_000
