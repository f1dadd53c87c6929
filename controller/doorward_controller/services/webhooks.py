"""Which other systems are told of what: webhooks added, changed, tried, given new secrets."""

import base64
import json
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from doorward_controller.domain.delivery_formats import SECRET_PREFIX
from doorward_controller.domain.permissions import Action, Actor, allows
from doorward_controller.domain.webhook_events import CHOICES, EventType, needed_for
from doorward_controller.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_vault import seal, unseal
from doorward_controller.services.web_sending import SendError, check_url
from doorward_controller.store import webhooks
from doorward_controller.store.webhooks import StoredWebhook

MAX_WEBHOOKS = 50
MAX_RESENT = 1_000
OLD_SECRET_S = 24 * 3600
"""After a change of secret both sign for so long, so that no receiver misses an event."""

_SECRET_BYTES = 32
_CONTEXT = b"doorward/1/webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """A webhook as people describe it.

    Attributes:
        url: where it is told; at a change an empty one leaves it as it is.
    """

    name: str
    url: str = field(repr=False)
    events: tuple[EventType, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a webhook is told, and with what its messages are signed."""

    url: str
    secret: str = field(repr=False)
    old_secret: str = field(default="", repr=False)
    old_until_utc_s: int = 0

    def secrets_at(self, now_utc_s: int) -> tuple[str, ...]:
        """Returns the secrets that sign now, the newest first."""
        is_old_valid = self.old_secret and now_utc_s < self.old_until_utc_s
        return (self.secret, self.old_secret) if is_old_valid else (self.secret,)


def add_webhook(backend: Backend, actor: Actor, settings: WebhookSettings) -> tuple[int, str]:
    """Adds a webhook; returns its number, and its secret, which is shown this once.

    Raises ForbiddenError, InvalidError or ConflictError.
    """
    route = Route(url=settings.url.strip(), secret=_draw())
    with _doing(backend, actor, "add_webhook", "") as doing:
        if webhooks.count(doing.connection) >= MAX_WEBHOOKS:
            raise ConflictError(f"there are {MAX_WEBHOOKS} webhooks already", code="webhooks_full")
        number = webhooks.add(
            doing.connection,
            is_on=True,
            off_because="",
            failing_since_utc_ms=None,
            **_values(backend, doing, actor, settings, route),
        )
        doing.subject = str(number)
        doing.detail["events"] = " ".join(settings.events)
    return number, route.secret


def change_webhook(
    backend: Backend, actor: Actor, webhook_id: int, settings: WebhookSettings
) -> None:
    """Changes name, address and events. Raises as `add_webhook`, or NotFoundError."""
    with _doing(backend, actor, "change_webhook", str(webhook_id)) as doing:
        held = _held(doing, webhook_id)
        before = route_of(backend, held)
        route = Route(
            url=settings.url.strip() or before.url,
            secret=before.secret,
            old_secret=before.old_secret,
            old_until_utc_s=before.old_until_utc_s,
        )
        if before.url != route.url:
            # What waits goes there too: nobody leads away what they may not see.
            _check_rights(actor, [EventType(name) for name in held.events])
        webhooks.change(
            doing.connection, webhook_id, **_values(backend, doing, actor, settings, route)
        )
        doing.detail["events"] = " ".join(settings.events)


def switch_webhook(backend: Backend, actor: Actor, webhook_id: int, *, is_on: bool) -> None:
    """Switches it on or off; what waits is kept. Raises ForbiddenError or NotFoundError."""
    with _doing(backend, actor, "switch_webhook", str(webhook_id)) as doing:
        _held(doing, webhook_id)
        webhooks.change(
            doing.connection, webhook_id,
            is_on=is_on, off_because="" if is_on else actor.name, failing_since_utc_ms=None,
        )  # fmt: skip
        doing.detail["on"] = is_on


def remove_webhook(backend: Backend, actor: Actor, webhook_id: int) -> None:
    """Removes it with its secrets; what waits is given up. Raises as above."""
    with _doing(backend, actor, "remove_webhook", str(webhook_id)) as doing:
        _held(doing, webhook_id)
        now = doing.now
        webhooks.change(
            doing.connection, webhook_id,
            removed_at_utc_s=now.utc_s, sealed=b"", is_on=False, off_because=actor.name,
        )  # fmt: skip
        webhooks.end_waiting(doing.connection, webhook_id, "the webhook was removed", now.utc_ms)


