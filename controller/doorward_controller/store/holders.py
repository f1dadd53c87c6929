"""Holders: what is personal lies sealed under a key of its own, found by blind indexes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.schema import holders


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHolder:
    """A row of `holders`; without a wrapped key the person was erased."""

    id: str
    wrapped_key: bytes | None
    sealed_fields: bytes | None
    groups_json: str
    qualifications_json: str
    created_at_utc_s: int
    erased_at_utc_s: int | None


_HOLDER = tuple(holders.c[name] for name in StoredHolder.__dataclass_fields__)


def add(connection: sa.Connection, values: Mapping[str, object]) -> None:
    """Inserts a holder."""
    connection.execute(sa.insert(holders).values(**values))


def change(connection: sa.Connection, holder_id: str, values: Mapping[str, object]) -> None:
    """Sets columns of one holder."""
    connection.execute(sa.update(holders).where(holders.c.id == holder_id).values(**values))


def find(connection: sa.Connection, ids: Sequence[str]) -> dict[str, StoredHolder]:
    """Returns the holders that exist of those asked for."""
    rows = connection.execute(sa.select(*_HOLDER).where(holders.c.id.in_(ids)))
    found = (StoredHolder(**row._asdict()) for row in rows)
    return {holder.id: holder for holder in found}


def find_by_index(connection: sa.Connection, indexes: Mapping[str, bytes]) -> tuple[str, ...]:
    """Returns the ids of those whose blind indexes all match."""
    wanted = sa.select(holders.c.id)
    for name, value in indexes.items():
        wanted = wanted.where(holders.c[f"{name}_index"] == value)
    return tuple(connection.execute(wanted.order_by(holders.c.id)).scalars())


def erased(connection: sa.Connection) -> dict[str, int]:
    """Returns when each erased person was."""
    at = holders.c.erased_at_utc_s
    rows = connection.execute(sa.select(holders.c.id, at).where(at.is_not(None)))
    return {row.id: row.erased_at_utc_s for row in rows}
