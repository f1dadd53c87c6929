"""Who was let through where, as records tell, for whoever asks who is inside."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.events import Passage
from doorward.records import Outcome, Record, RecordKind
from doorward_controller.store.schema import SELDOM_REASON, credentials, portals, records

_AT_ONCE = 400


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


def let_through(connection: sa.Connection, since_utc_ms: int) -> Iterator[LetThrough]:
    """Yields the grants since, but those of which the gateway saw that nobody went through."""
    annulled = _annulled(connection, since_utc_ms)
    table = records.c
    by_hand = int(RecordKind.MANUAL)
    wanted = (
        sa.select(
            table.id, table.at_utc_ms, table.portal, table.credential_id,
            table.gateway_id, table.epoch, table.seq,
            sa.case((table.kind == by_hand, table.body)).label("body"),
        )
        .where(
            table.at_utc_ms >= since_utc_ms,
            table.outcome == int(Outcome.GRANT),
            table.kind.in_((int(RecordKind.SCAN), by_hand)),
        )
        .with_hint(records, "INDEXED BY ix_records_at", "sqlite")
    )  # fmt: skip
    for row in connection.execute(wanted, execution_options={"yield_per": 2000}):
        if (row.gateway_id, row.epoch, row.seq) not in annulled:
            yield LetThrough(
                record_id=row.id,
                at_utc_ms=row.at_utc_ms,
                portal=row.portal,
                credential_id=row.credential_id,
                body=row.body,
            )


def _annulled(connection: sa.Connection, since_utc_ms: int) -> set[tuple[int, int, int]]:
    """Returns which records tell of somebody who did not go through after all."""
    table = records.c
    wanted = (
        sa.select(table.gateway_id, table.epoch, table.body)
        .where(
            table.reason == Passage.NO_ENTRY.value, SELDOM_REASON, table.at_utc_ms >= since_utc_ms
        )
        .with_hint(records, "INDEXED BY ix_records_reason_at", "sqlite")
    )
    found: set[tuple[int, int, int]] = set()
    for row in connection.execute(wanted):
        about = Record.from_wire(row.body).about_seq
        if about is not None:
            found.add((row.gateway_id, row.epoch, about))
    return found


def holders_of(connection: sa.Connection, ids: Collection[bytes]) -> dict[bytes, str]:
    """Returns for whom credentials stand, for those that stand for somebody."""
    everything = sorted(ids)
    found: dict[bytes, str] = {}
    for first in range(0, len(everything), _AT_ONCE):
        statement = sa.select(credentials.c.id, credentials.c.holder_id).where(
            credentials.c.id.in_(everything[first : first + _AT_ONCE]),
            credentials.c.holder_id.is_not(None),
        )
        found |= {row.id: row.holder_id for row in connection.execute(statement)}
    return found


def zones(connection: sa.Connection) -> dict[str, str]:
    """Returns the zone of each portal."""
    rows = connection.execute(sa.select(portals.c.name, portals.c.zone))
    return {row.name: row.zone for row in rows}


def badges_of(connection: sa.Connection, holders: Collection[str]) -> tuple[bytes, ...]:
    """Returns every credential that was ever issued to these people, the newest first."""
    table = credentials.c
    wanted = sa.select(table.id).where(table.holder_id.in_(holders))
    return tuple(connection.execute(wanted.order_by(table.status_index.desc())).scalars())
