"""What is kept no longer: found, counted, and taken away some rows at a time.

Each function looks at its own kind; all leave what is held. Records of PostgreSQL's whole months
are `store/record_partitions.py`'s.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.records import Outcome
from doorward_controller.domain.keeping import Held, Kind, Span, free_spans
from doorward_controller.store import movements, record_partitions
from doorward_controller.store.alert_tables import alert_deliveries, alert_history, alerts
from doorward_controller.store.integration_tables import directory_people
from doorward_controller.store.record_partitions import FUTURE, PAST, Part
from doorward_controller.store.schema import (
    command_attachments,
    credentials,
    holders,
    quarantine,
    records,
)
from doorward_controller.store.sum_tables import presence_annulled

_ENDLESS = (PAST, FUTURE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """What may go.

    Attributes:
        cuts_utc_ms: before when, for each kind.
        held: what stays all the same.
    """

    cuts_utc_ms: dict[Kind, int]
    held: Held


def months(connection: sa.Connection, of: Outdated) -> tuple[Part, ...]:
    """Returns the months that can go as a whole, oldest first; only PostgreSQL has some.

    They go from the old end on: the part before them takes their place.
    """
    found: list[Part] = []
    for part in _outdated_parts(connection, of):
        if part.name in _ENDLESS:
            continue
        if _is_held(of.held, part):
            break
        found.append(part)
    return tuple(found)


def count(connection: sa.Connection, kind: Kind, of: Outdated) -> int:
    """Returns how much of a kind would go."""
    if of.held.is_everything:
        return 0
    if kind is Kind.RECORDS:
        whole = months(connection, of)
        in_months = [(part.from_utc_ms, part.to_utc_ms) for part in whole]
        spans = (*_record_spans(connection, of, without=whole), *in_months)
        return sum(_count(connection, records, _records_in(connection, span, of)) for span in spans)
    table, wanted = _WANTED[kind]
    return _count(connection, table, wanted(of))


def take(connection: sa.Connection, kind: Kind, of: Outdated, most: int) -> int:
    """Takes some of a kind away, of people nobody; returns how much. 0 when nothing is left."""
    if of.held.is_everything:
        return 0
    if kind is Kind.RECORDS:
        return _take_records(connection, of, most)
    if kind is Kind.ALERTS:
        return _take_alerts(connection, of, most)
    table, wanted = _WANTED[kind]
    key = _KEYS[kind]
    some = sa.select(key).where(*wanted(of)).limit(most)
    return connection.execute(sa.delete(table).where(key.in_(some))).rowcount


def people(connection: sa.Connection, of: Outdated, most: int) -> tuple[str, ...]:
    """Returns some of those whose names and numbers are to go."""
    if of.held.is_everything:
        return ()
    wanted = sa.select(holders.c.id).where(*_people(of)).order_by(holders.c.id).limit(most)
    return tuple(connection.scalars(wanted))


def records_until(connection: sa.Connection, of: Outdated) -> int:
    """Returns before when records go, now: on PostgreSQL a month goes when all of it is over."""
    cut = of.cuts_utc_ms[Kind.RECORDS]
    if connection.dialect.name != "postgresql":
        return cut
    ends = (min(cut, part.to_utc_ms or cut) for part in _outdated_parts(connection, of))
    return max(ends, default=0)


# --- records


def _outdated_parts(connection: sa.Connection, of: Outdated) -> list[Part]:
    """Returns the parts of which something goes: months that lie before the cut as a whole, and
    those without an end. None on SQLite.
    """
    if connection.dialect.name != "postgresql":
        return []
    cut = of.cuts_utc_ms[Kind.RECORDS]
    return [
        part
        for part in record_partitions.parts(connection)
        if (part.from_utc_ms or 0) < cut
        and (part.name in _ENDLESS or (part.to_utc_ms is not None and part.to_utc_ms <= cut))
    ]


def _is_held(held: Held, part: Part) -> bool:
    spans = (*held.spans, *(span for spans in held.people.values() for span in spans))
    return any(_touches(span, (part.from_utc_ms, part.to_utc_ms)) for span in spans)


def _touches(one: Span, other: Span) -> bool:
    return free_spans([one], other) != (other,)


def _record_spans(
    connection: sa.Connection, of: Outdated, without: Iterable[Part] = ()
) -> tuple[Span, ...]:
    """Returns from when until when records go row by row."""
    cut = of.cuts_utc_ms[Kind.RECORDS]
    if connection.dialect.name != "postgresql":
        return free_spans(of.held.spans, (None, cut))
    names = {part.name for part in without}
    return tuple(
        span
        for part in _outdated_parts(connection, of)
        if part.name not in names
        for span in free_spans(of.held.spans, (part.from_utc_ms, min(cut, part.to_utc_ms or cut)))
    )


def _records_in(
    connection: sa.Connection, span: Span, of: Outdated
) -> tuple[sa.ColumnElement[bool], ...]:
    at, badge = records.c.at_utc_ms, records.c.credential_id
    free: list[sa.ColumnElement[bool]] = [_within(at, span)]
    for person, spans in of.held.people.items():
        theirs = movements.badges_of(connection, [person])
        if theirs:
            held = sa.or_(*(_within(at, each) for each in spans))
            free.append(sa.or_(badge.is_(None), badge.not_in(theirs), sa.not_(held)))
    return tuple(free)


def _take_records(connection: sa.Connection, of: Outdated, most: int) -> int:
    table = records.c
    for span in _record_spans(connection, of):
        some = (
            sa.select(table.id)
            .where(*_records_in(connection, span, of))
            .order_by(table.at_utc_ms, table.id)
            .limit(most)
            .with_hint(records, "INDEXED BY ix_records_at", "sqlite")
        )
        # The span again: PostgreSQL looks into the parts of these times alone.
        gone = sa.delete(records).where(_within(table.at_utc_ms, span), table.id.in_(some))
        said = (table.gateway_id, table.epoch, table.seq, table.outcome)
        rows = connection.execute(gone.returning(*said)).all()
        if rows:
            grants = [row[:3] for row in rows if row.outcome == int(Outcome.GRANT)]
            _forget_annulled(connection, grants)
            return len(rows)
    return 0


def _forget_annulled(connection: sa.Connection, places: Sequence[tuple[int, int, int]]) -> None:
    if places:
        of = presence_annulled.c
        key = sa.tuple_(of.gateway_id, of.epoch, of.seq)
        connection.execute(sa.delete(presence_annulled).where(key.in_(places)))


# --- the other kinds


def _within(column: sa.ColumnElement[int], span: Span) -> sa.ColumnElement[bool]:
    low, high = span
    return sa.and_(
        sa.true() if low is None else column >= low, sa.true() if high is None else column < high
    )


def _of_time(
    column: sa.ColumnElement[int], kind: Kind
) -> Callable[[Outdated], tuple[sa.ColumnElement[bool], ...]]:
    def wanted(of: Outdated) -> tuple[sa.ColumnElement[bool], ...]:
        free = free_spans(of.held.spans, (None, of.cuts_utc_ms[kind]))
        return (sa.or_(sa.false(), *(_within(column, span) for span in free)),)

    return wanted


def _alerts(of: Outdated) -> tuple[sa.ColumnElement[bool], ...]:
    """Those that are over; one that stood within a held time stays."""
    opened, over = alerts.c.opened_at_utc_ms, alerts.c.resolved_at_utc_ms
    held = [
        sa.and_(
            sa.true() if low is None else over >= low, sa.true() if high is None else opened < high
        )
        for low, high in of.held.spans
    ]
    return (over.is_not(None), over < of.cuts_utc_ms[Kind.ALERTS], *(sa.not_(one) for one in held))


def _people(of: Outdated) -> tuple[sa.ColumnElement[bool], ...]:
    """Those whose last code has ended long ago, whom no directory keeps, and of whom no newer or
    held record tells.
    """
    cut_ms = of.cuts_utc_ms[Kind.PEOPLE]
    cut_s = cut_ms // 1000
    at = records.c.at_utc_ms
    told = sa.or_(at >= cut_ms, *(_within(at, span) for span in of.held.spans))
    mine = credentials.c.holder_id == holders.c.id
    return (
        holders.c.wrapped_key.is_not(None),
        holders.c.created_at_utc_s < cut_s,
        holders.c.id.not_in(sorted(of.held.people)),
        ~sa.exists().where(mine, credentials.c.expires >= cut_s),
        ~sa.exists().where(directory_people.c.holder_id == holders.c.id, directory_people.c.active),
        ~sa.exists().where(mine, records.c.credential_id == credentials.c.id, told),
    )


def _take_alerts(connection: sa.Connection, of: Outdated, most: int) -> int:
    gone = connection.scalars(sa.select(alerts.c.id).where(*_alerts(of)).limit(most)).all()
    for table in (alert_history, alert_deliveries):
        connection.execute(sa.delete(table).where(table.c.alert_id.in_(gone)))
    connection.execute(sa.delete(alerts).where(alerts.c.id.in_(gone)))
    return len(gone)


def _count(
    connection: sa.Connection, table: sa.Table, wanted: Iterable[sa.ColumnElement[bool]]
) -> int:
    statement = sa.select(sa.func.count()).select_from(table).where(*wanted)
    return int(connection.scalar(statement) or 0)


_WANTED = {
    Kind.PICTURES: (
        command_attachments,
        _of_time(command_attachments.c.received_at_utc_ms, Kind.PICTURES),
    ),
    Kind.QUARANTINE: (quarantine, _of_time(quarantine.c.at_utc_ms, Kind.QUARANTINE)),
    Kind.ALERTS: (alerts, _alerts),
    Kind.PEOPLE: (holders, _people),
}
_KEYS = {Kind.PICTURES: command_attachments.c.command_id, Kind.QUARANTINE: quarantine.c.id}
