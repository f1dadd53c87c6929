"""Rows of backups, of rehearsals, and of the key's having been shared out."""

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from doorward_controller.store.backup_tables import (
    backup_rehearsals,
    backup_runs,
    key_shares,
    log_shipments,
)

_run, _try, _share, _log = backup_runs.c, backup_rehearsals.c, key_shares.c, log_shipments.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One backup to one place; `began_at_utc_s` is the moment that it holds."""

    place: str
    began_at_utc_s: int
    ended_at_utc_s: int
    is_good: bool
    snapshot: str = ""
    size_bytes: int = 0
    added_bytes: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One restore that was tried, and what was compared."""

    place: str
    snapshot: str
    copied_at_utc_s: int
    began_at_utc_s: int
    ended_at_utc_s: int
    held: bool
    tables: int = 0
    rows: int = 0
    records_compared: int = 0
    records_of: int = 0
    audit_entries: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """The key was shared out: any `threshold` of `shares` sheets make it again."""

    made_at_utc_s: int
    made_by: str
    set_number: int
    threshold: int
    shares: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogShipment:
    """How far the database's log is at a place.

    Attributes:
        covers_utc_s: a restore from there can go up to this moment of the database's clock.
        base_at_utc_s: of when the copy is that such a restore begins with; 0 for none.
        problem: why the last try brought nothing; empty when it did.
    """

    place: str
    tried_at_utc_s: int
    covers_utc_s: int
    base_at_utc_s: int
    problem: str = ""


def add_run(connection: sa.Connection, run: Run) -> None:
    """Notes a backup."""
    connection.execute(sa.insert(backup_runs).values(**asdict(run)))


def add_rehearsal(connection: sa.Connection, rehearsal: Rehearsal) -> None:
    """Notes a rehearsal."""
    connection.execute(sa.insert(backup_rehearsals).values(**asdict(rehearsal)))


def add_sharing(connection: sa.Connection, sharing: Sharing) -> None:
    """Notes that the key was shared out."""
    connection.execute(sa.insert(key_shares).values(**asdict(sharing)))


def last_good(connection: sa.Connection) -> dict[str, int]:
    """Returns, by place, the moment that its newest good backup holds."""
    found = sa.select(_run.place, sa.func.max(_run.began_at_utc_s)).where(_run.is_good.is_(True))
    return {place: int(at) for place, at in connection.execute(found.group_by(_run.place))}


def runs(connection: sa.Connection, *, limit: int) -> list[Run]:
    """Returns the newest backups, the newest first."""
    wanted = sa.select(*(_run[name] for name in Run.__dataclass_fields__))
    found = connection.execute(wanted.order_by(_run.id.desc()).limit(limit))
    return [Run(**row._asdict()) for row in found]


def rehearsals(connection: sa.Connection, *, limit: int) -> list[Rehearsal]:
    """Returns the newest rehearsals, the newest first."""
    wanted = sa.select(*(_try[name] for name in Rehearsal.__dataclass_fields__))
    found = connection.execute(wanted.order_by(_try.id.desc()).limit(limit))
    return [Rehearsal(**row._asdict()) for row in found]


def last_rehearsals(connection: sa.Connection) -> dict[str, Rehearsal]:
    """Returns the newest rehearsal of each place."""
    newest = sa.select(sa.func.max(_try.id)).group_by(_try.place)
    found = connection.execute(
        sa.select(*(_try[name] for name in Rehearsal.__dataclass_fields__)).where(
            _try.id.in_(newest)
        )
    )
    return {row.place: Rehearsal(**row._asdict()) for row in found}


def last_sharing(connection: sa.Connection) -> Sharing | None:
    """Returns how the key was shared out last."""
    wanted = sa.select(*(_share[name] for name in Sharing.__dataclass_fields__))
    row = connection.execute(wanted.order_by(_share.id.desc()).limit(1)).one_or_none()
    return None if row is None else Sharing(**row._asdict())


def put_shipment(connection: sa.Connection, shipment: LogShipment) -> None:
    """Writes down how far the log is at a place."""
    values = asdict(shipment)
    changed = sa.update(log_shipments).where(_log.place == shipment.place).values(**values)
    if connection.execute(changed).rowcount == 0:
        connection.execute(sa.insert(log_shipments).values(**values))


def shipments(connection: sa.Connection) -> dict[str, LogShipment]:
    """Returns how far the log is, by place."""
    rows = connection.execute(sa.select(log_shipments))
    return {row.place: LogShipment(**row._asdict()) for row in rows}