def rotate_secret(backend: Backend, actor: Actor, webhook_id: int) -> str:
    """Returns a new secret, shown this once; the old one signs beside it for a day."""
    with _doing(backend, actor, "rotate_webhook_secret", str(webhook_id)) as doing:
        before = route_of(backend, _held(doing, webhook_id))
        route = Route(
            url=before.url,
            secret=_draw(),
            old_secret=before.secret,
            old_until_utc_s=doing.now.utc_s + OLD_SECRET_S,
        )
        webhooks.change(doing.connection, webhook_id, sealed=_sealed(backend, route))
    return route.secret


def test_webhook(backend: Backend, actor: Actor, webhook_id: int) -> int:
    """Queues a test event; returns the delivery's number. Raises as above, or ConflictError."""
    with _doing(backend, actor, "test_webhook", str(webhook_id)) as doing:
        _on(doing, webhook_id)
        (delivery_id,) = webhooks.add_event(
            doing.connection,
            type_=EventType.TEST.value,
            at_ms=doing.now.utc_ms,
            data={"webhook": webhook_id},
            to=[webhook_id],
        )
    return delivery_id


def resend(backend: Backend, actor: Actor, webhook_id: int, delivery_id: int | None = None) -> int:
    """Sends one delivery's event again, or every one that was given up; returns how many.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    with _doing(backend, actor, "resend_webhook", str(webhook_id)) as doing:
        _on(doing, webhook_id)
        events = _events_of(doing, webhook_id, delivery_id)
        for event_id in events:
            webhooks.add_delivery(doing.connection, webhook_id, event_id, doing.now.utc_ms)
        doing.detail["events"] = len(events)
    return len(events)


def route_of(backend: Backend, held: StoredWebhook) -> Route:
    """Returns where a webhook is told, opened. Raises KeyVaultError."""
    return Route(**json.loads(unseal(backend.keys.receivers, held.sealed, _CONTEXT)))


def _doing(backend: Backend, actor: Actor, name: str, subject: str) -> AbstractContextManager[Act]:
    return act(backend, actor, Action.MANAGE_WEBHOOKS, name=name, subject=subject)


def _events_of(doing: Act, webhook_id: int, delivery_id: int | None) -> Sequence[int]:
    if delivery_id is None:
        return webhooks.failed(doing.connection, webhook_id, MAX_RESENT)
    event_id = webhooks.event_of(doing.connection, webhook_id, delivery_id)
    if event_id is None:
        raise NotFoundError(f"webhook {webhook_id} has no delivery {delivery_id}")
    return [event_id]


def _check_rights(actor: Actor, events: Sequence[EventType]) -> None:
    for event in events:
        if not allows(actor, needed_for(event)):
            raise ForbiddenError(
                f"{event} tells of what the role {actor.role} may not see", code="event_not_yours"
            )


def _values(
    backend: Backend, doing: Act, actor: Actor, settings: WebhookSettings, route: Route
) -> dict[str, object]:
    name = " ".join(settings.name.split())
    if not 1 <= len(name) <= 60 or not name.isprintable():
        raise InvalidError("the name must have 1 to 60 characters", code="bad_name")
    events = sorted(set(settings.events))
    if not events or not set(events) <= set(CHOICES):
        raise InvalidError("choose at least one event to be told of", code="no_events")
    _check_rights(actor, events)
    try:
        parts = check_url(route.url, allow_insecure=backend.config.webhooks.allow_insecure)
    except SendError as err:
        raise InvalidError(str(err), code="bad_route") from err
    return {
        "name": name,
        "events": " ".join(events),
        "shown": parts.hostname or "",
        "sealed": _sealed(backend, route),
        "changed_by": actor.name,
        "changed_at_utc_s": doing.now.utc_s,
    }


def _sealed(backend: Backend, route: Route) -> bytes:
    plain = {name: getattr(route, name) for name in Route.__dataclass_fields__}
    return seal(backend.keys.receivers, json.dumps(plain).encode(), _CONTEXT)


def _draw() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _held(doing: Act, webhook_id: int) -> StoredWebhook:
    held = webhooks.find(doing.connection, webhook_id, lock=True)
    if held is None:
        raise NotFoundError(f"there is no webhook {webhook_id}", code="no_webhook")
    return held


def _on(doing: Act, webhook_id: int) -> None:
    if not _held(doing, webhook_id).is_on:
        raise ConflictError(f"webhook {webhook_id} is off; switch it on first", code="webhook_off")
