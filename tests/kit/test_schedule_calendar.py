"""Schedules over worked week-ends, holidays and changes of clock; and when an opening began."""

import datetime as dt
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.schedule import (
    ALWAYS,
    DAY_S,
    MAX_OPENING_DAYS,
    DayType,
    Schedule,
    SiteTime,
    Span,
    is_open,
    opening_began,
)
from tests.kit.plant import BERLIN, OPEN, SUMMER_BEGINS, SUMMER_ENDS

CHINA = zoneinfo.ZoneInfo("Asia/Shanghai")
WORKDAYS = 0b0011111
DAYTIME = Schedule(name="day", spans=(Span(WORKDAYS, 8 * 60, 18 * 60),))
NIGHTS = Schedule(name="night", spans=(Span(WORKDAYS, 22 * 60, 30 * 60),))
WEEKENDS = Schedule(name="weekend", spans=(Span(0b1100000, 10 * 60, 16 * 60),))
HOLIDAYS = Schedule(name="holiday", spans=(Span(1 << DayType.HOLIDAY, 9 * 60, 12 * 60),))


def day(text: str) -> int:
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days


def days(first: str, last: str, kind: DayType) -> dict[int, DayType]:
    return dict.fromkeys(range(day(first), day(last) + 1), kind)


GOLDEN_WEEK = SiteTime(
    zone="Asia/Shanghai",
    offsets=((0, 8 * 3600),),
    day_types=days("2025-10-01", "2025-10-08", DayType.HOLIDAY)
    | days("2025-09-28", "2025-09-28", DayType.FRIDAY)
    | days("2025-10-11", "2025-10-11", DayType.WEDNESDAY)
    | days("2026-02-15", "2026-02-23", DayType.HOLIDAY)
    | days("2026-02-14", "2026-02-14", DayType.MONDAY)
    | days("2026-02-28", "2026-02-28", DayType.FRIDAY),
)
"""National Day 2025 and the Spring Festival 2026, each with the week-ends worked for them."""


def china(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=CHINA).timestamp())


CASES = [
    ("worked Sunday before National Day", DAYTIME, "2025-09-28T09:00:00", True),
    ("ordinary Sunday", DAYTIME, "2025-09-21T09:00:00", False),
    ("worked Sunday is no week-end", WEEKENDS, "2025-09-28T11:00:00", False),
    ("Saturday before it is one", WEEKENDS, "2025-09-27T11:00:00", True),
    ("last workday", DAYTIME, "2025-09-30T17:59:59", True),
    ("Wednesday that is a holiday", DAYTIME, "2025-10-01T09:00:00", False),
    ("its own hours", HOLIDAYS, "2025-10-01T09:00:00", True),
    ("Saturday within the holidays is no week-end", WEEKENDS, "2025-10-04T11:00:00", False),
    ("but a holiday", HOLIDAYS, "2025-10-04T11:59:59", True),
    ("last holiday", HOLIDAYS, "2025-10-08T09:00:00", True),
    ("first workday after", DAYTIME, "2025-10-09T08:00:00", True),
    ("worked Saturday after", DAYTIME, "2025-10-11T09:00:00", True),
    ("Sunday after that is free", DAYTIME, "2025-10-12T09:00:00", False),
    ("night of the last workday runs into the holiday", NIGHTS, "2025-10-01T05:59:59", True),
    ("and ends there", NIGHTS, "2025-10-01T06:00:00", False),
    ("no night begins on a holiday", NIGHTS, "2025-10-01T22:00:00", False),
    ("nor runs out of the last one", NIGHTS, "2025-10-09T05:00:00", False),
    ("night of the worked Sunday begins", NIGHTS, "2025-09-28T22:00:00", True),
    ("and runs into Monday", NIGHTS, "2025-09-29T05:00:00", True),
    ("no night runs out of a free Saturday", NIGHTS, "2025-09-28T05:00:00", False),
    ("worked Saturday's night runs into Sunday", NIGHTS, "2025-10-12T05:00:00", True),
    ("worked Saturday before the Spring Festival", DAYTIME, "2026-02-14T09:00:00", True),
    ("Spring Festival", DAYTIME, "2026-02-17T09:00:00", False),
    ("its last day", HOLIDAYS, "2026-02-23T09:00:00", True),
    ("worked Saturday after it", DAYTIME, "2026-02-28T09:00:00", True),
    ("next Saturday", DAYTIME, "2026-03-07T09:00:00", False),
]


