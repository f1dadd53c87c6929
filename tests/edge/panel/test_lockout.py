"""Guessing PINs is slow, for one staff number and for the device, also across restarts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.staff import MIN_PIN_DIGITS
from doorward_edge.panel.lockout import (
    DEVICE,
    DEVICE_FREE_FAILURES,
    DEVICE_QUIET_MS,
    FREE_FAILURES,
    LONGEST_DELAY_MS,
    LONGEST_DEVICE_DELAY_MS,
    MOST_COUNTED,
    Lockouts,
    delay_ms,
)

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0), (3, 0), (4, 30), (5, 60), (6, 120), (8, 480), (9, 900), (10, 900), (10**9, 900)],
)
def test_the_delay_of_a_number_doubles_up_to_a_quarter_of_an_hour(
    failures: int, seconds: int
) -> None:
    assert delay_ms("g-07", failures) == seconds * 1000


@pytest.mark.parametrize(("failures", "seconds"), [(20, 0), (21, 30), (22, 60), (10**9, 60)])
def test_the_delay_of_the_device_is_short(failures: int, seconds: int) -> None:
    assert delay_ms(DEVICE, failures) == seconds * 1000


def test_everybody_mistypes_and_is_not_kept_waiting() -> None:
    lockouts = Lockouts({}, 0)
    for _ in range(FREE_FAILURES):
        lockouts.begin("g-07", 0)
        assert lockouts.wait_ms("g-07", 0) == 0
    lockouts.begin("g-07", 0)
    assert lockouts.wait_ms("g-07", 0) == 30_000
    assert lockouts.wait_ms("g-08", 0) == 0
    assert lockouts.wait_ms("g-07", 29_999) == 1
    assert lockouts.wait_ms("g-07", 30_000) == 0


def test_a_right_pin_begins_anew() -> None:
    lockouts = Lockouts({}, 0)
    for _ in range(FREE_FAILURES + 1):
        lockouts.begin("g-07", 0)
    lockouts.was_right("g-07")
    assert lockouts.wait_ms("g-07", 0) == 0
    assert lockouts.failures_of("g-07") == 0


def test_a_restart_does_not_shorten_the_wait() -> None:
    before = Lockouts({}, 0)
    for _ in range(FREE_FAILURES + 3):
        before.begin("g-07", 0)
    after = Lockouts(before.counts(), 5_000_000)
    assert after.wait_ms("g-07", 5_000_000) == before.wait_ms("g-07", 0) == 120_000


def test_trying_one_pin_with_many_numbers_locks_the_device_for_a_moment() -> None:
    lockouts = Lockouts({}, 0)
    for n in range(DEVICE_FREE_FAILURES + 1):
        assert lockouts.wait_ms(f"g-{n}", 0) == 0
        lockouts.begin(f"g-{n}", 0)
    assert 0 < lockouts.wait_ms("never-tried", 0) <= LONGEST_DEVICE_DELAY_MS


def test_mistypes_of_a_year_do_not_add_up() -> None:
    lockouts = Lockouts({}, 0)
    for day in range(365):
        now = day * DEVICE_QUIET_MS * 2
        lockouts.begin("g-07", now)
        assert lockouts.wait_ms("g-08", now) == 0
        lockouts.was_right("g-07")


def test_invented_numbers_do_not_fill_the_memory_and_do_not_hide_the_device() -> None:
    lockouts = Lockouts({}, 0)
    for n in range(5 * MOST_COUNTED):
        lockouts.begin(f"?{n}", 0)
    assert len(lockouts.counts()) <= MOST_COUNTED
    assert lockouts.counts()[DEVICE] == 5 * MOST_COUNTED


@given(st.integers(0, 2**31))
def test_a_day_of_patient_guessing_is_nothing_beside_the_pins_there_are(start: int) -> None:
    lockouts, now, guesses = Lockouts({}, start), start, 0
    while now < start + DAY_MS:
        wait = lockouts.wait_ms("g-07", now)
        now += wait
        lockouts.begin("g-07", now)
        guesses += 1
    assert guesses <= DAY_MS / LONGEST_DELAY_MS + 10
    assert guesses * 365 * 1000 < 10**MIN_PIN_DIGITS
