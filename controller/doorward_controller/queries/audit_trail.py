"""The audit log as people read it, newest first."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.queries.paging import Page, check_limit, numbers_of, to_cursor
from doorward_controller.store.schema import audit_log
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries; None means any."""

    actor: str | None = None
    action: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One entry."""

    id: int
    at_utc_ms: int
    actor: str
    action: str
    subject: str
    outcome: str
    detail: Mapping[str, str | int | bool | None]
    hash: str


def page(
    store: Store,
    wanted: AuditFilter = AuditFilter(),
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[AuditRow]:
    """Returns entries, the newest first. Raises InvalidError."""
    size = check_limit(limit)
    table = audit_log.c
    asked = {"actor": wanted.actor, "action": wanted.action, "subject": wanted.subject}
    statement = sa.select(audit_log).where(
        *(table[name] == value for name, value in asked.items() if value is not None)
    )
    if cursor is not None:
        statement = statement.where(table.id < numbers_of(cursor, 1)[0])
    with store.read() as connection:
        rows = connection.execute(statement.order_by(table.id.desc()).limit(size + 1)).all()
    items = tuple(
        AuditRow(
            id=row.id,
            at_utc_ms=row.at_utc_ms,
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            outcome=row.outcome,
            detail=json.loads(row.detail_json),
            hash=row.hash.hex(),
        )
        for row in rows[:size]
    )
    return Page(items=items, next_cursor=to_cursor(items[-1].id) if len(rows) > size else None)
