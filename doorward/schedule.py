"""When a schedule is open, in the site's own time, without a time-zone database.

The controller writes the site's UTC offsets for the coming years into the policy; the gateway only
adds. Holidays and worked week-ends replace a date's day type.
"""

import bisect
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

DAY_S = 86_400
DAY_MIN = 1_440


class DayType(IntEnum):
    """What kind of day a date is. The numbers are bits of a day mask, on the wire, never reused."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6
    HOLIDAY = 7


@dataclass(frozen=True, slots=True)
class Span:
    """Open from `from_min` until before `to_min` on days whose type is in the mask.

    Attributes:
        day_mask: bit n is day type n.
        from_min: minutes after local midnight, 0 to 1439.
        to_min: greater than `from_min`, up to 2880: past 1440 it runs into the next day.
    """

    day_mask: int
    from_min: int
    to_min: int

    def __post_init__(self) -> None:
        """Raises ValueError for a span outside its ranges."""
        if not 1 <= self.day_mask <= 255:
            raise ValueError(f"day mask is {self.day_mask}, must be 1 to 255")
        if not 0 <= self.from_min < DAY_MIN or not self.from_min < self.to_min <= 2 * DAY_MIN:
            raise ValueError(f"span is {self.from_min} to {self.to_min}, must be 0..1439 to 2880")


ALWAYS = Span(255, 0, DAY_MIN)
MAX_OPENING_DAYS = 8
"""Longer than a week of nights that run into each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A named set of spans; open while one of them is."""

    name: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTime:
    """How a site's wall clocks and calendar run.

    Attributes:
        zone: the zone's name, for people.
        offsets: pairs (first UTC second, offset from UTC in seconds), ascending; the first pair
            also counts for everything before it.
        day_types: days since 1970-01-01 whose type is not that of their weekday.
    """

    zone: str
    offsets: tuple[tuple[int, int], ...]
    day_types: Mapping[int, DayType]

    def __post_init__(self) -> None:
        """Raises ValueError for offsets that are none, do not ascend, or are a day or more."""
        if not self.offsets:
            raise ValueError("site time: no UTC offset")
        if any(a[0] >= b[0] for a, b in itertools.pairwise(self.offsets)):
            raise ValueError("site time: UTC offsets must ascend")
        if any(not -DAY_S < offset < DAY_S for _, offset in self.offsets):
            raise ValueError(f"site time: a UTC offset is not within {DAY_S} s")

    def local_s(self, utc_s: int) -> int:
        """Returns seconds since 1970-01-01 00:00 on the site's own clocks."""
        place = bisect.bisect_right(self.offsets, utc_s, key=lambda pair: pair[0]) - 1
        return utc_s + self.offsets[max(place, 0)][1]

    def day_type(self, day: int) -> DayType:
        """Returns the type of a local day, counted from 1970-01-01, which was a Thursday."""
        return self.day_types.get(day, DayType((day + 3) % 7))


def is_open(schedule: Schedule, time: SiteTime, utc_s: int) -> bool:
    """Whether one of the schedule's spans covers the instant."""
    day, second = divmod(time.local_s(utc_s), DAY_S)
    minute = second // 60
    today, yesterday = 1 << time.day_type(day), 1 << time.day_type(day - 1)
    return any(
        (span.day_mask & today and span.from_min <= minute < span.to_min)
        or (span.day_mask & yesterday and span.from_min <= minute + DAY_MIN < span.to_min)
        for span in schedule.spans
    )


def opening_began(schedule: Schedule, time: SiteTime, utc_s: int) -> int | None:
    """Returns when the opening that covers the instant began, or None where it is closed.

    Spans that touch or overlap are one opening, also across midnight. One that has lasted for
    longer than `MAX_OPENING_DAYS` is taken to have begun that many days ago.

    Returns:
        Seconds on the site's own clocks, as `SiteTime.local_s` counts them.
    """
    local_s = time.local_s(utc_s)
    begin = _begin_of(schedule, time, local_s)
    if begin is None:
        return None
    earliest = local_s - MAX_OPENING_DAYS * DAY_S
    while begin > earliest and (before := _begin_of(schedule, time, begin - 60)) is not None:
        begin = before
    return max(begin, earliest)


def _begin_of(schedule: Schedule, time: SiteTime, local_s: int) -> int | None:
    """Returns the earliest begin of the spans that cover a minute of the site's clocks."""
    today = local_s // DAY_S
    begins = (
        day * DAY_S + span.from_min * 60
        for day in (today - 1, today)
        for span in schedule.spans
        if span.day_mask & 1 << time.day_type(day)
        and span.from_min * 60 <= local_s - day * DAY_S < span.to_min * 60
    )
    return min(begins, default=None)
