"""Pages by cursor: where the last one ended, so that new rows never shift the next one."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from doorward_controller.errors import InvalidError

MAX_LIMIT = 500
Row = TypeVar("Row")
Place = tuple[int | str, ...]
"""Where a row stands in an ordering; no two rows of a listing stand in the same place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """Some rows, and where to go on; None at the end."""

    items: tuple[Row, ...]
    next_cursor: str | None


def check_limit(limit: int) -> int:
    """Returns the limit. Raises InvalidError when it is out of bounds."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidError(f"limit is {limit}, must be 1 to {MAX_LIMIT}", code="bad_limit")
    return limit


def to_cursor(*parts: int | str) -> str:
    """Returns an opaque text for a place in an ordering."""
    return base64.urlsafe_b64encode("|".join(map(str, parts)).encode()).decode().rstrip("=")


def numbers_of(cursor: str, count: int) -> tuple[int, ...]:
    """Returns the numbers in a cursor. Raises InvalidError for one that we never gave."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
        numbers = tuple(int(part) for part in text.split("|"))
    except (binascii.Error, ValueError) as err:
        raise InvalidError("the cursor is not one that was given out", code="bad_cursor") from err
    if len(numbers) != count or not all(-(2**63) <= number < 2**63 for number in numbers):
        raise InvalidError("the cursor is not one that was given out", code="bad_cursor")
    return numbers


def part_of(
    rows: Iterable[Row], place: Callable[[Row], Place], *, cursor: str | None, limit: int
) -> Page[Row]:
    """Returns a page of rows that are all at hand, in the order of their places.

    Raises InvalidError for a cursor that we never gave.
    """
    size = check_limit(limit)
    ordered = sorted(rows, key=place)
    if cursor is not None and ordered:
        after = place_of(cursor, place(ordered[0]))
        ordered = [row for row in ordered if place(row) > after]
    more = cursor_at(place(ordered[size - 1])) if len(ordered) > size else None
    return Page(items=tuple(ordered[:size]), next_cursor=more)


def cursor_at(place: Place) -> str:
    """Returns an opaque text for a place that has texts in it."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place_of(cursor: str, like: Place) -> Place:
    """Returns the place in a cursor. Raises InvalidError unless it is of `like`'s kind."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
        parts = json.loads(text)
    except (binascii.Error, ValueError, RecursionError) as err:
        raise InvalidError("the cursor is not one that was given out", code="bad_cursor") from err
    kinds = [type(part) for part in like]
    is_like = isinstance(parts, list) and [type(part) for part in parts] == kinds
    if not is_like or not all(map(_is_storable, parts)):
        raise InvalidError("the cursor is not one that was given out", code="bad_cursor")
    return tuple(parts)


def newest_first(
    statement: sa.Select[Any],
    columns: Sequence[sa.ColumnElement[Any]],
    *,
    like: Place,
    cursor: str | None,
    limit: int,
) -> sa.Select[Any]:
    """Returns a statement for one row more than a page, descending by columns that tell rows apart.

    Args:
        statement: what is listed.
        columns: the place of a row, as `page_of` has it.
        like: any place, for its kinds.
        cursor: where the page before ended.
        limit: how many rows a page has.

    Raises:
        InvalidError: the cursor is not one that we gave, or the limit is out of bounds.
    """
    if cursor is not None:
        after = sa.tuple_(*map(sa.literal, place_of(cursor, like)))
        statement = statement.where(sa.tuple_(*columns) < after)
    return statement.order_by(*(column.desc() for column in columns)).limit(check_limit(limit) + 1)


def page_of(rows: Sequence[Row], place: Callable[[Row], Place], limit: int) -> Page[Row]:
    """Returns a page of the rows that such a statement found."""
    more = cursor_at(place(rows[limit - 1])) if len(rows) > limit else None
    return Page(items=tuple(rows[:limit]), next_cursor=more)


def _is_storable(part: int | str) -> bool:
    """Whether a database can compare with it; others were never given out."""
    return part.isprintable() if isinstance(part, str) else -(2**63) <= part < 2**63
