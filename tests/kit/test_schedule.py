"""Schedules at the edges of days, of clock changes and of the calendar."""

import dataclasses
import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.schedule import ALWAYS, DayType, Schedule, SiteTime, Span, is_open
from tests.kit.plant import BERLIN, NIGHT, OFFICE, OPEN, SUMMER_BEGINS, SUMMER_ENDS

ZONE = zoneinfo.ZoneInfo("Europe/Berlin")


def berlin(text: str, fold: int = 0) -> int:
    """UTC seconds of a time on the clocks of Berlin."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=ZONE, fold=fold).timestamp())


def opening(from_min: int, to_min: int, mask: int = 255) -> Schedule:
    return Schedule(name="it", spans=(Span(mask, from_min, to_min),))


CASES = [
    ("office opens at eight", OFFICE, "2025-10-09T07:59:59", False),
    ("office opens at eight", OFFICE, "2025-10-09T08:00:00", True),
    ("office is open until six", OFFICE, "2025-10-09T17:59:59", True),
    ("office closes at six", OFFICE, "2025-10-09T18:00:00", False),
    ("Friday", OFFICE, "2025-10-10T12:00:00", True),
    ("Sunday", OFFICE, "2025-10-12T12:00:00", False),
    ("Saturday that works as a Monday", OFFICE, "2025-10-11T12:00:00", True),
    ("ordinary Saturday", OFFICE, "2025-10-18T12:00:00", False),
    ("Thursday that is a holiday", OFFICE, "2025-10-16T12:00:00", False),
    ("Thursday a week before it", OFFICE, "2025-10-09T12:00:00", True),
    ("night shift begins on Thursday", NIGHT, "2025-10-09T22:00:00", True),
    ("night shift has not begun", NIGHT, "2025-10-09T21:59:59", False),
    ("last second of the day", NIGHT, "2025-10-09T23:59:59", True),
    ("midnight", NIGHT, "2025-10-10T00:00:00", True),
    ("before six in the morning", NIGHT, "2025-10-10T05:59:59", True),
    ("six in the morning", NIGHT, "2025-10-10T06:00:00", False),
    ("Friday's night runs into Saturday", NIGHT, "2025-10-18T03:00:00", True),
    ("Saturday has no night shift of its own", NIGHT, "2025-10-18T23:00:00", False),
    ("nor has Sunday morning", NIGHT, "2025-10-19T03:00:00", False),
    ("Sunday's night is not worked, Monday morning is closed", NIGHT, "2025-10-20T03:00:00", False),
    ("Saturday as Monday has a night", NIGHT, "2025-10-11T23:00:00", True),
    ("which runs into Sunday", NIGHT, "2025-10-12T03:00:00", True),
    ("eve of the holiday runs into it", NIGHT, "2025-10-16T03:00:00", True),
    ("the holiday itself has no night", NIGHT, "2025-10-16T23:00:00", False),
    ("so the day after begins closed", NIGHT, "2025-10-17T03:00:00", False),
    ("always, on a holiday", OPEN, "2025-10-16T00:00:00", True),
    ("always, at the end of a day", OPEN, "2025-10-12T23:59:59", True),
]


@pytest.mark.parametrize(("words", "schedule", "local", "expected"), CASES)
def test_schedule(words: str, schedule: Schedule, local: str, expected: bool) -> None:
    assert is_open(schedule, BERLIN, berlin(local)) is expected, words


def test_the_calendar_counts_holidays_as_their_own_kind_of_day() -> None:
    feast = opening(0, 1440, mask=1 << DayType.HOLIDAY)
    assert is_open(feast, BERLIN, berlin("2025-10-16T12:00:00"))
    assert not is_open(feast, BERLIN, berlin("2025-10-15T12:00:00"))


# ---- the two days on which clocks change -------------------------------------------------------


def test_hour_that_spring_skips_is_open_for_nobody_and_skips_nothing_else() -> None:
    skipped, before, after = opening(120, 180), opening(60, 120), opening(180, 240)
    assert is_open(before, BERLIN, SUMMER_BEGINS - 1), "01:59:59"
    assert not is_open(after, BERLIN, SUMMER_BEGINS - 1)
    assert is_open(after, BERLIN, SUMMER_BEGINS), "03:00:00"
    assert not is_open(before, BERLIN, SUMMER_BEGINS)
    for utc_s in range(SUMMER_BEGINS - 7200, SUMMER_BEGINS + 7200, 60):
        assert not is_open(skipped, BERLIN, utc_s)


def test_hour_that_autumn_repeats_is_open_both_times() -> None:
    repeated, after = opening(120, 180), opening(180, 240)
    opens = [
        utc_s
        for utc_s in range(SUMMER_ENDS - 7200, SUMMER_ENDS + 7200, 60)
        if is_open(repeated, BERLIN, utc_s)
    ]
    assert (opens[0], opens[-1]) == (SUMMER_ENDS - 3600, SUMMER_ENDS + 3600 - 60)
    assert len(opens) == 120
    assert is_open(after, BERLIN, SUMMER_ENDS + 3600)
    assert not is_open(after, BERLIN, SUMMER_ENDS + 3599)


@pytest.mark.parametrize("day", ["2025-10-26", "2026-03-29"])
def test_opening_times_stay_on_the_wall_clock_on_the_day_of_the_change(day: str) -> None:
    hours = opening(8 * 60, 18 * 60)
    assert not is_open(hours, BERLIN, berlin(f"{day}T07:59:59"))
    assert is_open(hours, BERLIN, berlin(f"{day}T08:00:00"))
    assert is_open(hours, BERLIN, berlin(f"{day}T17:59:59"))
    assert not is_open(hours, BERLIN, berlin(f"{day}T18:00:00"))


@pytest.mark.parametrize("day", ["2025-10-25", "2026-03-28"])
def test_night_shift_over_the_change_ends_at_six_on_the_wall_clock(day: str) -> None:
    nights = opening(22 * 60, 30 * 60)
    begin = berlin(f"{day}T22:00:00")
    end = berlin((dt.date.fromisoformat(day) + dt.timedelta(1)).isoformat() + "T06:00:00")
    assert {end - begin} <= {7 * 3600, 9 * 3600}
    assert all(is_open(nights, BERLIN, utc_s) for utc_s in range(begin, end, 300))
    assert is_open(nights, BERLIN, end - 1)
    assert not is_open(nights, BERLIN, end)
    assert not is_open(nights, BERLIN, begin - 1)


@given(st.integers(1_743_296_400, 1_780_000_000))
def test_local_time_agrees_with_the_time_zone_database(utc_s: int) -> None:
    local = dt.datetime.fromtimestamp(utc_s, ZONE).replace(tzinfo=dt.UTC)
    assert BERLIN.local_s(utc_s) == int(local.timestamp())


@given(st.integers(0, 60_000))
def test_day_without_an_entry_has_the_type_of_its_weekday(day: int) -> None:
    weekday = (dt.date(1970, 1, 1) + dt.timedelta(day)).weekday()
    assert dataclasses.replace(BERLIN, day_types={}).day_type(day) == weekday


SPANS = st.builds(
    lambda mask, start, length: Span(mask, start, min(start + length, 2880)),
    st.integers(1, 255),
    st.integers(0, 1439),
    st.integers(1, 2880),
)


@given(st.lists(SPANS, max_size=3), st.integers(1_743_296_400, 1_780_000_000))
def test_open_agrees_with_counting_minutes_one_by_one(spans: list[Span], utc_s: int) -> None:
    schedule = Schedule(name="it", spans=tuple(spans))
    local = dt.datetime.fromtimestamp(utc_s, ZONE).replace(tzinfo=None)
    expected = False
    for span in spans:
        for back in (0, 1):
            day = local.date() - dt.timedelta(back)
            number = (day - dt.date(1970, 1, 1)).days
            kind = BERLIN.day_types.get(number, day.weekday())
            midnight = dt.datetime.combine(day, dt.time())
            minute = (local - midnight) // dt.timedelta(minutes=1)
            if span.day_mask >> kind & 1 and minute in range(span.from_min, span.to_min):
                expected = True
    assert is_open(schedule, BERLIN, utc_s) is expected


# ---- what a site's time may be -----------------------------------------------------------------


def test_first_offset_also_counts_before_it() -> None:
    late = SiteTime(zone="x", offsets=((1_000_000, 60), (2_000_000, 120)), day_types={})
    assert [late.local_s(t) for t in (0, 999_999, 1_000_000, 1_999_999, 2_000_000)] == [
        60,
        1_000_059,
        1_000_060,
        2_000_059,
        2_000_120,
    ]


@pytest.mark.parametrize(
    "offsets",
    [(), ((5, 0), (5, 60)), ((5, 0), (4, 0)), ((0, 86_400),), ((0, -86_400),)],
)
def test_offsets_that_leave_the_time_open_are_refused(offsets: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(ValueError, match="site time"):
        SiteTime(zone="x", offsets=offsets, day_types={})


@pytest.mark.parametrize(
    ("mask", "from_min", "to_min"),
    [
        (0, 0, 1),
        (256, 0, 1),
        (1, -1, 1),
        (1, 1440, 1441),
        (1, 5, 5),
        (1, 5, 4),
        (1, 0, 2881),
    ],
)
def test_span_outside_its_range_is_refused(mask: int, from_min: int, to_min: int) -> None:
    with pytest.raises(ValueError, match=r"mask|span"):
        Span(mask, from_min, to_min)


def test_always_is_always_and_an_empty_schedule_never() -> None:
    assert Span(255, 0, 1440) == ALWAYS
    assert not is_open(Schedule(name="never", spans=()), BERLIN, SUMMER_ENDS)
