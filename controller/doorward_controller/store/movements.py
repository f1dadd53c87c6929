"""Who was let through where, as records tell, for whoever asks who is inside."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.records import Outcome, RecordKind
from doorward_controller.store.presence import parts
from doorward_controller.store.presence_notes import Changes
from doorward_controller.store.schema import SELDOM_KIND, credentials, portals, records
from doorward_controller.store.sum_tables import presence_annulled


@dataclass(frozen=True, slots=True, kw_only=True)
class LetThrough:
    """One grant that was not annulled.

    Attributes:
        body: the record, where a guard wrote it; what he wrote is personal.
    """

    record_id: int
    at_utc_ms: int
    portal: str
    credential_id: bytes | None
    body: bytes | None


def everybody(connection: sa.Connection, since_utc_ms: int) -> Changes:
    """Returns all who were let through since, annulled or not."""
    table = records.c
    wanted = (
        sa.select(table.gateway_id, table.epoch, table.seq, table.credential_id, table.kind)
        .where(
            table.at_utc_ms >= since_utc_ms,
            table.outcome == int(Outcome.GRANT),
            table.kind.in_((_SCAN, _BY_HAND)),
        )
        .with_hint(records, "INDEXED BY ix_records_at", "sqlite")
    )
    found = Changes(set(), set())
    for row in connection.execute(wanted, execution_options={"yield_per": 2000}):
        if row.credential_id is not None:
            found.badges.add(bytes(row.credential_id))
        elif row.kind == _BY_HAND:
            found.is_by_hand = True
        else:
            found.places.add((row.gateway_id, row.epoch, row.seq))
    return found


def let_through_with(
    connection: sa.Connection, since_utc_ms: int, badges: Collection[bytes]
) -> Iterator[LetThrough]:
    """Yields the same of these badges alone."""
    index = "INDEXED BY ix_records_credential_at"
    for some in parts(sorted(badges)):
        mine = _grants(since_utc_ms).where(records.c.credential_id.in_(some))
        yield from _read(connection, mine.with_hint(records, index, "sqlite"))


def let_through_by_hand(connection: sa.Connection, since_utc_ms: int) -> Iterator[LetThrough]:
    """Yields the same of those alone whom a guard let through without a badge."""
    mine = _grants(since_utc_ms).where(
        SELDOM_KIND, records.c.kind == _BY_HAND, records.c.credential_id.is_(None)
    )
    yield from _read(
        connection, mine.with_hint(records, "INDEXED BY ix_records_seldom_at", "sqlite")
    )


def let_through_without(
    connection: sa.Connection, since_utc_ms: int, record_ids: Collection[int]
) -> Iterator[LetThrough]:
    """Yields the same of these records alone, those that name no badge."""
    for some in parts(sorted(record_ids)):
        mine = _grants(since_utc_ms).where(records.c.id.in_(some))
        yield from _read(connection, mine.where(records.c.credential_id.is_(None)))


_SCAN, _BY_HAND = int(RecordKind.SCAN), int(RecordKind.MANUAL)


def _grants(since_utc_ms: int) -> sa.Select[Any]:
    table = records.c
    is_annulled = sa.exists().where(
        *(table[name] == presence_annulled.c[name] for name in ("gateway_id", "epoch", "seq"))
    )
    return sa.select(
        table.id.label("record_id"), table.at_utc_ms, table.portal, table.credential_id,
        sa.case((table.kind == _BY_HAND, table.body)).label("body"),
    ).where(
        table.at_utc_ms >= since_utc_ms,
        table.outcome == int(Outcome.GRANT),
        table.kind.in_((_SCAN, _BY_HAND)),
        ~is_annulled,
    )  # fmt: skip


def _read(connection: sa.Connection, wanted: sa.Select[Any]) -> Iterator[LetThrough]:
    for row in connection.execute(wanted, execution_options={"yield_per": 2000}):
        yield LetThrough(
            record_id=row.record_id,
            at_utc_ms=row.at_utc_ms,
            portal=row.portal,
            credential_id=row.credential_id,
            body=row.body,
        )


def holders_of(connection: sa.Connection, ids: Collection[bytes]) -> dict[bytes, str]:
    """Returns for whom credentials stand, for those that stand for somebody."""
    found: dict[bytes, str] = {}
    for some in parts(sorted(ids)):
        statement = sa.select(credentials.c.id, credentials.c.holder_id).where(
            credentials.c.id.in_(some),
            credentials.c.holder_id.is_not(None),
        )
        found |= {row.id: row.holder_id for row in connection.execute(statement)}
    return found


def zones(connection: sa.Connection) -> dict[str, str]:
    """Returns the zone of each portal."""
    rows = connection.execute(sa.select(portals.c.name, portals.c.zone))
    return {row.name: row.zone for row in rows}


def seen_people(
    connection: sa.Connection, holders: Collection[str], zones: frozenset[str]
) -> frozenset[str]:
    """Returns those of these people of whom there is a record at a portal of these zones."""
    wanted = sa.select(credentials.c.holder_id).where(
        credentials.c.holder_id.in_(holders), _was_seen(credentials.c.id, zones)
    )
    return frozenset(connection.scalars(wanted.distinct()))


def seen_badges(
    connection: sa.Connection, badges: Collection[bytes], zones: frozenset[str]
) -> frozenset[bytes]:
    """Returns those of these credentials of which there is such a record."""
    wanted = sa.select(credentials.c.id).where(
        credentials.c.id.in_(badges), _was_seen(credentials.c.id, zones)
    )
    return frozenset(connection.scalars(wanted))


def _was_seen(credential: sa.ColumnElement[bytes], zones: frozenset[str]) -> sa.ColumnElement[bool]:
    at = sa.select(portals.c.name).where(portals.c.zone.in_(sorted(zones)))
    one = sa.select(sa.literal(1)).select_from(records)
    return one.where(records.c.credential_id == credential, records.c.portal.in_(at)).exists()


def badges_of(connection: sa.Connection, holders: Collection[str]) -> tuple[bytes, ...]:
    """Returns every credential that was ever issued to these people, the newest first."""
    table = credentials.c
    wanted = sa.select(table.id).where(table.holder_id.in_(holders))
    return tuple(connection.execute(wanted.order_by(table.status_index.desc())).scalars())
