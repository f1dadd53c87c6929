"""Pages by cursor: where the last one ended, so that new rows never shift the next one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from doorward_controller.domain.cursors import Place, check_limit, cursor_at, place_of

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """Some rows, and where to go on; None at the end."""

    items: tuple[Row, ...]
    next_cursor: str | None


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
