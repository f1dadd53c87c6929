"""Who is told of alerts, and each single delivery to them."""

from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa

from doorward.reasons import Severity
from doorward_controller.domain.alert_life import Receiver
from doorward_controller.store.alert_tables import alert_deliveries, alert_receivers


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    """Given up: it was tried as often as it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReceiver:
    """A receiver with what is secret of it still sealed."""

    id: int
    name: str
    kind: str
    language: str
    sealed: bytes
    is_on: bool
    removed_at_utc_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDelivery:
    """A delivery whose time has come."""

    id: int
    alert_id: int | None
    receiver_id: int
    about: str
    attempts: int
    created_at_utc_ms: int


def add(connection: sa.Connection, **values: object) -> int:
    """Adds a receiver; returns its number."""
    statement = sa.insert(alert_receivers).values(**values).returning(alert_receivers.c.id)
    return int(connection.execute(statement).scalar_one())


def change(connection: sa.Connection, receiver_id: int, **values: object) -> None:
    """Sets columns of a receiver."""
    connection.execute(
        sa.update(alert_receivers).where(alert_receivers.c.id == receiver_id).values(**values)
    )


def find(connection: sa.Connection, receiver_id: int) -> StoredReceiver | None:
    """Returns a receiver, also one that was removed."""
    table = alert_receivers.c
    row = connection.execute(
        sa.select(*(table[name] for name in StoredReceiver.__dataclass_fields__)).where(
            table.id == receiver_id
        )
    ).one_or_none()
    if row is None:
        return None
    values = row._asdict()
    return StoredReceiver(
        **{**values, "sealed": bytes(values["sealed"]), "is_on": bool(values["is_on"])}
    )


def ladder(connection: sa.Connection) -> tuple[Receiver, ...]:
    """Returns every receiver that was not removed, as the rules of escalation see it."""
    table = alert_receivers.c
    rows = connection.execute(
        sa.select(table.id, table.least_severity, table.after_min, table.is_on, table.gets_discreet)
        .where(table.removed_at_utc_s.is_(None))
        .order_by(table.id)
    )
    return tuple(
        Receiver(
            id=row.id,
            least_severity=Severity(row.least_severity),
            after_min=row.after_min,
            is_on=bool(row.is_on),
            gets_discreet=bool(row.gets_discreet),
        )
        for row in rows
    )


def told_of(connection: sa.Connection, alert_id: int, since_ms: int = 0) -> tuple[int, ...]:
    """Returns who was to be told of an alert since a moment."""
    table = alert_deliveries.c
    rows = connection.execute(
        sa.select(table.receiver_id)
        .where(table.alert_id == alert_id, table.created_at_utc_ms >= since_ms)
        .distinct()
    )
    return tuple(row.receiver_id for row in rows)


def queue(
    connection: sa.Connection,
    *,
    receiver_id: int,
    alert_id: int | None,
    about: str,
    once_key: str,
    now_ms: int,
) -> int | None:
    """Adds a delivery; None when the same one was added before."""
    known = sa.select(alert_deliveries.c.id).where(alert_deliveries.c.once_key == once_key)
    if connection.execute(known).one_or_none() is not None:
        return None
    statement = sa.insert(alert_deliveries).values(
        alert_id=alert_id,
        receiver_id=receiver_id,
        about=about,
        once_key=once_key,
        state=DeliveryState.WAITING.value,
        attempts=0,
        created_at_utc_ms=now_ms,
        next_at_utc_ms=now_ms,
        answer="",
    )
    return int(connection.execute(statement.returning(alert_deliveries.c.id)).scalar_one())


def due(connection: sa.Connection, now_ms: int, limit: int = 500) -> tuple[DueDelivery, ...]:
    """Returns deliveries whose time has come, the longest waiting first."""
    table = alert_deliveries.c
    rows = connection.execute(
        sa.select(*(table[name] for name in DueDelivery.__dataclass_fields__))
        .where(table.state == DeliveryState.WAITING.value, table.next_at_utc_ms <= now_ms)
        .order_by(table.next_at_utc_ms, table.id)
        .limit(limit)
    )
    return tuple(DueDelivery(**row._asdict()) for row in rows)


def change_delivery(connection: sa.Connection, delivery_id: int, **values: object) -> None:
    """Sets columns of a delivery."""
    connection.execute(
        sa.update(alert_deliveries).where(alert_deliveries.c.id == delivery_id).values(**values)
    )


def claim(connection: sa.Connection, delivery: DueDelivery, until_ms: int) -> bool:
    """Takes a delivery for one attempt: whoever comes second, here or elsewhere, gets False."""
    table = alert_deliveries.c
    claimed = connection.execute(
        sa.update(alert_deliveries)
        .where(
            table.id == delivery.id,
            table.state == DeliveryState.WAITING.value,
            table.attempts == delivery.attempts,
        )
        .values(attempts=delivery.attempts + 1, next_at_utc_ms=until_ms)
    )
    return claimed.rowcount == 1
