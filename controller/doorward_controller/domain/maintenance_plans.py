"""When maintenance is due: by the calendar, by a meter, by a condition.

Every answer is computed from `now`, what was served last and what is read now; nothing is kept
that could run away from it. Days are the site's: 31 January plus a month is the last of February,
and the one after that is 31 March again, because every day is counted from the first one. An hour
that a clock change leaves out is the hour after it.
"""

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import WithJsonSchema

from doorward_controller.domain.meters import MeterName

MAX_EVERY = 10_000

SiteTime = Annotated[time, WithJsonSchema({"type": "string", "pattern": r"^\d\d:\d\d:\d\d$"})]
"""A time of the site's day. The format that JSON has for times wants an offset from UTC."""


class Every(StrEnum):
    """The unit of a calendar plan."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


class CountFrom(StrEnum):
    """What the next day is counted from."""

    CALENDAR = "calendar"
    """The first day, whenever work was done: a yearly inspection stays in March."""
    LAST_DONE = "last_done"
    """The day on which it was done: a filter lasts three months from its exchange."""


class PlanState(StrEnum):
    """Whether a plan opens orders."""

    DRAFT = "draft"
    APPROVED = "approved"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRule:
    """Every so many days, weeks or months, from a first day on."""

    every: int
    unit: Every
    first_day: date
    at: SiteTime = time(8, 0)
    count_from: CountFrom = CountFrom.CALENDAR


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterRule:
    """Every so many counts of a meter; `warn_left` is how many before the end it is told."""

    meter: MeterName
    every: int
    warn_left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionRule:
    """A number of the health report beyond a limit for a time."""

    metric: str
    limit: int
    is_above: bool
    for_s: int


Rule = CalendarRule | MeterRule | ConditionRule


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How near the next time is.

    Attributes:
        is_due: an order is to be opened.
        is_near: it is time to warn.
        at_utc_s: the moment, for a calendar; None where no clock decides.
        left: counts left, for a meter.
    """

    is_due: bool
    is_near: bool
    at_utc_s: int | None = None
    left: int | None = None


def calendar_due(
    rule: CalendarRule,
    zone: ZoneInfo,
    now_utc_s: int,
    *,
    last_due_utc_s: int | None,
    last_done_utc_s: int | None,
    warn_before_s: int = 0,
) -> Due:
    """Returns when the next order is due; of several that were missed, the latest alone."""
    if rule.count_from is CountFrom.LAST_DONE and last_done_utc_s is not None:
        day = datetime.fromtimestamp(last_done_utc_s, UTC).astimezone(zone).date()
        at = _moment(_day(rule, day, 1), rule.at, zone)
    else:
        at = _next_by_calendar(rule, zone, now_utc_s, last_due_utc_s)
    return Due(is_due=at <= now_utc_s, is_near=at - warn_before_s <= now_utc_s, at_utc_s=at)


def meter_due(rule: MeterRule, *, total: int, total_when_done: int) -> Due:
    """Returns how many counts are left since it was done last."""
    left = rule.every - (total - total_when_done)
    return Due(is_due=left <= 0, is_near=left <= rule.warn_left, left=left)


def condition_since(
    rule: ConditionRule, value: int | None, now_utc_s: int, since_utc_s: int | None
) -> int | None:
    """Returns since when the value has been beyond its limit; a value not told changes nothing."""
    if value is None:
        return since_utc_s
    is_beyond = value >= rule.limit if rule.is_above else value <= rule.limit
    if not is_beyond:
        return None
    return now_utc_s if since_utc_s is None else since_utc_s


def condition_due(rule: ConditionRule, now_utc_s: int, since_utc_s: int | None) -> Due:
    """Says whether the value has been beyond its limit for long enough."""
    if since_utc_s is None:
        return Due(is_due=False, is_near=False)
    return Due(is_due=now_utc_s - since_utc_s >= rule.for_s, is_near=True)


def _next_by_calendar(
    rule: CalendarRule, zone: ZoneInfo, now_utc_s: int, last_due_utc_s: int | None
) -> int:
    """Returns the latest day that has come since the last one served, or the next that will."""
    step = _step_before(rule, datetime.fromtimestamp(now_utc_s, UTC).date())
    at = _moment(_day(rule, rule.first_day, step), rule.at, zone)
    latest = at if at <= now_utc_s else None
    while at <= now_utc_s or (last_due_utc_s is not None and at <= last_due_utc_s):
        latest = at if at <= now_utc_s else latest
        step += 1
        at = _moment(_day(rule, rule.first_day, step), rule.at, zone)
    if latest is not None and (last_due_utc_s is None or latest > last_due_utc_s):
        return latest
    return at


def _step_before(rule: CalendarRule, day: date) -> int:
    """Returns a step that is surely not after `day`, and at most two before it."""
    first = rule.first_day
    if rule.unit is Every.MONTHS:
        apart = (day.year - first.year) * 12 + day.month - first.month
        return max(0, apart // rule.every - 1)
    length = rule.every * (7 if rule.unit is Every.WEEKS else 1)
    return max(0, (day - first).days // length - 1)


def _day(rule: CalendarRule, first: date, step: int) -> date:
    count = rule.every * step
    if rule.unit is Every.MONTHS:
        months = first.month - 1 + count
        year, month = first.year + months // 12, months % 12 + 1
        return date(year, month, min(first.day, calendar.monthrange(year, month)[1]))
    return first + timedelta(days=count * (7 if rule.unit is Every.WEEKS else 1))


def _moment(day: date, at: time, zone: ZoneInfo) -> int:
    """Returns the second; of an hour that comes twice, the first one."""
    return int(datetime.combine(day, at, tzinfo=zone).timestamp())
