"""Records of two databases beside each other."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import sqlalchemy as sa

from doorward_controller.store.pieces import pieces
from doorward_controller.store.schema import records

_of = records.c


class SampledRecord(NamedTuple):
    """What a record is, whatever database it lies in."""

    id: int
    gateway_id: int
    epoch: int
    seq: int
    body: bytes
    chain: bytes


_COLUMNS = tuple(_of[name] for name in SampledRecord._fields)


def count(connection: sa.Connection) -> int:
    """Returns how many records there are."""
    return int(connection.scalar(sa.select(sa.func.count()).select_from(records)) or 0)


def every(connection: sa.Connection, step: int, first: int) -> Iterator[SampledRecord]:
    """Yields one record of each `step`, by their numbers."""
    wanted = sa.select(*_COLUMNS).where(_of.id % step == first)
    for row in connection.execution_options(yield_per=1000).execute(wanted):
        yield SampledRecord(*row)


def beside(
    sample: Iterable[SampledRecord], other: sa.Connection
) -> Iterator[tuple[SampledRecord, SampledRecord | None]]:
    """Yields each with the record of its number in another database, None where that has none."""
    for piece in pieces(sample):
        wanted = sa.select(*_COLUMNS).where(_of.id.in_([one.id for one in piece]))
        found = {row.id: SampledRecord(*row) for row in other.execute(wanted)}
        for one in piece:
            yield one, found.get(one.id)
