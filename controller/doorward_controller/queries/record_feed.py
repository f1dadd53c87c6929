"""Records as people read them: newest first, filtered, paged; and counts of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.records import Outcome, Record, RecordKind
from doorward_controller.domain.cursors import check_limit, numbers_of, to_cursor
from doorward_controller.domain.permissions import Zones
from doorward_controller.queries.paging import Page
from doorward_controller.queries.record_filter import (
    KINDS,
    OUTCOMES,
    Found,
    RecordFilter,
    conditions,
    find,
    gateway_number,
    searching,
)
from doorward_controller.store import places
from doorward_controller.store.schema import gateways, records
from doorward_controller.store.session import Store

__all__ = ["RecordFilter", "RecordRow"]

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRow:
    """One record with everything that it says."""

    id: int
    gateway: str
    epoch: str
    seq: int
    kind: str
    at_utc_ms: int
    received_at_utc_ms: int
    portal: str
    outcome: str | None
    reason: str
    credential_id: str | None
    form: str
    credential_class: int | None
    rule: str
    basis: str
    policy_version: int | None
    policy_age_s: int | None
    status_seq: int | None
    late: bool
    online: bool
    clock_trust: int
    reader: str
    detail: str
    about_seq: int | None
    actor: str
    cause: str
    happened_at_utc_ms: int | None
    chain: str


def page(
    store: Store, wanted: RecordFilter, *, cursor: str | None = None, limit: int = 50
) -> Page[RecordRow]:
    """Returns records, newest first. Raises InvalidError for a filter or cursor that is none."""
    size = check_limit(limit)
    behind = None
    if cursor is not None:
        at, id_ = numbers_of(cursor, 2)
        behind = sa.tuple_(records.c.at_utc_ms, records.c.id) < sa.tuple_(
            sa.literal(at), sa.literal(id_)
        )
    with searching(store) as connection:
        found = find(connection, wanted, size + 1, behind)
        items = _load(connection, found[:size])
    more = to_cursor(found[size - 1].at_utc_ms, found[size - 1].id) if len(found) > size else None
    return Page(items=items, next_cursor=more)


def _load(connection: sa.Connection, found: Found) -> tuple[RecordRow, ...]:
    """Returns records in the order in which they were found; what a page shows and no more."""
    if not found:
        return ()
    by_id = {row.id: row_of(row._asdict()) for row in connection.execute(these(found))}
    return tuple(by_id[row.id] for row in found)


def newest_id(store: Store) -> int:
    """Returns the number of the record that was stored last, 0 when there is none."""
    with store.read() as connection:
        return int(connection.scalar(sa.select(sa.func.max(records.c.id))) or 0)


def stored_after(
    store: Store, wanted: RecordFilter, record_id: int, *, limit: int = 50
) -> tuple[RecordRow, ...]:
    """Returns what was stored after a record, the last stored first. Raises InvalidError."""
    size = check_limit(limit)
    whose = wanted.credentials
    mine = () if whose is None else (records.c.credential_id.in_(whose),)
    with store.read() as connection:
        asked = conditions(wanted, gateway_number(connection, wanted))
        statement = selected().where(records.c.id > record_id, *mine, *asked)
        ordered = statement.order_by(records.c.id.desc()).limit(size)
        return tuple(row_of(row._asdict()) for row in connection.execute(ordered))


def last_at_utc_ms(store: Store, gateway: str) -> int | None:
    """Returns when a gateway made the newest of its records that are here, None without any."""
    newest = (
        sa.select(records.c.at_utc_ms)
        .join(gateways, gateways.c.id == records.c.gateway_id)
        .where(gateways.c.name == gateway)
        .order_by(records.c.at_utc_ms.desc(), records.c.id.desc())
        .limit(1)
    )
    with store.read() as connection:
        found = connection.scalar(newest)
    return None if found is None else int(found)


def record(store: Store, record_id: int, zones: Zones = None) -> RecordRow | None:
    """Returns one record, where it is of a portal in the zones."""
    with store.read() as connection:
        wanted = selected().where(records.c.id == record_id)
        if zones is not None:
            wanted = wanted.where(records.c.portal.in_(places.portal_names(connection, zones)))
        row = connection.execute(wanted).one_or_none()
    return None if row is None else row_of(row._asdict())


def per_minute(
    store: Store, from_utc_ms: int, zones: Zones = None
) -> tuple[tuple[int, int, int], ...]:
    """Returns (start of the minute, granted, denied) for each minute with scans, ascending."""
    minute = records.c.at_utc_ms - records.c.at_utc_ms % MINUTE_MS
    statement = (
        sa.select(minute.label("minute"), _tally(Outcome.GRANT), _tally(Outcome.DENY))
        .where(records.c.at_utc_ms >= from_utc_ms, records.c.kind == int(RecordKind.SCAN))
        .group_by("minute")
        .order_by("minute")
    )
    with store.read() as connection:
        if zones is not None:
            names = places.portal_names(connection, zones)
            statement = statement.where(records.c.portal.in_(names))
        return tuple((int(a), int(b), int(c)) for a, b, c in connection.execute(statement))


def _tally(outcome: Outcome) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((records.c.outcome == int(outcome), 1), else_=0))


def selected() -> sa.Select[Any]:
    """Returns the statement that `row_of` reads the rows of."""
    return sa.select(records, gateways.c.name.label("gateway")).join(
        gateways, gateways.c.id == records.c.gateway_id
    )


def these(found: Found) -> sa.Select[Any]:
    """Returns the same for the records that a search found: at least one, newest first."""
    table = records.c
    wanted = selected().where(table.id.in_([row.id for row in found]))
    # On PostgreSQL records lie in months: these alone are looked into.
    return wanted.where(table.at_utc_ms.between(found[-1].at_utc_ms, found[0].at_utc_ms))


def row_of(values: Mapping[str, Any]) -> RecordRow:
    """Returns one record as lists show it."""
    said = Record.from_wire(values["body"])
    return RecordRow(
        id=values["id"],
        gateway=values["gateway"],
        epoch=f"{values['epoch']:012x}",
        seq=values["seq"],
        kind=KINDS.get(said.kind, str(said.kind)),
        at_utc_ms=said.utc_ms,
        received_at_utc_ms=values["received_at_utc_ms"],
        portal=said.portal,
        outcome=None if said.outcome is None else OUTCOMES.get(said.outcome),
        reason=said.reason,
        credential_id=said.credential_id.hex() if said.credential_id else None,
        form=said.form,
        credential_class=said.credential_class,
        rule=said.rule,
        basis=said.basis,
        policy_version=said.policy_version,
        policy_age_s=said.policy_age_s,
        status_seq=said.status_seq,
        late=said.late,
        online=said.online,
        clock_trust=said.clock_trust,
        reader=said.reader,
        detail=said.detail,
        about_seq=said.about_seq,
        actor=said.actor,
        cause=said.cause,
        happened_at_utc_ms=said.happened_utc_ms,
        chain=values["chain"].hex(),
    )
