"""Which gateways, portals, kinds, outcomes and reasons ever stood together in a record.

A search for what never was would read an index from end to end before it finds nothing; here it
finds it among some thousand rows.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from doorward_controller.store.prepared import PreparedInsert
from doorward_controller.store.record_rows import RecordInsert
from doorward_controller.store.schema import records
from doorward_controller.store.sum_tables import record_facets

NO_OUTCOME = -1
_KEYS = tuple(column.name for column in record_facets.columns)
_NOTE = PreparedInsert(record_facets, _KEYS, on_conflict="DO NOTHING")


def note(connection: sa.Connection, rows: Iterable[RecordInsert]) -> None:
    """Notes what these new records say, within the transaction that stores them."""
    said = {
        (
            row.gateway_id,
            row.portal,
            row.kind,
            NO_OUTCOME if row.outcome is None else row.outcome,
            row.reason,
        )
        for row in rows
    }
    _NOTE.run(connection, sorted(said))


def add_missing(connection: sa.Connection, from_utc_s: int, to_utc_s: int) -> None:
    """Notes what the records of a span say."""
    missing = _missing(from_utc_s, to_utc_s)
    connection.execute(sa.insert(record_facets).from_select(list(_KEYS), missing))


def count_missing(connection: sa.Connection, from_utc_s: int, to_utc_s: int) -> int:
    """Returns how much of what the records of a span say was not noted."""
    missing = _missing(from_utc_s, to_utc_s).subquery()
    return int(connection.scalar(sa.select(sa.func.count()).select_from(missing)) or 0)


def _missing(from_utc_s: int, to_utc_s: int) -> sa.Select[tuple[int, str, int, int, str]]:
    table = records.c
    outcome = sa.func.coalesce(table.outcome, NO_OUTCOME).label("outcome")
    said = (
        sa.select(table.gateway_id, table.portal, table.kind, outcome, table.reason)
        .where(table.at_utc_ms >= 1000 * from_utc_s, table.at_utc_ms < 1000 * to_utc_s)
        .distinct()
        .subquery()
    )
    is_noted = sa.exists().where(*(record_facets.c[name] == said.c[name] for name in _KEYS))
    return sa.select(*(said.c[name] for name in _KEYS)).where(~is_noted)
