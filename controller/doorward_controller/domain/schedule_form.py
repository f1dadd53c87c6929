"""A schedule as rows of a form, and as the picture of a week. Pure.

A row says its days, from when, and until when. Until a time that is not later means the next day:
22:00 to 06:00 is a night, 00:00 to 00:00 a whole day.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from doorward.schedule import DAY_MIN, DayType
from doorward_controller.domain.rule_book import SpanRule

MAX_ROWS = 40
_TIME = re.compile(r"(\d{1,2})[:：.]?([0-5]\d)?")


class RowFault(StrEnum):
    """What is wrong with a row."""

    NO_DAYS = "no_days"
    NOT_A_TIME = "not_a_time"
    TOO_LONG = "too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One span as it stands in the form."""

    days: frozenset[int] = frozenset()
    begin: str = ""
    end: str = ""
    faults: Mapping[str, RowFault] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was entered."""
        return not (self.days or self.begin or self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Minutes of a day in which a schedule is open."""

    from_min: int
    to_min: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """One day of the picture.

    Attributes:
        past_midnight_min: until when the next day it goes on; 0: it does not.
    """

    day: DayType
    bars: tuple[Bar, ...]
    past_midnight_min: int = 0

    @property
    def is_holiday(self) -> bool:
        """Whether it stands for the days of the calendar."""
        return self.day is DayType.HOLIDAY


def rows_of(spans: Iterable[SpanRule]) -> tuple[Row, ...]:
    """Returns the rows of a schedule."""
    return tuple(
        Row(days=frozenset(span.days), begin=clock(span.from_min), end=_end(span)) for span in spans
    )


def read_rows(rows: Sequence[Row]) -> tuple[tuple[SpanRule, ...] | None, tuple[Row, ...]]:
    """Returns the spans, or None where something is wrong; and the rows with what is wrong.

    Rows in which nothing was entered are left out.
    """
    spans: list[SpanRule] = []
    seen: list[Row] = []
    for row in rows:
        if row.is_empty:
            continue
        span, faults = _span_of(row)
        seen.append(Row(days=row.days, begin=row.begin, end=row.end, faults=faults))
        if span is not None:
            spans.append(span)
    is_whole = not any(row.faults for row in seen)
    return (tuple(spans) if is_whole else None), tuple(seen)


def week_of(spans: Iterable[SpanRule]) -> tuple[DayRow, ...]:
    """Returns the week: what runs past midnight stands on the next day too.

    What day follows a holiday is not known, so its night is told beside it.
    """
    open_min: dict[int, list[tuple[int, int]]] = {day: [] for day in DayType}
    past: dict[int, int] = dict.fromkeys(DayType, 0)
    for span in spans:
        for day in span.days:
            open_min[day].append((span.from_min, min(span.to_min, DAY_MIN)))
            if span.to_min > DAY_MIN:
                past[day] = max(past[day], span.to_min - DAY_MIN)
                if day != DayType.HOLIDAY:
                    open_min[(day + 1) % 7].append((0, span.to_min - DAY_MIN))
    return tuple(
        DayRow(day=day, bars=_joined(open_min[day]), past_midnight_min=past[day]) for day in DayType
    )


def clock(minute: int) -> str:
    """Returns a minute as 07:00; the last of a day is 24:00, and later ones count on."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _end(span: SpanRule) -> str:
    """A time of the next day is written as such where reading it gives the same."""
    after = span.to_min - DAY_MIN
    return clock(after) if 0 < after <= span.from_min else clock(span.to_min)


def _span_of(row: Row) -> tuple[SpanRule | None, dict[str, RowFault]]:
    faults: dict[str, RowFault] = {}
    begin, end = _minute(row.begin), _minute(row.end)
    if not row.days:
        faults["days"] = RowFault.NO_DAYS
    if begin is None or begin >= DAY_MIN:
        faults["begin"] = RowFault.NOT_A_TIME
    if end is None:
        faults["end"] = RowFault.NOT_A_TIME
    if faults or begin is None or end is None:
        return None, faults
    end += DAY_MIN if end <= begin else 0
    if end > 2 * DAY_MIN:
        return None, {"end": RowFault.TOO_LONG}
    return SpanRule(days=tuple(sorted(row.days)), from_min=begin, to_min=end), {}


def _minute(text: str) -> int | None:
    found = _TIME.fullmatch(text.strip())
    return int(found[1]) * 60 + int(found[2] or 0) if found else None


def _joined(bars: Iterable[tuple[int, int]]) -> tuple[Bar, ...]:
    found: list[tuple[int, int]] = []
    for begin, end in sorted(bars):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return tuple(Bar(from_min=begin, to_min=end) for begin, end in found)
