"""Webhooks, the events of which they tell, and each single delivery."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.integration_tables import (
    webhook_deliveries,
    webhook_events,
    webhooks,
)
from doorward_controller.store.prepared import Prepared
from doorward_controller.store.receivers import DeliveryState

_hook, _event, _delivery = webhooks.c, webhook_events.c, webhook_deliveries.c
_LISTENING = Prepared(
    sa.select(_hook.id, _hook.events)
    .where(_hook.is_on.is_(True), _hook.removed_at_utc_s.is_(None))
    .order_by(_hook.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWebhook:
    """A webhook with its address and secrets still sealed."""

    id: int
    name: str
    events: tuple[str, ...]
    sealed: bytes
    is_on: bool
    failing_since_utc_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The next delivery of a webhook: no other one is made before it."""

    id: int
    webhook_id: int
    event_id: int
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """Something that happened."""

    id: int
    type: str
    at_utc_ms: int
    data_json: str


def add(connection: sa.Connection, **values: object) -> int:
    """Adds a webhook; returns its number."""
    statement = sa.insert(webhooks).values(**values).returning(_hook.id)
    return int(connection.execute(statement).scalar_one())


def change(connection: sa.Connection, webhook_id: int, **values: object) -> None:
    """Sets columns of a webhook."""
    connection.execute(sa.update(webhooks).where(_hook.id == webhook_id).values(**values))


def find(connection: sa.Connection, webhook_id: int, *, lock: bool = False) -> StoredWebhook | None:
    """Returns a webhook that was not removed."""
    wanted = sa.select(*(_hook[name] for name in StoredWebhook.__dataclass_fields__)).where(
        _hook.id == webhook_id, _hook.removed_at_utc_s.is_(None)
    )
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    if row is None:
        return None
    return StoredWebhook(**{**row._asdict(), "events": tuple(row.events.split())})


def count(connection: sa.Connection) -> int:
    """Returns how many webhooks there are."""
    wanted = sa.select(sa.func.count()).where(_hook.removed_at_utc_s.is_(None))
    return int(connection.execute(wanted).scalar_one())


def listening(connection: sa.Connection) -> tuple[tuple[int, frozenset[str]], ...]:
    """Returns every webhook that is on, with the types of events that it wants."""
    return tuple(
        (id_, frozenset(events.split())) for id_, events in _LISTENING.rows(connection, {})
    )


def add_event(
    connection: sa.Connection,
    *,
    type_: str,
    at_ms: int,
    data: Mapping[str, object],
    to: Sequence[int],
) -> tuple[int, ...]:
    """Adds an event and its deliveries; returns the deliveries' numbers."""
    made = sa.insert(webhook_events).values(
        type=type_, at_utc_ms=at_ms, data_json=json.dumps(data, sort_keys=True)
    )
    event_id = connection.execute(made.returning(_event.id)).scalar_one()
    return tuple(add_delivery(connection, each, int(event_id), at_ms) for each in to)


def add_delivery(connection: sa.Connection, webhook_id: int, event_id: int, now_ms: int) -> int:
    """Adds a delivery that is due now; returns its number."""
    statement = sa.insert(webhook_deliveries).values(
        webhook_id=webhook_id,
        event_id=event_id,
        state=DeliveryState.WAITING.value,
        attempts=0,
        next_at_utc_ms=now_ms,
        answer="",
    )
    return int(connection.execute(statement.returning(_delivery.id)).scalar_one())


def heads(connection: sa.Connection, now_ms: int) -> tuple[Head, ...]:
    """Returns the first waiting delivery of each webhook that is on, where its time has come."""
    found = (head(connection, id_, now_ms) for id_, _ in listening(connection))
    return tuple(each for each in found if each is not None)


