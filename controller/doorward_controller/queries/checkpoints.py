"""Checkpoints of the audit log as they are handed out."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.cursors import check_limit, numbers_of, to_cursor
from doorward_controller.queries.paging import Page
from doorward_controller.store.audit_tables import audit_checkpoints
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRow:
    """What was signed; bytes as hex digits, the same as in a published line."""

    number: int
    entry: int
    entry_hash: str
    at_utc_ms: int
    public_key: str
    signature: str


def page(store: Store, *, cursor: str | None = None, limit: int = 50) -> Page[CheckpointRow]:
    """Returns checkpoints, the newest first. Raises InvalidError."""
    size = check_limit(limit)
    table = audit_checkpoints
    wanted = sa.select(table).order_by(table.c.number.desc()).limit(size + 1)
    if cursor is not None:
        wanted = wanted.where(table.c.number < numbers_of(cursor, 1)[0])
    with store.read() as connection:
        rows = connection.execute(wanted).all()
    items = tuple(
        CheckpointRow(
            number=row.number,
            entry=row.entry,
            entry_hash=row.entry_hash.hex(),
            at_utc_ms=row.at_utc_ms,
            public_key=row.public_key.hex(),
            signature=row.signature.hex(),
        )
        for row in rows[:size]
    )
    return Page(items=items, next_cursor=to_cursor(items[-1].number) if len(rows) > size else None)
