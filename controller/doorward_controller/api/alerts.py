"""Alerts, their rules, who is told, and what was delivered."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from doorward.reasons import Severity
from doorward_controller.api.deps import ActorDep, BackendDep, Needs, NeedsSomewhere, check_gateway
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import ALERT, ALERT_RULE, RECEIVER, Changes, Shows
from doorward_controller.domain.alert_rules import Rule
from doorward_controller.domain.alert_texts import Tongue
from doorward_controller.domain.delivery_formats import ReceiverKind
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import InvalidError, NotFoundError
from doorward_controller.queries import alerts
from doorward_controller.queries.alerts import (
    AlertFilter,
    AlertRow,
    DeliveryRow,
    HistoryRow,
    ReceiverRow,
)
from doorward_controller.queries.paging import Page
from doorward_controller.services import alert_handling, alert_rule_book, alerting, receivers
from doorward_controller.services.backend import Backend
from doorward_controller.services.receivers import ReceiverSettings

router = APIRouter(tags=["alerts"])
reads = Depends(Needs(Action.READ_FLEET))
sees = Depends(NeedsSomewhere(Action.READ_FLEET))
handles = Depends(NeedsSomewhere(Action.HANDLE_ALERTS))
edits = Depends(Needs(Action.EDIT_ALERT_RULES))

Text = Annotated[str, Field(max_length=500)]
Number = Annotated[int, Field(ge=0, lt=2**53)]


class AlertBody(BaseModel):
    """One alert with what happened and what was delivered."""

    alert: AlertRow
    history: list[HistoryRow]
    deliveries: list[DeliveryRow]


class NoteBody(BaseModel):
    """What somebody says about it."""

    note: Text = ""


class AssignBody(BaseModel):
    """Who looks after it; empty for nobody."""

    to: Annotated[str, Field(max_length=60)]


class SilenceBody(BaseModel):
    """Until when nobody is told, in UTC seconds; 0 ends the silence."""

    until_utc_s: Number


class RuleBody(BaseModel):
    """A rule, and whether somebody changed it."""

    rule: Rule
    changed_by: str
    is_own: bool


class ReceiverBody(BaseModel):
    """A receiver. What is left out of `route` at a change stays as it is."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    kind: ReceiverKind
    route: dict[Annotated[str, Field(max_length=20)], Text] = Field(max_length=10)
    language: Tongue = Tongue.ENGLISH
    least_severity: Severity = Severity.WARNING
    after_min: Annotated[int, Field(ge=0, le=receivers.MAX_WAIT_MIN)] = 0
    is_on: bool = True
    gets_discreet: bool = False

    def settings(self) -> ReceiverSettings:
        """Returns it as the service takes it."""
        return ReceiverSettings(**{name: getattr(self, name) for name in type(self).model_fields})


class NumberBody(BaseModel):
    """The number of what was made."""

    id: int


@router.get("/alerts", dependencies=[sees])
def listed(
    backend: BackendDep,
    actor: ActorDep,
    paging: Paging,
    state: Annotated[str | None, Query(max_length=20)] = None,
    severity: Annotated[str | None, Query(max_length=20)] = None,
    gateway: Annotated[str | None, Query(max_length=32)] = None,
    rule: Annotated[str | None, Query(max_length=64)] = None,
) -> Page[AlertRow]:
    """Alerts, the newest first; `state=live` for all that are not resolved."""
    wanted = AlertFilter(
        state=state,
        severity=severity,
        gateway=gateway,
        rule=rule,
        with_discreet=alert_handling.sees_discreet(actor),
        zones=actor.zones,
    )
    return paging.given(
        alerts.page(backend.store, wanted, cursor=paging.cursor, limit=paging.limit)
    )


@router.get("/alerts/{alert_id}", dependencies=[sees, Shows(ALERT)])
def shown(alert_id: int, backend: BackendDep, actor: ActorDep) -> AlertBody:
    """One alert."""
    with_discreet = alert_handling.sees_discreet(actor)
    row = alerts.alert(backend.store, _known(alert_id), with_discreet=with_discreet)
    if row is None:
        raise NotFoundError(f"there is no alert {alert_id}")
    check_gateway(backend, actor, Action.READ_FLEET, row.gateway)
    return AlertBody(
        alert=row,
        history=list(alerts.history(backend.store, alert_id)),
        deliveries=list(alerts.deliveries(backend.store, alert_id=alert_id)),
    )


@router.post(
    "/alerts/{alert_id}/acknowledge",
    status_code=204,
    dependencies=[handles, Changes(ALERT)],
)
def acknowledge(alert_id: int, backend: BackendDep, actor: ActorDep) -> None:
    """Says that somebody has taken note."""
    alert_handling.acknowledge(backend, actor, _known(alert_id))


@router.post(
    "/alerts/{alert_id}/assign",
    status_code=204,
    dependencies=[handles, Changes(ALERT)],
)
def assign(alert_id: int, body: AssignBody, backend: BackendDep, actor: ActorDep) -> None:
    """Says who looks after it."""
    alert_handling.assign(backend, actor, _known(alert_id), body.to)


@router.post(
    "/alerts/{alert_id}/silence",
    status_code=204,
    dependencies=[handles, Changes(ALERT)],
)
def silence(alert_id: int, body: SilenceBody, backend: BackendDep, actor: ActorDep) -> None:
    """Tells nobody until a time."""
    alert_handling.silence(backend, actor, _known(alert_id), body.until_utc_s)


