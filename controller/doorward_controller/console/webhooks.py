"""Webhooks: which other systems are told of what, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward_controller.console import webhook_words
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.webhook_events import EventType, needed_for
from doorward_controller.errors import ActError, NotFoundError
from doorward_controller.queries import webhooks as rows
from doorward_controller.queries.webhooks import WebhookRow
from doorward_controller.services import webhooks
from doorward_controller.services.webhooks import WebhookSettings

router = APIRouter(prefix="/webhooks")

_DELIVERIES = 30

Events = Annotated[list[str] | None, Form()]


@router.get("")
def webhooks_page(visit: SignedIn) -> Response:
    """Shows who is told of what, and the form for one more."""
    return _list(visit)


@router.post("")
def add_act(
    visit: GenuineSignedIn,
    name: Annotated[str, Form()] = "",
    url: Annotated[str, Form()] = "",
    events: Events = None,
) -> Response:
    """Adds one and shows its secret this once."""
    visit.require_fresh()
    wanted = _settings(name, url, events)
    try:
        number, secret = webhooks.add_webhook(visit.backend, visit.actor, wanted)
    except ActError as err:
        return _list(visit, err, wanted)
    return _made(visit, number, secret)


@router.get("/{webhook_id}")
def webhook_page(visit: SignedIn, webhook_id: int) -> Response:
    """Shows one, its deliveries, and what can be done with it."""
    return _one(visit, webhook_id)


@router.post("/{webhook_id}")
def change_act(
    visit: GenuineSignedIn,
    webhook_id: int,
    name: Annotated[str, Form()] = "",
    url: Annotated[str, Form()] = "",
    events: Events = None,
) -> Response:
    """Changes name, address and events."""
    visit.require_fresh()
    wanted = _settings(name, url, events)
    try:
        webhooks.change_webhook(visit.backend, visit.actor, _known(webhook_id), wanted)
    except NotFoundError:
        raise
    except ActError as err:
        return _one(visit, webhook_id, err)
    return visit.go(f"/webhooks/{webhook_id}", done="saved")


@router.post("/{webhook_id}/test")
def test_act(visit: GenuineSignedIn, webhook_id: int) -> Response:
    """Sends a test."""
    webhooks.test_webhook(visit.backend, visit.actor, _known(webhook_id))
    return visit.go(f"/webhooks/{webhook_id}", done="testing")


@router.post("/{webhook_id}/switch")
def switch_act(
    visit: GenuineSignedIn, webhook_id: int, on: Annotated[str, Form()] = ""
) -> Response:
    """Switches it on or off."""
    number = _known(webhook_id)
    webhooks.switch_webhook(visit.backend, visit.actor, number, is_on=on == "1")
    return visit.go(f"/webhooks/{webhook_id}", done="saved")


@router.post("/{webhook_id}/secret")
def rotate_act(visit: GenuineSignedIn, webhook_id: int) -> Response:
    """Gives it a new secret and shows that this once."""
    visit.require_fresh()
    secret = webhooks.rotate_secret(visit.backend, visit.actor, _known(webhook_id))
    return _made(visit, webhook_id, secret)


@router.post("/{webhook_id}/resend")
def resend_act(
    visit: GenuineSignedIn, webhook_id: int, delivery: Annotated[int, Form(ge=0)] = 0
) -> Response:
    """Sends one event again, or all that were given up."""
    one = _known(delivery) if delivery else None
    webhooks.resend(visit.backend, visit.actor, _known(webhook_id), one)
    return visit.go(f"/webhooks/{webhook_id}", done="saved")


@router.post("/{webhook_id}/remove")
def remove_act(visit: GenuineSignedIn, webhook_id: int) -> Response:
    """Removes it."""
    webhooks.remove_webhook(visit.backend, visit.actor, _known(webhook_id))
    return visit.go("/webhooks", done="saved")


def _list(
    visit: Visit, err: ActError | None = None, typed: WebhookSettings | None = None
) -> Response:
    visit.require(Action.MANAGE_WEBHOOKS)
    return visit.page(
        "webhooks.html",
        _context(visit, err),
        status_code=err.status if err else 200,
        rows=rows.webhooks_of(visit.backend.store),
        typed=typed,
    )


def _one(visit: Visit, webhook_id: int, err: ActError | None = None) -> Response:
    visit.require(Action.MANAGE_WEBHOOKS)
    held = _held(visit, webhook_id)
    return visit.page(
        "webhook.html",
        _context(visit, err),
        status_code=err.status if err else 200,
        held=held,
        deliveries=rows.deliveries(visit.backend.store, held.id, limit=_DELIVERIES).items,
    )


def _made(visit: Visit, number: int, secret: str) -> Response:
    return visit.page("webhook_secret.html", held=_held(visit, number), secret=secret)


def _context(visit: Visit, err: ActError | None) -> dict[str, object]:
    """An event that the reader may not see is not offered."""
    areas = [
        (word, [event for event in events if visit.may(needed_for(event))])
        for word, events in webhook_words.AREAS
    ]
    return {
        "areas": [(word, events) for word, events in areas if events],
        "event_words": webhook_words.EVENTS,
        "problem": err.code if err else "",
    }


def _held(visit: Visit, webhook_id: int) -> WebhookRow:
    found = rows.webhook(visit.backend.store, _known(webhook_id))
    if found is None:
        raise NotFoundError(f"there is no webhook {webhook_id}", code="no_webhook")
    return found


def _settings(name: str, url: str, events: list[str] | None) -> WebhookSettings:
    known = {event.value: event for event in EventType}
    return WebhookSettings(
        name=name, url=url, events=tuple(known[each] for each in events or () if each in known)
    )


def _known(number: int) -> int:
    if not 0 < number < 2**63:
        raise NotFoundError(f"there is no number {number}")
    return number
