"""What was put aside, newest first."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.cursors import check_limit, numbers_of, to_cursor
from doorward_controller.queries.paging import Page
from doorward_controller.store.schema import quarantine
from doorward_controller.store.session import Store

EXCERPT_BYTES = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRow:
    """One message that was put aside.

    Attributes:
        at_utc_ms: when it last came.
        excerpt: its first bytes as hex.
        copies: how often it came.
    """

    id: int
    at_utc_ms: int
    gateway: str
    topic: str
    reason: str
    detail: str
    size_bytes: int
    sha256: str
    copies: int
    excerpt: str


def page(store: Store, *, cursor: str | None = None, limit: int = 50) -> Page[QuarantineRow]:
    """Returns what was put aside, the newest first. Raises InvalidError."""
    size = check_limit(limit)
    statement = _select()
    if cursor is not None:
        statement = statement.where(quarantine.c.id < numbers_of(cursor, 1)[0])
    with store.read() as connection:
        ordered = statement.order_by(quarantine.c.id.desc()).limit(size + 1)
        rows = [_row(row) for row in connection.execute(ordered)]
    more = to_cursor(rows[size - 1].id) if len(rows) > size else None
    return Page(items=tuple(rows[:size]), next_cursor=more)


def item(store: Store, quarantine_id: int) -> QuarantineRow | None:
    """Returns one message that was put aside."""
    with store.read() as connection:
        row = connection.execute(_select().where(quarantine.c.id == quarantine_id)).one_or_none()
    return None if row is None else _row(row)


def counts(store: Store) -> dict[str, int]:
    """Returns how many messages were put aside, by reason."""
    statement = sa.select(quarantine.c.reason, sa.func.sum(quarantine.c.copies)).group_by(
        quarantine.c.reason
    )
    with store.read() as connection:
        return {str(reason): int(number) for reason, number in connection.execute(statement)}


def _select() -> sa.Select[tuple[int]]:
    columns = [c for c in quarantine.c if c.name != "head"]
    excerpt = sa.func.substr(quarantine.c.head, 1, EXCERPT_BYTES, type_=sa.LargeBinary)
    return sa.select(*columns, excerpt.label("excerpt"))


def _row(row: sa.Row[tuple[int]]) -> QuarantineRow:
    values = row._asdict()
    return QuarantineRow(**{**values, "excerpt": bytes(values["excerpt"] or b"").hex()})
