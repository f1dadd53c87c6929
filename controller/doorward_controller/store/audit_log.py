"""Rows of the audit log. They are appended and read; nothing here changes or deletes one."""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.schema import audit_log

_APPEND_LOCK = 0x646F6175
"""PostgreSQL advisory lock, held to the end of the transaction: the chain has one end."""

_PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """One row as it lies in the database."""

    id: int
    at_utc_ms: int
    actor: str
    action: str
    subject: str
    outcome: str
    detail_json: str
    hash: bytes


def lock_end(connection: sa.Connection) -> tuple[int, bytes] | None:
    """Returns id and hash of the last entry and keeps others from appending until we commit."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_APPEND_LOCK)))
    return end(connection)


def end(connection: sa.Connection) -> tuple[int, bytes] | None:
    """Returns id and hash of the last entry, None while there is none."""
    newest = sa.select(audit_log.c.id, audit_log.c.hash).order_by(audit_log.c.id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return None if row is None else (row.id, row.hash)


def append(connection: sa.Connection, entry: StoredEntry) -> None:
    """Adds the entry that follows the last one."""
    values = {name: getattr(entry, name) for name in StoredEntry.__dataclass_fields__}
    connection.execute(sa.insert(audit_log).values(values))


def walk(connection: sa.Connection) -> Iterator[StoredEntry]:
    """Yields every entry, oldest first; by pages, so that stopping early leaves nothing open."""
    last = -(2**63)
    while True:
        wanted = sa.select(audit_log).where(audit_log.c.id > last).order_by(audit_log.c.id)
        rows = connection.execute(wanted.limit(_PAGE)).all()
        if not rows:
            return
        for row in rows:
            yield StoredEntry(**row._asdict())
        last = rows[-1].id
