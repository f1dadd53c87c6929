"""Spare parts and every movement of their stock."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.maintenance_tables import part_moves, parts


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPart:
    """A part: what a shelf holds of it, and from when on it is to be bought."""

    id: int
    number: str
    name: str
    place: str
    stock: int
    low_stock: int
    unit_cost_minor: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMove:
    """Parts put in (+) or taken out (-), at what one cost then."""

    part_id: int
    order_id: int | None
    change: int
    unit_cost_minor: int
    currency: str
    note: str
    who: str
    at_utc_s: int


_PART = tuple(parts.c[name] for name in StoredPart.__dataclass_fields__)
_MOVE = tuple(part_moves.c[name] for name in StoredMove.__dataclass_fields__)


def every(connection: sa.Connection, site: str) -> tuple[StoredPart, ...]:
    """Returns the parts of a site by number."""
    wanted = sa.select(*_PART).where(parts.c.site == site).order_by(parts.c.number)
    return tuple(StoredPart(**row._asdict()) for row in connection.execute(wanted))


def find(
    connection: sa.Connection, site: str, part_id: int, *, lock: bool = False
) -> StoredPart | None:
    """Returns a part; with `lock` nobody else takes of it before this transaction ends."""
    wanted = sa.select(*_PART).where(parts.c.site == site, parts.c.id == part_id)
    if lock:
        wanted = wanted.with_for_update()
    row = connection.execute(wanted).one_or_none()
    return None if row is None else StoredPart(**row._asdict())


def number_taken(connection: sa.Connection, site: str, number: str) -> bool:
    """Says whether a part has that number."""
    wanted = sa.select(parts.c.id).where(parts.c.site == site, parts.c.number == number)
    return connection.execute(wanted).scalar_one_or_none() is not None


def add(connection: sa.Connection, **values: object) -> int:
    """Inserts a part; returns its id."""
    inserted = sa.insert(parts).values(**values).returning(parts.c.id)
    return int(connection.execute(inserted).scalar_one())


def change(connection: sa.Connection, part_id: int, values: Mapping[str, object]) -> None:
    """Sets columns of a part."""
    connection.execute(sa.update(parts).where(parts.c.id == part_id).values(**values))


def move(connection: sa.Connection, moved: StoredMove) -> None:
    """Changes the stock and notes it; the table refuses a stock below nothing."""
    values = {name: getattr(moved, name) for name in StoredMove.__dataclass_fields__}
    connection.execute(sa.insert(part_moves).values(**values))
    stock = parts.c.stock + moved.change
    connection.execute(sa.update(parts).where(parts.c.id == moved.part_id).values(stock=stock))


def moves_of_order(connection: sa.Connection, order_id: int) -> tuple[StoredMove, ...]:
    """Returns what was taken and brought back for an order."""
    wanted = sa.select(*_MOVE).where(part_moves.c.order_id == order_id).order_by(part_moves.c.id)
    return tuple(StoredMove(**row._asdict()) for row in connection.execute(wanted))


def moves_of_orders(
    connection: sa.Connection, order_ids: Collection[int]
) -> tuple[StoredMove, ...]:
    """Returns what was taken and brought back for several orders."""
    wanted = sa.select(*_MOVE).where(part_moves.c.order_id.is_not(None)).order_by(part_moves.c.id)
    if len(order_ids) == 1:
        wanted = wanted.where(part_moves.c.order_id.in_(order_ids))
    found = (StoredMove(**row._asdict()) for row in connection.execute(wanted))
    return tuple(move for move in found if move.order_id in order_ids)


def moves_of_part(
    connection: sa.Connection, part_id: int, limit: int = 100
) -> tuple[StoredMove, ...]:
    """Returns a part's newest movements."""
    wanted = (
        sa.select(*_MOVE)
        .where(part_moves.c.part_id == part_id)
        .order_by(part_moves.c.id.desc())
        .limit(limit)
    )
    return tuple(StoredMove(**row._asdict()) for row in connection.execute(wanted))
