"""How numbers of health are judged, and that the registry is whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.health import Level, Limits, Unit, flattened, instance_of, kind_of, level_of
from doorward.health_metrics import METRICS, judge, metric_of
from doorward.messages import Health
from doorward.times import UtcSeconds

HIGH = Limits(warning=70, alarm=80, clear_by=5)
LOW = Limits(warning=20, alarm=10, clear_by=5, is_low_bad=True)


@pytest.mark.parametrize(
    ("limits", "value", "before", "level"),
    [
        (HIGH, 69, Level.OK, Level.OK),
        (HIGH, 70, Level.OK, Level.WARNING),
        (HIGH, 80, Level.OK, Level.ALARM),
        (HIGH, 79, Level.ALARM, Level.ALARM),
        (HIGH, 75, Level.ALARM, Level.ALARM),
        (HIGH, 74, Level.ALARM, Level.WARNING),
        (HIGH, 66, Level.WARNING, Level.WARNING),
        (HIGH, 66, Level.ALARM, Level.WARNING),
        (HIGH, 64, Level.ALARM, Level.OK),
        (LOW, 21, Level.OK, Level.OK),
        (LOW, 20, Level.OK, Level.WARNING),
        (LOW, 10, Level.WARNING, Level.ALARM),
        (LOW, 15, Level.ALARM, Level.ALARM),
        (LOW, 16, Level.ALARM, Level.WARNING),
        (LOW, 26, Level.WARNING, Level.OK),
        (Limits(alarm=1), 0, Level.ALARM, Level.OK),
        (Limits(), 10**15, Level.OK, Level.OK),
    ],
)
def test_a_number_gets_bad_at_its_limit_and_well_beyond_the_margin(
    limits: Limits, value: int, before: Level, level: Level
) -> None:
    assert level_of(limits, value, before) is level


@given(
    limits=st.builds(
        Limits,
        warning=st.none() | st.integers(0, 100),
        alarm=st.none() | st.integers(0, 100),
        clear_by=st.integers(0, 30),
        is_low_bad=st.booleans(),
    ),
    values=st.lists(st.integers(0, 130), min_size=1),
)
def test_the_same_number_twice_changes_nothing_and_worse_is_told_at_once(
    limits: Limits, values: list[int]
) -> None:
    level = Level.OK
    for value in values:
        level = level_of(limits, value, level)
        assert level_of(limits, value, level) is level
        assert level >= level_of(limits, value)


@given(st.lists(st.integers(66, 74), min_size=2))
def test_a_number_that_sways_within_the_margin_is_told_at_most_once(values: list[int]) -> None:
    levels, level = [], Level.OK
    for value in values:
        level = level_of(HIGH, value, level)
        levels.append(level)
    assert sum(a is not b for a, b in zip([Level.OK, *levels], levels, strict=False)) <= 1


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_has_words_in_both_languages_and_limits_in_order(metric: object) -> None:
    metric = METRICS[metric.name]  # type: ignore[attr-defined]  # its own type, for the checker
    assert all((metric.label_en, metric.label_zh, metric.meaning_en, metric.meaning_zh))
    assert metric.label_zh != metric.label_en
    assert "@" not in metric.name
    limits = metric.limits
    if limits.warning is not None and limits.alarm is not None:
        assert (limits.alarm < limits.warning) is limits.is_low_bad
    if metric.unit is Unit.FLAG:
        assert metric.name.endswith(("_now", "_seen", "_fault", "_read_only", "alarm"))


@pytest.mark.parametrize(
    ("ending", "units"),
    [
        ("_mc", {Unit.MILLI_CELSIUS}),
        ("_ms", {Unit.MILLISECONDS}),
        ("_us", {Unit.MICROSECONDS}),
        ("_s", {Unit.SECONDS}),
        ("_bytes", {Unit.BYTES}),
        ("_bytes_a_day", {Unit.BYTES_A_DAY}),
        ("_permille", {Unit.PERMILLE}),
        ("_percent", {Unit.PERCENT}),
        ("_mhz", {Unit.MILLI_HERTZ}),
    ],
)
def test_a_name_says_its_unit(ending: str, units: set[Unit]) -> None:
    named = {metric.unit for metric in METRICS.values() if metric.name.endswith(ending)}
    assert named == units


def test_a_number_of_several_is_judged_like_its_kind() -> None:
    assert kind_of("frame_rate_permille@front") == "frame_rate_permille"
    assert instance_of("frame_rate_permille@front") == "front"
    assert judge("frame_rate_permille@front", 200) is Level.ALARM
    assert judge("frame_rate_permille", 1000) is Level.OK


def test_a_number_of_a_newer_gateway_is_well_and_has_no_words() -> None:
    assert metric_of("flux_capacitance_nf") is None
    assert judge("flux_capacitance_nf", 10**12, Level.ALARM) is Level.OK


def test_every_number_of_a_message_has_one_name() -> None:
    body = {"at": 5, "camera": "ok", "journal": {"pending": 3}, "vitals": {"uptime_s": 9}}
    assert flattened(body) == {"journal.pending": 3, "uptime_s": 9}


def test_a_message_with_every_number_there_is_stays_small() -> None:
    vitals = {f"{name}@camera-{n}": 2**40 for name in METRICS if "." not in name for n in range(4)}
    health = Health(at=UtcSeconds(1), boot_id="0" * 16, vitals=vitals)
    wire = health.to_wire()
    assert len(wire) < 16 * 1024
    assert Health.from_wire(wire) == health
