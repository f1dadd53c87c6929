"""The audit log as people read it, newest first; and whole, for a copy."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward_controller.domain.cursors import check_limit, numbers_of, to_cursor
from doorward_controller.queries.paging import Page
from doorward_controller.store.schema import audit_log
from doorward_controller.store.session import Store

_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries; None means any.

    Attributes:
        subject: stands in the entry's subject, which may name several things.
        is_refused: everything that did not end as "done", or nothing of it.
        from_utc_ms, to_utc_ms: from is included, to is not.
    """

    actor: str | None = None
    action: str | None = None
    subject: str | None = None
    outcome: str | None = None
    is_refused: bool | None = None
    from_utc_ms: int | None = None
    to_utc_ms: int | None = None

    def given(self) -> dict[str, str | int | bool]:
        """Returns what is asked for, without what is not."""
        named = {name: getattr(self, name) for name in AuditFilter.__dataclass_fields__}
        return {name: value for name, value in named.items() if value is not None}


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
    statement = sa.select(audit_log).where(*_conditions(wanted))
    if cursor is not None:
        statement = statement.where(audit_log.c.id < numbers_of(cursor, 1)[0])
    with store.read() as connection:
        rows = connection.execute(statement.order_by(audit_log.c.id.desc()).limit(size + 1)).all()
    items = tuple(_row(row) for row in rows[:size])
    return Page(items=items, next_cursor=to_cursor(items[-1].id) if len(rows) > size else None)


def walk(store: Store, wanted: AuditFilter) -> Iterator[AuditRow]:
    """Yields the entries that are there now, oldest first, a page in memory at a time."""
    with store.read() as connection:
        end = connection.scalar(sa.select(sa.func.max(audit_log.c.id))) or 0
    statement = sa.select(audit_log).where(audit_log.c.id <= end, *_conditions(wanted))
    last = 0
    while True:
        with store.read() as connection:
            behind = statement.where(audit_log.c.id > last).order_by(audit_log.c.id).limit(_PAGE)
            rows = connection.execute(behind).all()
        yield from (_row(row) for row in rows)
        if len(rows) < _PAGE:
            return
        last = rows[-1].id


def actions(store: Store) -> tuple[str, ...]:
    """Returns what was ever done, by name; a step along the index for each."""
    found: list[str] = []
    with store.read() as connection:
        while True:
            column = audit_log.c.action
            behind = column > found[-1] if found else sa.true()
            one = connection.scalar(sa.select(sa.func.min(column)).where(behind))
            if one is None:
                return tuple(found)
            found.append(one)


def _conditions(wanted: AuditFilter) -> list[sa.ColumnElement[bool]]:
    table = audit_log.c
    asked = {"actor": wanted.actor, "action": wanted.action, "outcome": wanted.outcome}
    found = [table[name] == value for name, value in asked.items() if value is not None]
    if wanted.subject is not None:
        found.append(table.subject.contains(wanted.subject, autoescape=True))
    if wanted.is_refused is not None:
        found.append(table.outcome != "done" if wanted.is_refused else table.outcome == "done")
    if wanted.from_utc_ms is not None:
        found.append(table.at_utc_ms >= wanted.from_utc_ms)
    if wanted.to_utc_ms is not None:
        found.append(table.at_utc_ms < wanted.to_utc_ms)
    return found


def _row(row: sa.Row[Any]) -> AuditRow:
    return AuditRow(
        id=row.id,
        at_utc_ms=row.at_utc_ms,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        outcome=row.outcome,
        detail=json.loads(row.detail_json),
        hash=row.hash.hex(),
    )
