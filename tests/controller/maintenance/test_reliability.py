"""Statistics against published figures, and their silence where data are few."""

import pytest

from doorward_controller.domain.downtime import Span
from doorward_controller.domain.reliability import (
    Failure,
    PlanOutcome,
    availability,
    chi_square_quantile,
    mtbf,
    mtbf_interval,
    mttr,
    on_time_share,
    repeat_failures,
)

DAY_S = 86_400
HOUR_S = 3_600


@pytest.mark.parametrize(
    ("probability", "freedom", "published"),
    [
        # Upper and lower tails of the usual tables, three places (NIST e-Handbook, 1.3.6.7.4).
        (0.90, 2, 4.605),
        (0.95, 2, 5.991),
        (0.975, 4, 11.143),
        (0.95, 6, 12.592),
        (0.99, 10, 23.209),
        (0.999, 20, 45.315),
        (0.95, 30, 43.773),
        (0.95, 100, 124.342),
        (0.99, 100, 135.807),
        (0.05, 2, 0.103),
        (0.05, 4, 0.711),
        (0.025, 10, 3.247),
        (0.10, 20, 12.443),
        (0.05, 30, 18.493),
        (0.01, 100, 70.065),
    ],
)
def test_chi_square_is_that_of_the_published_tables(
    probability: float, freedom: int, published: float
) -> None:
    assert round(chi_square_quantile(probability, freedom), 3) == published


@pytest.mark.parametrize(("probability", "freedom"), [(0.5, 3), (0.5, 0), (0.0, 2), (1.0, 2)])
def test_a_quantile_that_cannot_be_had_exactly_is_refused(probability: float, freedom: int) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        chi_square_quantile(probability, freedom)


def test_the_interval_of_the_handbooks_example() -> None:
    """800 hours with two failures, 90 %: NIST e-Handbook 8.4.5.1 gives 127 to 2251 hours."""
    interval = mtbf_interval(800, 2, 0.9)
    assert interval.high is not None
    assert (round(interval.low), round(interval.high)) == (127, 2251)


@pytest.mark.parametrize(
    ("failures", "confidence", "low", "high"),
    [
        # Factors of the handbook's table, times the estimate.
        (1, 0.90, 0.2108, 19.4958),
        (3, 0.90, 0.3869, 3.6689),
        (10, 0.90, 0.5895, 1.8432),
        (10, 0.95, 0.5438, 2.0853),
    ],
)
def test_confidence_factors_are_those_of_the_handbook(
    failures: int, confidence: float, low: float, high: float
) -> None:
    interval = mtbf_interval(1_000.0 * failures, failures, confidence)
    assert interval.low / 1_000 == pytest.approx(low, abs=6e-5)
    assert interval.high == pytest.approx(high * 1_000, abs=0.11), "four places, rounded there"


def test_without_a_failure_there_is_a_lower_bound_alone() -> None:
    """Handbook: T / -ln(a), for 90 % T / 2.3026."""
    interval = mtbf_interval(2_302.585, 0, 0.9)
    assert interval.low == pytest.approx(1_000, abs=0.01)
    assert interval.high is None


def test_few_failures_are_no_mean_but_still_an_interval() -> None:
    few, enough = mtbf(900 * HOUR_S, 2), mtbf(900 * HOUR_S, 3)
    assert (few.value, few.is_enough, few.count, few.needed) == (None, False, 2, 3)
    assert few.interval is not None
    assert enough.value == 300 * HOUR_S
    assert mtbf(0, 5).value is None


def test_time_to_restore_is_of_unplanned_and_ended_downtime_alone() -> None:
    lengths = (HOUR_S, 2 * HOUR_S, 6 * HOUR_S)
    spans = [Span(began_utc_s=n * DAY_S, ended_utc_s=n * DAY_S + s) for n, s in enumerate(lengths)]
    planned = Span(began_utc_s=9 * DAY_S, ended_utc_s=10 * DAY_S, planned=True)
    lasting = Span(began_utc_s=20 * DAY_S, ended_utc_s=None)
    assert mttr([*spans, planned, lasting]).value == 3 * HOUR_S
    assert mttr([*spans[:2], planned, lasting]).value is None


def test_availability_counts_planned_work_only_where_asked() -> None:
    """1,000 hours, 30 of them in repair and 20 in planned work: 95 % and 97 %."""
    spans = [
        Span(began_utc_s=0, ended_utc_s=30 * HOUR_S),
        Span(began_utc_s=100 * HOUR_S, ended_utc_s=120 * HOUR_S, planned=True),
    ]
    window = (0, 1_000 * HOUR_S)
    assert availability(spans, *window) == pytest.approx(0.95)
    assert availability(spans, *window, planned=False) == pytest.approx(0.97)
    assert availability(spans, 5, 5) is None


def test_plan_orders_count_when_done_or_late() -> None:
    now = 100 * DAY_S
    outcomes = [
        PlanOutcome(deadline_utc_s=10 * DAY_S, done_utc_s=10 * DAY_S),
        PlanOutcome(deadline_utc_s=20 * DAY_S, done_utc_s=19 * DAY_S),
        PlanOutcome(deadline_utc_s=30 * DAY_S, done_utc_s=31 * DAY_S),
        PlanOutcome(deadline_utc_s=99 * DAY_S, done_utc_s=None),
        PlanOutcome(deadline_utc_s=101 * DAY_S, done_utc_s=None),
    ]
    assert on_time_share(outcomes, now).value is None
    assert on_time_share(outcomes, now).count == 4
    early = PlanOutcome(deadline_utc_s=120 * DAY_S, done_utc_s=90 * DAY_S)
    assert on_time_share([*outcomes, early], now).value == pytest.approx(3 / 5)


def fail(device: str, mode: str, began: int, mended: int | None) -> Failure:
    return Failure(
        device=device,
        mode=mode,
        began_utc_s=began * DAY_S,
        mended_utc_s=None if mended is None else mended * DAY_S,
    )


def test_the_same_failure_within_30_days_of_its_repair_is_a_repeat() -> None:
    failures = [
        fail("a", "lock_stuck", 0, 1),
        fail("a", "lock_stuck", 31, 32),
        fail("a", "lock_stuck", 63, 64),
        fail("a", "no_picture", 65, 66),
        fail("b", "lock_stuck", 66, None),
        fail("b", "lock_stuck", 67, 68),
    ]
    assert repeat_failures(failures[::-1]) == (failures[1],)
