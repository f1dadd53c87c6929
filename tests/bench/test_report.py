"""The numbers that a bench hands in are what they say."""

import json

import pytest

from bench.report import Limit, LimitKind, Report, is_met, percentile, to_json


def test_median_and_p99_are_of_the_given_samples() -> None:
    figure = Report().samples("wait", [float(n) for n in range(1, 101)], unit="ms")
    assert (figure.median, figure.p99, figure.least, figure.most) == (50.5, 99.0, 1.0, 100.0)
    assert figure.repeats == 100


def test_fewer_than_five_repeats_are_refused() -> None:
    with pytest.raises(ValueError, match="wait has 4 repeats, must be 5 or more"):
        Report().samples("wait", [1.0] * 4, unit="ms")


def test_series_of_different_length_make_no_ratio() -> None:
    with pytest.raises(ValueError, match="wait has 5 and 6 repeats"):
        Report().ratio("wait", [1.0] * 5, [1.0] * 6)


def test_ratio_is_median_over_median_and_shows_the_spread_of_single_pairs() -> None:
    ratio = Report().ratio("wait", [2.0, 2.0, 2.0, 4.0, 1.0], [1.0] * 5, at_most=2.5)
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 1.0, 4.0)
    assert is_met(ratio)


@pytest.mark.parametrize(
    ("kind", "value", "met"),
    [
        (LimitKind.AT_MOST, 1.0, True),
        (LimitKind.AT_MOST, 1.01, False),
        (LimitKind.AT_LEAST, 1.0, True),
        (LimitKind.AT_LEAST, 0.99, False),
    ],
)
def test_a_limit_is_kept_up_to_and_including_its_value(
    kind: LimitKind, value: float, *, met: bool
) -> None:
    assert Limit(kind=kind, value=1.0).is_met_by(value) is met


def test_a_promise_about_the_slow_end_is_judged_by_p99_and_not_by_the_median() -> None:
    waits_ms = [1.0] * 9 + [50.0]
    report = Report()
    assert is_met(report.samples("wait", waits_ms, unit="ms", at_most=10.0))
    assert not is_met(report.samples("wait", waits_ms, unit="ms", p99_at_most=10.0))


def test_two_limits_on_one_entry_are_refused() -> None:
    with pytest.raises(TypeError, match="one limit at most"):
        Report().value("share", 0.5, unit="", at_most=1.0, at_least=0.1)


def test_compare_measures_both_sides_equally_often_and_in_turns() -> None:
    order: list[str] = []
    report = Report(quick=True)
    report.compare("turns", lambda: order.append("ours"), lambda: order.append("base"))
    assert order == ["ours", "base"] * 6  # one round each before counting, then five
    assert [entry.name for entry in report.entries] == ["turns: ours", "turns: base", "turns"]


def test_an_entry_becomes_json_that_says_whether_its_limit_is_kept() -> None:
    entry = Report().value("written per record", 13_000, unit="B", at_most=12_000)
    made = json.loads(json.dumps(to_json(entry)))
    assert made["limit"] == {"kind": "at_most", "value": 12_000, "of_p99": False}
    assert made["met"] is False
    assert made["kind"] == "value"


@pytest.mark.parametrize(("pct", "expected"), [(0, 1), (50, 2), (51, 3), (99, 4), (100, 4)])
def test_percentile_is_the_nearest_rank(pct: float, expected: float) -> None:
    assert percentile([3, 1, 4, 2], pct) == expected
