"""Who is told of alerts: added, changed, tried, removed, and what was delivered."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response

from doorward.reasons import Severity
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.alert_texts import Tongue
from doorward_controller.domain.delivery_formats import ReceiverKind
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import ActError, InvalidError, NotFoundError
from doorward_controller.queries import alerts
from doorward_controller.queries.alerts import ReceiverRow
from doorward_controller.services import receivers
from doorward_controller.services.receivers import ReceiverSettings

router = APIRouter()

_DELIVERIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How a receiver is reached, as it was typed; never shown again."""

    values: dict[str, str]


def route_of(
    url: Annotated[str, Form()] = "",
    secret: Annotated[str, Form()] = "",
    host: Annotated[str, Form()] = "",
    port: Annotated[str, Form()] = "",
    sender: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
    user: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Route:
    """Reads the fields that say how."""
    return Route(
        values={
            "url": url, "secret": secret, "host": host, "port": port, "from": sender, "to": to,
            "user": user, "password": password,
        }
    )  # fmt: skip


def settings_of(
    route: Annotated[Route, Depends(route_of)],
    name: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    language: Annotated[str, Form()] = Tongue.ENGLISH.value,
    least_severity: Annotated[str, Form()] = Severity.WARNING.value,
    after_min: Annotated[int, Form()] = 0,
    gets_discreet: Annotated[str, Form()] = "",
    is_off: Annotated[str, Form()] = "",
) -> ReceiverSettings:
    """Reads the form. Raises InvalidError."""
    try:
        return ReceiverSettings(
            name=name,
            kind=ReceiverKind(kind),
            route=route.values,
            language=Tongue(language),
            least_severity=Severity(least_severity),
            after_min=after_min,
            gets_discreet=bool(gets_discreet),
            is_on=not is_off,
        )
    except ValueError as err:
        raise InvalidError(str(err)) from err


Settings = Annotated[ReceiverSettings, Depends(settings_of)]


@router.get("/alert-receivers")
def receivers_page(visit: SignedIn) -> Response:
    """Shows who is told, and what was delivered."""
    return _page(visit)


@router.post("/alert-receivers")
def add_act(visit: GenuineSignedIn, settings: Settings) -> Response:
    """Adds a receiver."""
    visit.require(Action.EDIT_ALERT_RULES)
    try:
        receivers.add_receiver(visit.backend, visit.actor, settings)
    except ActError as err:
        return _page(visit, err)
    return visit.go("/alert-receivers", done="saved")


@router.get("/alert-receivers/{receiver_id}")
def receiver_page(visit: SignedIn, receiver_id: int) -> Response:
    """Shows one receiver as a form."""
    return _one(visit, receiver_id)


@router.post("/alert-receivers/{receiver_id}")
def change_act(visit: GenuineSignedIn, receiver_id: int, settings: Settings) -> Response:
    """Changes a receiver; what is left empty of how it is reached stays."""
    visit.require(Action.EDIT_ALERT_RULES)
    number = _known(receiver_id)
    try:
        receivers.change_receiver(visit.backend, visit.actor, number, settings)
    except NotFoundError:
        raise
    except ActError as err:
        return _one(visit, number, err)
    return visit.go("/alert-receivers", done="saved")


@router.post("/alert-receivers/{receiver_id}/test")
def test_act(visit: GenuineSignedIn, receiver_id: int) -> Response:
    """Sends a test message."""
    receivers.test_receiver(visit.backend, visit.actor, _known(receiver_id))
    return visit.go("/alert-receivers", done="testing")


@router.post("/alert-receivers/{receiver_id}/remove")
def remove_act(visit: GenuineSignedIn, receiver_id: int) -> Response:
    """Removes a receiver."""
    receivers.remove_receiver(visit.backend, visit.actor, _known(receiver_id))
    return visit.go("/alert-receivers", done="saved")


def _page(visit: Visit, refusal: ActError | None = None) -> Response:
    visit.require(Action.EDIT_ALERT_RULES)
    store = visit.backend.store
    return visit.page(
        "alert_receivers.html",
        _choices(refusal),
        status_code=refusal.status if refusal else 200,
        receivers=alerts.receivers(store),
        deliveries=alerts.deliveries(store, limit=_DELIVERIES),
        held=None,
    )


def _one(visit: Visit, receiver_id: int, refusal: ActError | None = None) -> Response:
    visit.require(Action.EDIT_ALERT_RULES)
    return visit.page(
        "alert_receiver.html",
        _choices(refusal),
        status_code=refusal.status if refusal else 200,
        held=_find(visit, receiver_id),
    )


def _choices(refusal: ActError | None) -> dict[str, object]:
    return {
        "refusal": refusal,
        "severities": [each.value for each in Severity if each is not Severity.NORMAL],
        "tongues": [(Tongue.ENGLISH, "English"), (Tongue.CHINESE, "中文")],
    }


def _find(visit: Visit, receiver_id: int) -> ReceiverRow:
    for row in alerts.receivers(visit.backend.store):
        if row.id == receiver_id:
            return row
    raise NotFoundError(f"there is no receiver {receiver_id}")


def _known(number: int) -> int:
    if not 0 < number < 2**63:
        raise NotFoundError(f"there is no number {number}")
    return number
