"""How far long work has come, told beside its own transaction."""

import sqlalchemy as sa

from doorward_controller.store.key_tables import work_progress


def tell(connection: sa.Connection, id_: str, done: int, total: int, now_utc_ms: int) -> None:
    """Notes how far a piece of work is."""
    values = {"done": done, "total": total, "told_at_utc_ms": now_utc_ms}
    changed = connection.execute(
        sa.update(work_progress).where(work_progress.c.id == id_).values(**values)
    )
    if not changed.rowcount:
        connection.execute(sa.insert(work_progress).values(id=id_, **values))


def forget(connection: sa.Connection, id_: str, told_before_utc_ms: int) -> None:
    """Forgets a piece of work, and what nobody has told of for long: its process has ended."""
    connection.execute(
        sa.delete(work_progress).where(
            sa.or_(work_progress.c.id == id_, work_progress.c.told_at_utc_ms < told_before_utc_ms)
        )
    )


def under_way(connection: sa.Connection, told_after_utc_ms: int) -> tuple[tuple[int, int], ...]:
    """Returns how much of how much, of each piece of work that was told of lately."""
    rows = connection.execute(
        sa.select(work_progress.c.done, work_progress.c.total)
        .where(work_progress.c.told_at_utc_ms > told_after_utc_ms)
        .order_by(work_progress.c.id)
    )
    return tuple((row.done, row.total) for row in rows)
