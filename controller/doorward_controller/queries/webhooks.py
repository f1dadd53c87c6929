"""Webhooks as people see them: without what is secret, and what became of each delivery."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.queries.paging import Page, newest_first, page_of
from doorward_controller.store.integration_tables import (
    webhook_deliveries,
    webhook_events,
    webhooks,
)
from doorward_controller.store.receivers import DeliveryState
from doorward_controller.store.session import Store

_hook, _delivery = webhooks.c, webhook_deliveries.c


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookRow:
    """One webhook.

    Attributes:
        shown: its host.
        waiting: how many events wait for it.
        failing_since_utc_ms: since when it takes nothing; None while it does.
        off_because: who or what switched it off.
    """

    id: int
    name: str
    shown: str
    events: tuple[str, ...]
    is_on: bool
    off_because: str
    failing_since_utc_ms: int | None
    changed_by: str
    changed_at_utc_s: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDelivery:
    """An event on its way to a webhook."""

    id: int
    event_id: int
    type: str
    at_utc_ms: int
    state: str
    attempts: int
    next_at_utc_ms: int
    ended_at_utc_ms: int | None
    answer: str


_OWN = [name for name in WebhookRow.__dataclass_fields__ if name != "waiting"]
_OF_EVENT = {"type", "at_utc_ms"}


def webhooks_of(store: Store) -> tuple[WebhookRow, ...]:
    """Returns every webhook that was not removed."""
    waiting = (
        sa.select(sa.func.count())
        .where(_delivery.webhook_id == _hook.id, _delivery.state == DeliveryState.WAITING.value)
        .scalar_subquery()
    )
    wanted = (
        sa.select(*(_hook[name] for name in _OWN), waiting.label("waiting"))
        .where(_hook.removed_at_utc_s.is_(None))
        .order_by(_hook.name, _hook.id)
    )
    with store.read() as connection:
        return tuple(
            WebhookRow(**{**row._asdict(), "events": tuple(row.events.split())})
            for row in connection.execute(wanted)
        )


def webhook(store: Store, webhook_id: int) -> WebhookRow | None:
    """Returns one webhook."""
    return next((row for row in webhooks_of(store) if row.id == webhook_id), None)


def deliveries(
    store: Store, webhook_id: int, *, cursor: str | None = None, limit: int = 50
) -> Page[WebhookDelivery]:
    """Returns a page of a webhook's deliveries, newest first. Raises InvalidError."""
    names = WebhookDelivery.__dataclass_fields__
    columns = (webhook_events.c[n] if n in _OF_EVENT else _delivery[n] for n in names)
    statement = (
        sa.select(*columns)
        .join(webhook_events, webhook_events.c.id == _delivery.event_id)
        .where(_delivery.webhook_id == webhook_id)
    )
    wanted = newest_first(statement, (_delivery.id,), like=(0,), cursor=cursor, limit=limit)
    with store.read() as connection:
        rows = [WebhookDelivery(**row._asdict()) for row in connection.execute(wanted)]
    return page_of(rows, lambda row: (row.id,), limit)
