"""Webhooks: which other systems are told of what, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Fresh, Needs
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import WEBHOOK, Changes, Shows
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.webhook_events import CHOICES, EventType, needed_for
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import webhooks as rows
from doorward_controller.queries.paging import Page
from doorward_controller.queries.webhooks import WebhookDelivery, WebhookRow
from doorward_controller.services import webhooks
from doorward_controller.services.webhooks import WebhookSettings

router = APIRouter(tags=["webhooks"])
manages = Depends(Needs(Action.MANAGE_WEBHOOKS))


class WebhookBody(BaseModel):
    """A webhook. At a change an empty address leaves it as it is."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    url: Annotated[str, Field(max_length=2_000)] = ""
    events: Annotated[list[EventType], Field(min_length=1, max_length=len(CHOICES))]

    def settings(self) -> WebhookSettings:
        """Returns it as the service takes it."""
        return WebhookSettings(name=self.name, url=self.url, events=tuple(self.events))


class NewWebhookBody(BaseModel):
    """What was made. The secret signs every message and is shown this once."""

    id: int
    secret: str


class SecretBody(BaseModel):
    """A new secret, shown this once; the old one signs beside it for a day."""

    secret: str


class SwitchBody(BaseModel):
    """Whether it is told of anything."""

    is_on: bool


class DeliveryBody(BaseModel):
    """The number of a delivery."""

    id: int


class ResentBody(BaseModel):
    """How many events are sent again."""

    resent: int


class EventTypeBody(BaseModel):
    """Something to be told of, and what one must be allowed to see for it."""

    type: EventType
    needs: Action


@router.get("/webhook-events", dependencies=[manages])
def event_types(paging: Paging) -> Page[EventTypeBody]:
    """Everything that webhooks can be told of."""
    known = (EventTypeBody(type=each, needs=needed_for(each)) for each in CHOICES)
    return paging.part_of(known, lambda row: (row.type.value,))


@router.get("/webhooks", dependencies=[manages])
def listed(backend: BackendDep, paging: Paging) -> Page[WebhookRow]:
    """Every webhook, by name."""
    return paging.part_of(rows.webhooks_of(backend.store), lambda row: (row.name, row.id))


@router.post("/webhooks", status_code=201, dependencies=[manages, Fresh])
def add(body: WebhookBody, backend: BackendDep, actor: ActorDep) -> NewWebhookBody:
    """Adds a webhook."""
    number, secret = webhooks.add_webhook(backend, actor, body.settings())
    return NewWebhookBody(id=number, secret=secret)


@router.get("/webhooks/{webhook_id}", dependencies=[manages, Shows(WEBHOOK)])
def shown(webhook_id: int, backend: BackendDep) -> WebhookRow:
    """One webhook."""
    found = rows.webhook(backend.store, webhook_id)
    if found is None:
        raise NotFoundError(f"there is no webhook {webhook_id}", code="no_webhook")
    return found


@router.put(
    "/webhooks/{webhook_id}",
    status_code=204,
    dependencies=[manages, Fresh, Changes(WEBHOOK, needed=True)],
)
def change(webhook_id: int, body: WebhookBody, backend: BackendDep, actor: ActorDep) -> None:
    """Says anew what it is called, where it is and of what it is told."""
    webhooks.change_webhook(backend, actor, _known(webhook_id), body.settings())


@router.post(
    "/webhooks/{webhook_id}/switch", status_code=204, dependencies=[manages, Changes(WEBHOOK)]
)
def switch(webhook_id: int, body: SwitchBody, backend: BackendDep, actor: ActorDep) -> None:
    """Switches it on or off; what waits is kept."""
    webhooks.switch_webhook(backend, actor, _known(webhook_id), is_on=body.is_on)


@router.delete("/webhooks/{webhook_id}", status_code=204, dependencies=[manages, Changes(WEBHOOK)])
def remove(webhook_id: int, backend: BackendDep, actor: ActorDep) -> None:
    """Removes it with its secrets; what waits is given up."""
    webhooks.remove_webhook(backend, actor, _known(webhook_id))


@router.post("/webhooks/{webhook_id}/secret", dependencies=[manages, Fresh, Changes(WEBHOOK)])
def rotate(webhook_id: int, backend: BackendDep, actor: ActorDep) -> SecretBody:
    """Gives it a new secret."""
    return SecretBody(secret=webhooks.rotate_secret(backend, actor, _known(webhook_id)))


@router.post("/webhooks/{webhook_id}/test", status_code=202, dependencies=[manages])
def test(webhook_id: int, backend: BackendDep, actor: ActorDep) -> DeliveryBody:
    """Sends a test event; its delivery has this number."""
    return DeliveryBody(id=webhooks.test_webhook(backend, actor, _known(webhook_id)))


@router.get("/webhooks/{webhook_id}/deliveries", dependencies=[manages])
def deliveries(webhook_id: int, backend: BackendDep, paging: Paging) -> Page[WebhookDelivery]:
    """What became of its events, the newest first."""
    shown(_known(webhook_id), backend)
    return paging.given(
        rows.deliveries(backend.store, webhook_id, cursor=paging.cursor, limit=paging.limit)
    )


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
    status_code=202,
    dependencies=[manages],
)
def resend(webhook_id: int, delivery_id: int, backend: BackendDep, actor: ActorDep) -> ResentBody:
    """Sends one event again, under its own id."""
    number = webhooks.resend(backend, actor, _known(webhook_id), _known(delivery_id))
    return ResentBody(resent=number)


@router.post("/webhooks/{webhook_id}/resend", status_code=202, dependencies=[manages])
def resend_failed(webhook_id: int, backend: BackendDep, actor: ActorDep) -> ResentBody:
    """Sends every event again that was given up."""
    return ResentBody(resent=webhooks.resend(backend, actor, _known(webhook_id)))


def _known(number: int) -> int:
    """A number that no row can have is not found, on every database."""
    if not 0 < number < 2**63:
        raise NotFoundError(f"there is no number {number}")
    return number
