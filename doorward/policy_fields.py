"""Checks of the single values in a bundle's header; each returns the value or MalformedError."""

import itertools
from collections.abc import Callable
from typing import Any

from doorward import shapes
from doorward.errors import MalformedError
from doorward.ids import MAX_SEQ, parse_name
from doorward.schedule import DAY_S, DayType, Schedule, SiteTime, Span


def _expect(kind: type[Any]) -> Callable[[object, str], Any]:
    def check(value: object, what: str = "value") -> Any:  # noqa: ANN401  # typed by its callers
        if type(value) is not kind:
            raise MalformedError(f"policy: {what} must be a {kind.__name__}")
        return value

    return check


a_list = _expect(list)
a_dict = _expect(dict)
a_bool = _expect(bool)


def text(value: object) -> str:
    """Returns a text."""
    if not isinstance(value, str):
        raise MalformedError("policy: a name must be a text")
    return value


def octets(value: object, what: str, *lengths: int) -> bytes:
    """Returns bytes of one of the lengths, or of any where none is given."""
    if not isinstance(value, bytes) or (lengths and len(value) not in lengths):
        wanted = " or ".join(map(str, lengths)) or "some"
        raise MalformedError(f"policy: {what} must be {wanted} bytes")
    return value


def number(value: object, what: str, *, minimum: int = 0, maximum: int = MAX_SEQ) -> int:
    """Returns a whole number within the bounds."""
    if type(value) is not int or not minimum <= value <= maximum:
        raise MalformedError(f"policy: {what} is {value!r:.40}, must be {minimum} to {maximum}")
    return value


def number_or_none(
    value: object, what: str, *, minimum: int = 0, maximum: int = MAX_SEQ
) -> int | None:
    """Returns a whole number within the bounds, or None."""
    return None if value is None else number(value, what, minimum=minimum, maximum=maximum)


def names(value: object, what: str) -> tuple[str, ...]:
    """Returns names, each once."""
    found = tuple(parse_name(text(item), what) for item in a_list(value, what))
    if len(set(found)) != len(found):
        raise MalformedError(f"policy: a name in {what} stands twice")
    return found


def schedules(value: object) -> tuple[Schedule, ...]:
    """Returns the schedules, each name once."""
    found = tuple(_schedule(row) for row in a_list(value, "schedules"))
    if len({schedule.name for schedule in found}) != len(found):
        raise MalformedError("policy: a name in schedules stands twice")
    return found


def _schedule(row: object) -> Schedule:
    match row:
        case [name, list() as spans]:
            return Schedule(name=parse_name(text(name), "schedule"), spans=tuple(map(_span, spans)))
    raise MalformedError("policy: a schedule must be [name, spans]")


def _span(row: object) -> Span:
    match row:
        case [mask, from_min, to_min]:
            return Span(
                number(mask, "day mask"), number(from_min, "minute"), number(to_min, "minute")
            )
    raise MalformedError("policy: a span must be [day mask, from, to]")


def site_time(time: object, calendar: object) -> SiteTime:
    """Returns how the site's clocks and calendar run."""
    match time:
        case {"zone": zone, "offsets": list() as rows, **others} if not others:
            offsets = tuple(_pair(row, "UTC offset", -DAY_S, DAY_S) for row in rows)
        case _:
            raise MalformedError("policy: time must have a zone and offsets")
    days = [_pair(row, "calendar day", 0, max(DayType)) for row in a_list(calendar, "calendar")]
    if any(a[0] >= b[0] for a, b in itertools.pairwise(days)):
        raise MalformedError("policy: calendar days must ascend, each once")
    return SiteTime(
        zone=shapes.text(zone, "policy: time zone", 64),
        offsets=offsets,
        day_types={day: DayType(kind) for day, kind in days},
    )


def _pair(row: object, what: str, minimum: int, maximum: int) -> tuple[int, int]:
    """Returns a number from 0 and one between the bounds."""
    match row:
        case [one, other]:
            return number(one, what), number(other, what, minimum=minimum, maximum=maximum)
    raise MalformedError(f"policy: a {what} must be a pair of numbers")
