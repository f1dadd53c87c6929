"""Hands events to webhooks: one after the other, until each was taken.

A webhook's events are delivered in the order in which they were written, at least once, with the
same id at every attempt. While its receiver is away they wait; an event that the receiver calls
wrong is given up after some attempts, so that it does not hold back the others for ever. Whoever
takes nothing for days is switched off, with an alert, and keeps what waits.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.times import Instant
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.domain.delivery_formats import HookMessage, signed_webhook
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.domain.webhook_events import (
    GONE,
    OFF_AFTER_S,
    REFUSED_AT_MOST,
    is_refusal,
    pause_s,
)
from doorward_controller.errors import ControllerError
from doorward_controller.services import alerting, audit, web_sending
from doorward_controller.services.alerting import Raised
from doorward_controller.services.backend import Backend
from doorward_controller.services.web_sending import ATTEMPT_S, SendError
from doorward_controller.services.webhooks import route_of
from doorward_controller.store import webhooks
from doorward_controller.store.receivers import DeliveryState
from doorward_controller.store.webhooks import Head, StoredEvent, StoredWebhook

MAX_RUN = 200
"""Events in one go; then the look-out has its turn again."""

CLAIM_MS = 60_000
"""An attempt whose process dies is made again after this."""

MAX_WAITING = 100_000
KEEP_S = 30 * 86_400
"""For so long an event can be sent again."""

_PRUNED_AT_ONCE = 5_000
_MAX_SHOWN = 300
_CLOCKWORK = Actor(name="time", role=Role.SECURITY)
_RULE = "site.webhook_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """How an attempt went; without a status nothing answered."""

    text: str
    status: int | None = None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def drain(
    backend: Backend,
    first: Head,
    within_s: float = ATTEMPT_S,
    is_over: Callable[[], bool] = lambda: False,
) -> int:
    """Delivers what waits for one webhook until nothing is left or one fails; returns how many."""
    taken, at_hand = 0, first
    while not is_over() and taken < MAX_RUN and attempt(backend, at_hand, within_s):
        taken += 1
        now_ms = backend.clock.now().utc_ms
        with backend.store.read() as connection:
            following = webhooks.head(connection, first.webhook_id, now_ms)
        if following is None:
            break
        at_hand = following
    return taken


def attempt(backend: Backend, place: Head, within_s: float = ATTEMPT_S) -> bool:
    """Makes one attempt and writes down how it went; False also when another one makes it."""
    now = backend.clock.now()
    with backend.store.write() as connection:
        held = webhooks.find(connection, place.webhook_id)
        if held is None or not held.is_on:
            return False
        if not webhooks.claim(connection, place, now.utc_ms + CLAIM_MS):
            return False
        event = webhooks.event(connection, place.event_id)
    said = _post(backend, held, event, now, within_s)
    if said.is_taken:
        _taken(backend, held, place, said)
        return True
    _failed(backend, held, place, said)
    return False


def prune(backend: Backend) -> int:
    """Forgets what is old, and switches off whatever lets too much wait; returns how many."""
    now = backend.clock.now()
    with backend.store.write() as connection:
        gone = webhooks.forget_before(connection, now.utc_ms - KEEP_S * 1000, _PRUNED_AT_ONCE)
        for webhook_id, _ in webhooks.listening(connection):
            waiting = webhooks.waiting(connection, webhook_id)
            held = webhooks.find(connection, webhook_id, lock=True)
            if waiting > MAX_WAITING and held is not None:
                _switch_off(connection, held, f"{waiting} events wait", now)
    return gone


def _post(
    backend: Backend, held: StoredWebhook, event: StoredEvent, now: Instant, within_s: float
) -> _Said:
    site, settings = backend.config.site, backend.config.webhooks
    message = HookMessage(
        id=f"event-{site}-{event.id}",
        type=event.type,
        at_utc_ms=event.at_utc_ms,
        data={"site": site, **json.loads(event.data_json)},
    )
    try:
        route = route_of(backend, held)
        request = signed_webhook(route.url, route.secrets_at(now.utc_s), message, now.utc_s)
        answer = web_sending.post(
            request,
            allow_insecure=settings.allow_insecure,
            allow_private=settings.allow_private_addresses,
            within_s=within_s,
        )
    except (SendError, ControllerError, ValueError) as err:
        return _Said(text=str(err))
    if 200 <= answer.status < 300:
        return _Said(text=f"answered {answer.status}", status=answer.status)
    return _Said(text=f"answered {answer.status}: {answer.text[:200]}", status=answer.status)


def _taken(backend: Backend, held: StoredWebhook, place: Head, said: _Said) -> None:
    with backend.store.write() as connection:
        _end(connection, place, DeliveryState.DELIVERED, said, backend.clock.now())
        if held.failing_since_utc_ms is not None:
            webhooks.change(connection, held.id, failing_since_utc_ms=None)


def _failed(backend: Backend, held: StoredWebhook, place: Head, said: _Said) -> None:
    now, attempts = backend.clock.now(), place.attempts + 1
    with backend.store.write() as connection:
        if is_refusal(said.status) and attempts >= REFUSED_AT_MOST:
            _end(connection, place, DeliveryState.FAILED, said, now)
        else:
            webhooks.change_delivery(
                connection,
                place.id,
                answer=said.text[:_MAX_SHOWN],
                next_at_utc_ms=now.utc_ms + pause_s(attempts) * 1000,
            )
        since_ms = held.failing_since_utc_ms or now.utc_ms
        webhooks.change(connection, held.id, failing_since_utc_ms=since_ms)
        is_too_long = now.utc_ms - since_ms >= OFF_AFTER_S * 1000
        if is_too_long or said.status == GONE:
            _switch_off(connection, held, said.text, now)
    if is_too_long or said.status == GONE:
        alerting.announce(backend)


def _switch_off(connection: sa.Connection, held: StoredWebhook, why: str, now: Instant) -> None:
    webhooks.change(connection, held.id, is_on=False, off_because=why[:_MAX_SHOWN])
    audit.append(
        connection, now.utc_ms, _CLOCKWORK, "webhook_off",
        subject=str(held.id), detail={"why": why[:100]},
    )  # fmt: skip
    rule = next((each for each in alerting.rules(connection) if each.code == _RULE), None)
    if rule is None or not rule.is_on:
        return
    fact = Fact(kind=rule.kind, what=rule.what, place=held.name, title=rule.title)
    raised = Raised(
        rule=rule, subject=f"webhook-{held.id}", gateway="", severity=rule.severity, fact=fact
    )
    alerting.raise_alert(connection, raised, now)


def _end(
    connection: sa.Connection, place: Head, state: DeliveryState, said: _Said, now: Instant
) -> None:
    webhooks.change_delivery(
        connection,
        place.id,
        state=state.value,
        answer=said.text[:_MAX_SHOWN],
        ended_at_utc_ms=now.utc_ms,
    )