def head(connection: sa.Connection, webhook_id: int, now_ms: int) -> Head | None:
    """Returns a webhook's first waiting delivery, None when there is none or its time is not yet.

    A delivery that waits for its next attempt holds back those behind it: order is kept.
    """
    row = connection.execute(
        sa.select(*(_delivery[n] for n in Head.__dataclass_fields__), _delivery.next_at_utc_ms)
        .where(_delivery.webhook_id == webhook_id, _delivery.state == DeliveryState.WAITING.value)
        .order_by(_delivery.id)
        .limit(1)
    ).one_or_none()
    if row is None or row.next_at_utc_ms > now_ms:
        return None
    return Head(id=row.id, webhook_id=webhook_id, event_id=row.event_id, attempts=row.attempts)


def claim(connection: sa.Connection, place: Head, until_ms: int) -> bool:
    """Takes a delivery for one attempt: whoever comes second, here or elsewhere, gets False."""
    claimed = connection.execute(
        sa.update(webhook_deliveries)
        .where(
            _delivery.id == place.id,
            _delivery.state == DeliveryState.WAITING.value,
            _delivery.attempts == place.attempts,
        )
        .values(attempts=place.attempts + 1, next_at_utc_ms=until_ms)
    )
    return claimed.rowcount == 1


def event(connection: sa.Connection, event_id: int) -> StoredEvent:
    """Returns an event."""
    row = connection.execute(
        sa.select(*(_event[name] for name in StoredEvent.__dataclass_fields__)).where(
            _event.id == event_id
        )
    ).one()
    return StoredEvent(**row._asdict())


def change_delivery(connection: sa.Connection, delivery_id: int, **values: object) -> None:
    """Sets columns of a delivery."""
    connection.execute(
        sa.update(webhook_deliveries).where(_delivery.id == delivery_id).values(**values)
    )


def event_of(connection: sa.Connection, webhook_id: int, delivery_id: int) -> int | None:
    """Returns which event a delivery of this webhook is about, None for none of its own."""
    wanted = sa.select(_delivery.event_id).where(
        _delivery.id == delivery_id, _delivery.webhook_id == webhook_id
    )
    return connection.execute(wanted).scalar_one_or_none()


def failed(connection: sa.Connection, webhook_id: int, limit: int) -> tuple[int, ...]:
    """Returns the events that were given up and were not sent since, the oldest first."""
    later = webhook_deliveries.alias()
    again = sa.exists().where(
        later.c.event_id == _delivery.event_id,
        later.c.webhook_id == webhook_id,
        later.c.id > _delivery.id,
    )
    rows = connection.execute(
        sa.select(_delivery.event_id)
        .where(
            _delivery.webhook_id == webhook_id,
            _delivery.state == DeliveryState.FAILED.value,
            ~again,
        )
        .order_by(_delivery.id)
        .limit(limit)
    )
    return tuple(rows.scalars())


def waiting(connection: sa.Connection, webhook_id: int) -> int:
    """Returns how many deliveries of a webhook wait."""
    wanted = sa.select(sa.func.count()).where(
        _delivery.webhook_id == webhook_id, _delivery.state == DeliveryState.WAITING.value
    )
    return int(connection.execute(wanted).scalar_one())


def end_waiting(connection: sa.Connection, webhook_id: int, why: str, now_ms: int) -> None:
    """Gives up everything that waits for a webhook."""
    connection.execute(
        sa.update(webhook_deliveries)
        .where(_delivery.webhook_id == webhook_id, _delivery.state == DeliveryState.WAITING.value)
        .values(state=DeliveryState.FAILED.value, answer=why, ended_at_utc_ms=now_ms)
    )


def forget_before(connection: sa.Connection, before_ms: int, limit: int) -> int:
    """Deletes old events with their deliveries, up to so many; returns how many events."""
    old = tuple(
        connection.execute(
            sa.select(_event.id)
            .where(_event.at_utc_ms < before_ms)
            .order_by(_event.id)
            .limit(limit)
        ).scalars()
    )
    for start in range(0, len(old), 500):
        piece = old[start : start + 500]
        connection.execute(sa.delete(webhook_deliveries).where(_delivery.event_id.in_(piece)))
        connection.execute(sa.delete(webhook_events).where(_event.id.in_(piece)))
    return len(old)
