"""All records of a search, newest first, a page in memory at a time."""

from collections.abc import Iterator

import sqlalchemy as sa

from doorward.records import Record
from doorward_controller.queries.record_feed import RecordRow, row_of, these
from doorward_controller.queries.record_filter import RecordFilter, find, searching
from doorward_controller.store.schema import records
from doorward_controller.store.session import Store

PAGE = 1000
AT_MOST_S = 60.0
"""For a thousand records of a file, or for counting how many it would have."""

Walked = tuple[RecordRow, Record]
"""A record as lists show it, and with what a guard wrote: that is personal."""


def walk(store: Store, wanted: RecordFilter) -> Iterator[tuple[Walked, ...]]:
    """Yields pages of records. What arrives meanwhile and is newer is left out."""
    behind: sa.ColumnElement[bool] | None = None
    while True:
        with searching(store, AT_MOST_S) as connection:
            found = find(connection, wanted, PAGE, behind)
            rows = connection.execute(these(found)).all() if found else []
        by_id = {row.id: (row_of(row._asdict()), Record.from_wire(row.body)) for row in rows}
        yield tuple(by_id[row.id] for row in found)
        if len(found) < PAGE:
            return
        last = found[-1]
        behind = sa.tuple_(records.c.at_utc_ms, records.c.id) < sa.tuple_(
            sa.literal(last.at_utc_ms), sa.literal(last.id)
        )


def count_up_to(store: Store, wanted: RecordFilter, most: int) -> int:
    """Returns how many records fit, and `most` + 1 for any number beyond."""
    with searching(store, AT_MOST_S) as connection:
        return len(find(connection, wanted, most + 1))
