"""Holders without anything personal; reading that is an act (services.holders)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward_controller.domain.cursors import check_limit, numbers_of, to_cursor
from doorward_controller.queries.paging import Page
from doorward_controller.store import directory_groups
from doorward_controller.store.schema import holders
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderRow:
    """One holder.

    Attributes:
        groups: as issuers gave them.
        qualifications: pairs of a name and the first second in which it no longer holds.
        directory_groups: groups of the organisation's directory to which the holder belongs; the
            rule book says what they bring.
    """

    holder_id: str
    groups: tuple[str, ...]
    qualifications: tuple[tuple[str, int], ...]
    created_at_utc_s: int
    erased_at_utc_s: int | None
    directory_groups: tuple[str, ...] = ()


def holder(store: Store, holder_id: str) -> HolderRow | None:
    """Returns one holder."""
    with store.read() as connection:
        found = connection.execute(_select().where(holders.c.id == holder_id)).one_or_none()
        belongs = directory_groups.groups_of(connection, [holder_id])
    return None if found is None else _row(found._asdict(), belongs)


def page(store: Store, *, cursor: str | None = None, limit: int = 50) -> Page[HolderRow]:
    """Returns holders, the newest first. Raises InvalidError."""
    size = check_limit(limit)
    table = holders.c
    statement = _select()
    if cursor is not None:
        at, id_ = numbers_of(cursor, 2)
        statement = statement.where(
            sa.tuple_(table.created_at_utc_s, table.id)
            < sa.tuple_(sa.literal(at), sa.literal(f"{id_ % 2**64:016x}"))
        )
    ordered = statement.order_by(table.created_at_utc_s.desc(), table.id.desc()).limit(size + 1)
    with store.read() as connection:
        found = [row._asdict() for row in connection.execute(ordered)]
        belongs = directory_groups.groups_of(connection, [values["id"] for values in found])
    rows = [_row(values, belongs) for values in found]
    more = _cursor_after(rows[size - 1]) if len(rows) > size else None
    return Page(items=tuple(rows[:size]), next_cursor=more)


def _cursor_after(row: HolderRow) -> str:
    signed = int.from_bytes(bytes.fromhex(row.holder_id), signed=True)
    return to_cursor(row.created_at_utc_s, signed)


def _select() -> sa.Select[Any]:
    table = holders.c
    return sa.select(
        table.id,
        table.groups_json,
        table.qualifications_json,
        table.created_at_utc_s,
        table.erased_at_utc_s,
    )


def _row(values: Mapping[str, Any], belongs: Mapping[str, tuple[str, ...]]) -> HolderRow:
    return HolderRow(
        directory_groups=belongs.get(values["id"], ()),
        holder_id=values["id"],
        groups=tuple(json.loads(values["groups_json"])),
        qualifications=tuple((n, u) for n, u in json.loads(values["qualifications_json"])),
        created_at_utc_s=values["created_at_utc_s"],
        erased_at_utc_s=values["erased_at_utc_s"],
    )