@pytest.mark.parametrize(("why", "schedule", "text", "expected"), CASES)
def test_worked_week_ends_and_holidays(
    why: str, schedule: Schedule, text: str, expected: bool
) -> None:
    assert is_open(schedule, GOLDEN_WEEK, china(text)) is expected, why


# ---- when an opening began


def local(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp())


def spans(*rows: tuple[int, int, int]) -> Schedule:
    return Schedule(name="it", spans=tuple(Span(*row) for row in rows))


BEGINNINGS = [
    ("closed", DAYTIME, "2025-10-09T07:59:59", None),
    ("this second", DAYTIME, "2025-10-09T08:00:00", "2025-10-09T08:00:00"),
    ("this morning", DAYTIME, "2025-10-09T17:59:59", "2025-10-09T08:00:00"),
    ("yesterday evening", NIGHTS, "2025-10-10T03:00:00", "2025-10-09T22:00:00"),
    (
        "spans that overlap",
        spans((255, 480, 720), (255, 600, 1080)),
        "2025-10-09T17:00:00",
        "2025-10-09T08:00:00",
    ),
    (
        "spans that touch",
        spans((255, 480, 720), (255, 720, 1080)),
        "2025-10-09T17:00:00",
        "2025-10-09T08:00:00",
    ),
    (
        "spans with a minute between",
        spans((255, 480, 719), (255, 720, 1080)),
        "2025-10-09T17:00:00",
        "2025-10-09T12:00:00",
    ),
    (
        "days that touch at midnight",
        spans((WORKDAYS, 0, 1440)),
        "2025-10-10T12:00:00",
        "2025-10-09T00:00:00",
    ),
]


@pytest.mark.parametrize(("why", "schedule", "text", "began"), BEGINNINGS)
def test_opening_began(why: str, schedule: Schedule, text: str, began: str | None) -> None:
    found = opening_began(schedule, GOLDEN_WEEK, china(text))
    assert found == (None if began is None else local(began)), why


def test_opening_that_never_ends_began_a_bounded_time_ago() -> None:
    now = china("2025-12-09T12:00:00")
    found = opening_began(OPEN, GOLDEN_WEEK, now)
    assert found == GOLDEN_WEEK.local_s(now) - MAX_OPENING_DAYS * DAY_S
    assert OPEN.spans == (ALWAYS,)


@pytest.mark.parametrize("change", [SUMMER_BEGINS, SUMMER_ENDS])
def test_opening_over_a_change_of_clock_is_one(change: int) -> None:
    nights = spans((255, 22 * 60, 30 * 60))
    for utc_s in range(change - 2 * 3600, change + 2 * 3600, 300):
        began = opening_began(nights, BERLIN, utc_s)
        assert began is not None
        assert began % DAY_S == 22 * 3600


@given(
    st.lists(
        st.builds(
            lambda mask, start, length: Span(mask, start, min(start + length, 2880)),
            st.integers(1, 255),
            st.integers(0, 1439),
            st.integers(1, 2880),
        ),
        max_size=3,
    ),
    st.integers(1_759_000_000, 1_772_000_000),
)
def test_opening_began_says_when_it_is_open_and_never_later(rows: list[Span], utc_s: int) -> None:
    schedule = Schedule(name="it", spans=tuple(rows))
    began = opening_began(schedule, GOLDEN_WEEK, utc_s)
    assert (began is not None) == is_open(schedule, GOLDEN_WEEK, utc_s)
    if began is not None:
        begin_utc_s = began - 8 * 3600
        assert begin_utc_s <= utc_s
        minutes = range(begin_utc_s, utc_s, 3600)
        assert all(is_open(schedule, GOLDEN_WEEK, at) for at in minutes)
        is_bounded = began == GOLDEN_WEEK.local_s(utc_s) - MAX_OPENING_DAYS * DAY_S
        assert is_bounded or not is_open(schedule, GOLDEN_WEEK, begin_utc_s - 1)