@router.post(
    "/alerts/{alert_id}/resolve",
    status_code=204,
    dependencies=[handles, Changes(ALERT)],
)
def resolve(alert_id: int, body: NoteBody, backend: BackendDep, actor: ActorDep) -> None:
    """Ends it."""
    alert_handling.resolve(backend, actor, _known(alert_id), body.note)


@router.post(
    "/alerts/{alert_id}/reopen",
    status_code=204,
    dependencies=[handles, Changes(ALERT)],
)
def reopen(alert_id: int, body: NoteBody, backend: BackendDep, actor: ActorDep) -> None:
    """Opens it again."""
    alert_handling.reopen(backend, actor, _known(alert_id), body.note)


@router.post("/alerts/{alert_id}/notes", status_code=204, dependencies=[handles])
def note(alert_id: int, body: NoteBody, backend: BackendDep, actor: ActorDep) -> None:
    """Writes a line into its history."""
    alert_handling.note(backend, actor, _known(alert_id), body.note)


@router.get("/alert-rules", dependencies=[reads])
def rules(backend: BackendDep, paging: Paging) -> Page[RuleBody]:
    """The rules that count, by code."""
    return paging.part_of(_rules(backend), lambda body: (body.rule.code,))


@router.get("/alert-rules/{code}", dependencies=[reads, Shows(ALERT_RULE)])
def shown_rule(code: str, backend: BackendDep) -> RuleBody:
    """One rule."""
    found = next((body for body in _rules(backend) if body.rule.code == code), None)
    if found is None:
        raise NotFoundError(f"there is no rule {code[:64]!r}", code="no_rule")
    return found


def _rules(backend: Backend) -> list[RuleBody]:
    changed = alerts.changed_rules(backend.store)
    with backend.store.read() as connection:
        known = alerting.rules(connection)
    return [
        RuleBody(
            rule=rule,
            changed_by=changed[rule.code][0] if rule.code in changed else "",
            is_own=alert_rule_book.is_own(rule.code),
        )
        for rule in known
    ]


@router.put(
    "/alert-rules/{code}", status_code=204, dependencies=[edits, Changes(ALERT_RULE, needed=True)]
)
def save_rule(code: str, body: Rule, backend: BackendDep, actor: ActorDep) -> None:
    """Adds a rule, or changes one."""
    if body.code != code:
        raise InvalidError(f"the rule's code is {body.code}, the address says {code[:64]!r}")
    alert_rule_book.save_rule(backend, actor, body)


@router.delete("/alert-rules/{code}", status_code=204, dependencies=[edits, Changes(ALERT_RULE)])
def drop_rule(code: str, backend: BackendDep, actor: ActorDep) -> None:
    """Takes a change back; an added rule is gone."""
    alert_rule_book.drop_rule(backend, actor, code)


@router.get("/alert-receivers", dependencies=[edits])
def listed_receivers(backend: BackendDep, paging: Paging) -> Page[ReceiverRow]:
    """Who can be told, without what is secret; who is told first stands first."""
    return paging.part_of(
        alerts.receivers(backend.store), lambda row: (row.after_min, row.name, row.id)
    )


@router.get("/alert-receivers/{receiver_id}", dependencies=[edits, Shows(RECEIVER)])
def shown_receiver(receiver_id: int, backend: BackendDep) -> ReceiverRow:
    """One of them."""
    rows = alerts.receivers(backend.store)
    found = next((row for row in rows if row.id == receiver_id), None)
    if found is None:
        raise NotFoundError(f"there is no receiver {receiver_id}")
    return found


@router.post(
    "/alert-receivers", status_code=201, dependencies=[Depends(Needs(Action.EDIT_ALERT_RULES))]
)
def add_receiver(body: ReceiverBody, backend: BackendDep, actor: ActorDep) -> NumberBody:
    """Adds a receiver."""
    return NumberBody(id=receivers.add_receiver(backend, actor, body.settings()))


@router.put(
    "/alert-receivers/{receiver_id}",
    status_code=204,
    dependencies=[edits, Changes(RECEIVER, needed=True)],
)
def change_receiver(
    receiver_id: int, body: ReceiverBody, backend: BackendDep, actor: ActorDep
) -> None:
    """Changes a receiver."""
    receivers.change_receiver(backend, actor, _known(receiver_id), body.settings())


@router.delete(
    "/alert-receivers/{receiver_id}",
    status_code=204,
    dependencies=[edits, Changes(RECEIVER)],
)
def remove_receiver(receiver_id: int, backend: BackendDep, actor: ActorDep) -> None:
    """Removes a receiver and its secrets."""
    receivers.remove_receiver(backend, actor, _known(receiver_id))


@router.post(
    "/alert-receivers/{receiver_id}/test",
    status_code=202,
    dependencies=[Depends(Needs(Action.EDIT_ALERT_RULES))],
)
def test_receiver(receiver_id: int, backend: BackendDep, actor: ActorDep) -> NumberBody:
    """Sends a test message; its delivery has this number."""
    return NumberBody(id=receivers.test_receiver(backend, actor, _known(receiver_id)))


@router.get("/alert-deliveries", dependencies=[edits])
def listed_deliveries(backend: BackendDep, paging: Paging) -> Page[DeliveryRow]:
    """What was delivered to whom, the newest first."""
    return paging.given(
        alerts.deliveries_page(backend.store, cursor=paging.cursor, limit=paging.limit)
    )


def _known(number: int) -> int:
    """A number that no row can have is not found, on every database."""
    if not 0 < number < 2**63:
        raise NotFoundError(f"there is no number {number}")
    return number
