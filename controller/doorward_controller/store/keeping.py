"""Rows of how long what is kept, of holds, and of runs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from doorward_controller.domain.keeping import BOUNDS, Hold, Kind
from doorward_controller.store.keeping_tables import (
    keeping_holds,
    keeping_marks,
    keeping_runs,
    keeping_times,
)


class RunState(StrEnum):
    """How far a run is."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFor:
    """How long a kind is kept; nobody has changed what is usual while `changed_by` is empty."""

    kind: Kind
    days: int
    changed_by: str = ""
    changed_at_utc_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: planned, under way, or what it took away."""

    id: int
    state: RunState
    due_utc_ms: int
    began_utc_ms: int | None
    ended_utc_ms: int | None
    counts: Mapping[str, int]


def times(connection: sa.Connection) -> tuple[KeptFor, ...]:
    """Returns how long each kind is kept."""
    chosen = {row.kind: row for row in connection.execute(sa.select(keeping_times))}
    return tuple(
        KeptFor(kind=kind, days=BOUNDS[kind].usual_days)
        if (row := chosen.get(kind.value)) is None
        else KeptFor(
            kind=kind,
            days=row.days,
            changed_by=row.changed_by,
            changed_at_utc_ms=row.changed_at_utc_ms,
        )
        for kind in Kind
    )


def set_time(connection: sa.Connection, kept: KeptFor) -> None:
    """Keeps a kind so long from now on."""
    table = keeping_times
    connection.execute(sa.delete(table).where(table.c.kind == kept.kind.value))
    connection.execute(
        sa.insert(table).values(
            kind=kept.kind.value,
            days=kept.days,
            changed_by=kept.changed_by,
            changed_at_utc_ms=kept.changed_at_utc_ms,
        )
    )


_HOLD = tuple(keeping_holds.c[name] for name in Hold.__dataclass_fields__)


def holds(connection: sa.Connection, ended: int = 0) -> tuple[Hold, ...]:
    """Returns the holds that stand, the newest first, and some of those that ended."""
    table = keeping_holds.c
    wanted = sa.select(*_HOLD).order_by(table.id.desc())
    standing = connection.execute(wanted.where(table.ended_at_utc_ms.is_(None))).all()
    over = connection.execute(wanted.where(table.ended_at_utc_ms.is_not(None)).limit(ended)).all()
    return tuple(Hold(**row._asdict()) for row in (*standing, *over))


def lock_holds(connection: sa.Connection) -> None:
    """Lets nobody place a hold until we commit: one that stands was seen (PostgreSQL)."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE keeping_holds IN SHARE MODE")


def add_hold(connection: sa.Connection, values: Mapping[str, Any]) -> int:
    """Returns the number of a new hold."""
    made = connection.execute(sa.insert(keeping_holds).values(ended_by="", **values))
    return int(made.inserted_primary_key[0]) if made.inserted_primary_key else 0


def end_hold(connection: sa.Connection, hold_id: int, who: str, at_utc_ms: int) -> bool:
    """Ends one; False where none of this number stands."""
    table = keeping_holds
    ended = sa.update(table).where(table.c.id == hold_id, table.c.ended_at_utc_ms.is_(None))
    return connection.execute(ended.values(ended_by=who, ended_at_utc_ms=at_utc_ms)).rowcount == 1


def runs(connection: sa.Connection, most: int) -> tuple[Run, ...]:
    """Returns the newest runs; the first is the next one, or the one that is under way."""
    found = sa.select(keeping_runs).order_by(keeping_runs.c.id.desc()).limit(most)
    return tuple(_run(row) for row in connection.execute(found))


def plan_run(connection: sa.Connection, due_utc_ms: int) -> None:
    """Plans the next one."""
    connection.execute(
        sa.insert(keeping_runs).values(
            state=RunState.PLANNED.value, due_utc_ms=due_utc_ms, counts_json="{}"
        )
    )


def change_run(connection: sa.Connection, run_id: int, values: Mapping[str, Any]) -> None:
    """Sets columns of a run."""
    connection.execute(sa.update(keeping_runs).where(keeping_runs.c.id == run_id).values(**values))


def add_to_run(connection: sa.Connection, run_id: int, kind: Kind, number: int) -> None:
    """Counts what went, in the transaction in which it goes."""
    stored = sa.select(keeping_runs.c.counts_json).where(keeping_runs.c.id == run_id)
    counts = json.loads(connection.scalar(stored) or "{}")
    counts[kind.value] = counts.get(kind.value, 0) + number
    change_run(connection, run_id, {"counts_json": json.dumps(counts)})


def records_from_utc_ms(connection: sa.Connection) -> int | None:
    """Returns from when on all records are there; None where none went."""
    return connection.scalar(sa.select(keeping_marks.c.records_from_utc_ms))


def note_gone(connection: sa.Connection, before_utc_ms: int) -> None:
    """Notes that records before a moment went."""
    known = records_from_utc_ms(connection)
    if known is not None and known >= before_utc_ms:
        return
    connection.execute(sa.delete(keeping_marks))
    connection.execute(
        sa.insert(keeping_marks).values(only_row=1, records_from_utc_ms=before_utc_ms)
    )


def _run(row: sa.Row[Any]) -> Run:
    return Run(
        id=row.id,
        state=RunState(row.state),
        due_utc_ms=row.due_utc_ms,
        began_utc_ms=row.began_utc_ms,
        ended_utc_ms=row.ended_utc_ms,
        counts=json.loads(row.counts_json),
    )
