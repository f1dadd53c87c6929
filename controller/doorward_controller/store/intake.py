"""The hot path: records, the ranges stored of each journal, and the segments' sealed keys."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from doorward_controller.domain.history import StoredRange
from doorward_controller.store import presence_notes, record_facets, record_sums
from doorward_controller.store.prepared import Prepared, PreparedInsert
from doorward_controller.store.record_rows import RecordInsert
from doorward_controller.store.schema import gateways, records, segments, stored_ranges

__all__ = ["RecordInsert"]


class Journal(NamedTuple):
    """Whose journal, and which of his."""

    gateway_id: int
    epoch: int


_COLUMNS = RecordInsert._fields
_NAMES = ", ".join(_COLUMNS)
_INSERT = PreparedInsert(records, _COLUMNS)
_COPY = f"COPY records ({_NAMES}) FROM STDIN"
"""Driver SQL with plain tuples: four times as fast as compiling per row; measured by the bench. And
PostgreSQL takes twice as many rows a second from its COPY as from INSERT."""


def lock_gateways(connection: sa.Connection, gateway_ids: Iterable[int]) -> None:
    """Keeps other workers from storing for the same gateways until we commit (PostgreSQL)."""
    if connection.dialect.name == "postgresql":
        wanted = sa.select(gateways.c.id).where(gateways.c.id.in_(sorted(set(gateway_ids))))
        # All at once and in their order: two workers never wait for each other in a circle. Rows
        # that merely name a gateway can be made meanwhile.
        connection.execute(wanted.order_by(gateways.c.id).with_for_update(key_share=True))


def insert_records(connection: sa.Connection, rows: Sequence[RecordInsert]) -> None:
    """Inserts rows that are known not to be stored; the unique key is the second line.

    What is kept beside the records learns of them in the same transaction.
    """
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        _INSERT.run(connection, rows)
    else:
        _copy(connection, rows)
    record_facets.note(connection, rows)
    record_sums.note(connection, rows)
    presence_notes.note(connection, rows)


def _copy(connection: sa.Connection, rows: Sequence[RecordInsert]) -> None:
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.IntegrityError as err:
        # As SQLAlchemy says it, which did not see the statement.
        raise sa.exc.IntegrityError(_COPY, None, err) from err


_OF_JOURNAL = (
    stored_ranges.c.gateway_id == sa.bindparam("of_gateway"),
    stored_ranges.c.epoch == sa.bindparam("of_epoch"),
)
_AT_FIRST = stored_ranges.c.first_seq == sa.bindparam("at_first")
_LOAD = Prepared(
    sa.select(
        stored_ranges.c.first_seq,
        stored_ranges.c.last_seq,
        stored_ranges.c.chain_before,
        stored_ranges.c.chain_last,
    )
    .where(*_OF_JOURNAL)
    .order_by(stored_ranges.c.first_seq)
)
_EXTEND = Prepared(
    sa.update(stored_ranges)
    .where(*_OF_JOURNAL, _AT_FIRST, stored_ranges.c.last_seq == sa.bindparam("from_last"))
    .values(last_seq=sa.bindparam("to_last"), chain_last=sa.bindparam("to_chain"))
)
_REMOVE = Prepared(sa.delete(stored_ranges).where(*_OF_JOURNAL, _AT_FIRST))


def load_ranges(connection: sa.Connection, journal: Journal) -> tuple[StoredRange, ...]:
    """Returns what is stored of a journal, ascending."""
    place = {"of_gateway": journal.gateway_id, "of_epoch": journal.epoch}
    return tuple(StoredRange._make(row) for row in _LOAD.rows(connection, place))


def save_ranges(
    connection: sa.Connection,
    journal: Journal,
    before: tuple[StoredRange, ...],
    after: tuple[StoredRange, ...],
) -> None:
    """Writes the difference between two states of one journal's ranges.

    Raises:
        RuntimeError: they are not what they were: somebody else stored for this journal although we
            hold its lock. Nothing of the transaction may be committed.
    """
    old, new = {r.first: r for r in before}, {r.first: r for r in after}
    place = {"of_gateway": journal.gateway_id, "of_epoch": journal.epoch}
    for first in old.keys() - new.keys():
        _check_one(journal, _REMOVE.change(connection, {**place, "at_first": first}))
    for first, stored in new.items():
        if first not in old:
            row = (*journal, stored.first, stored.last, stored.chain_before, stored.chain_last)
            connection.execute(sa.insert(stored_ranges).values(row))
        elif old[first] != stored:
            end = {"to_last": stored.last, "to_chain": stored.chain_last}
            begin = {"at_first": first, "from_last": old[first].last}
            _check_one(journal, _EXTEND.change(connection, {**place, **begin, **end}))


def _check_one(journal: Journal, changed: int) -> None:
    if changed != 1:
        raise RuntimeError(
            f"gateway {journal.gateway_id}, epoch {journal.epoch:012x}: the stored ranges changed"
            " under our lock"
        )


def chain_at(connection: sa.Connection, journal: Journal, seq: int) -> bytes | None:
    """Returns the running hash after one stored record."""
    table = records.c
    return connection.execute(
        sa.select(table.chain).where(
            table.gateway_id == journal.gateway_id, table.epoch == journal.epoch, table.seq == seq
        )
    ).scalar_one_or_none()


def add_segment(
    connection: sa.Connection, journal: Journal, number: int, recipient: int, sealed_key: bytes
) -> None:
    """Keeps a segment's sealed key, by which the sealed originals can be made and checked again."""
    place = {"gateway_id": journal.gateway_id, "epoch": journal.epoch, "number": number}
    known = sa.select(sa.literal(1)).where(*(segments.c[name] == n for name, n in place.items()))
    if connection.execute(known).scalar_one_or_none() is None:
        connection.execute(
            sa.insert(segments).values(**place, recipient_key_id=recipient, sealed_key=sealed_key)
        )
