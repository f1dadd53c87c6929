"""Trends over hours: counters that begin anew, slopes, too few readings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.vitals.trends import DAY_MS, Trend, percentile

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def fed(values: list[int], every_ms: int = HOUR_MS, window_ms: int = DAY_MS) -> Trend:
    trend = Trend(window_ms)
    for n, value in enumerate(values):
        trend.note(n * every_ms, value)
    return trend


def test_a_counter_that_rises_steadily() -> None:
    assert fed([0, 10, 20, 30]).rise_a_day(HOUR_MS) == 240


def test_a_counter_that_began_anew_is_not_counted_as_falling() -> None:
    assert fed([100, 110, 0, 10]).rise_a_day(HOUR_MS) == 20 * 8


def test_nothing_is_said_before_there_are_readings_enough() -> None:
    assert fed([]).rise_a_day(1) is None
    assert fed([5]).slope_a_day(0) is None
    assert fed([5, 6]).slope_a_day(6 * HOUR_MS) is None


def test_the_slope_of_a_line() -> None:
    assert fed([100, 102, 104, 106, 108]).slope_a_day(HOUR_MS) == 48
    assert fed([9, 9, 9]).slope_a_day(HOUR_MS) == 0
    assert fed([100, 90, 80]).slope_a_day(HOUR_MS) == -240


def test_only_the_window_counts() -> None:
    trend = fed([10**9] + [5] * 30)
    assert trend.slope_a_day(HOUR_MS) == 0
    assert trend.span_ms <= DAY_MS


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=2_000))
def test_readings_take_a_bounded_amount_of_memory(pauses_ms: list[int]) -> None:
    trend, at_ms = Trend(HOUR_MS, most=10), 0
    for pause_ms in pauses_ms:
        at_ms += pause_ms
        trend.note(at_ms, 1)
    assert len(trend._readings) <= 11
    assert trend.span_ms <= HOUR_MS


@pytest.mark.parametrize(
    ("values", "permille", "expected"),
    [([], 500, None), ([3], 990, 3), ([1, 2, 3, 4], 500, 3), (list(range(100)), 990, 99)],
)
def test_percentiles(values: list[int], permille: int, expected: int | None) -> None:
    assert percentile(values, permille) == expected
