"""Alerts: the list with its filters, and one with its history and deliveries."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from doorward.reasons import Severity
from doorward_controller.console.fleet_words import tongue_of
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit, query_of
from doorward_controller.domain.alert_texts import Fact, rule_in_words, title_of
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import InvalidError, NotFoundError
from doorward_controller.queries import alerts, fleet_board
from doorward_controller.queries.alerts import AlertFilter
from doorward_controller.services import alert_handling, alerting

router = APIRouter()

_PAGE_ROWS = 50
_DEFAULT_SILENCE_H = 8


@router.get("/alerts")
def alerts_page(
    visit: SignedIn,
    state: Annotated[str, Query(max_length=20)] = alerts.LIVE,
    severity: Annotated[str, Query(max_length=20)] = "",
    gateway: Annotated[str, Query(max_length=32)] = "",
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Shows alerts, those that are not resolved unless asked otherwise."""
    visit.require_somewhere(Action.READ_FLEET)
    store = visit.backend.store
    wanted = AlertFilter(
        state=None if state == "all" else state or alerts.LIVE,
        severity=severity or None,
        gateway=gateway or None,
        with_discreet=visit.may(alert_handling.SEES_DISCREET),
        zones=visit.zones,
    )
    return visit.page(
        "alerts.html",
        page=alerts.page(store, wanted, cursor=cursor, limit=_PAGE_ROWS),
        counts=alerts.open_by_severity(
            store, with_discreet=wanted.with_discreet, zones=visit.zones
        ),
        search={"state": state, "severity": severity, "gateway": gateway},
        query=query_of({"state": state, "severity": severity, "gateway": gateway}),
        severities=[each.value for each in reversed(Severity) if each is not Severity.NORMAL],
        gateways=[each.gateway for each in fleet_board.names(store, visit.zones)],
        cursor=cursor,
        title=titles(visit),
    )


@router.get("/alerts/{alert_id}")
def alert_page(visit: SignedIn, alert_id: int) -> Response:
    """Shows one alert."""
    visit.require_somewhere(Action.READ_FLEET)
    store = visit.backend.store
    sees = visit.may(alert_handling.SEES_DISCREET)
    row = alerts.alert(store, alert_id, with_discreet=sees) if 0 < alert_id < 2**63 else None
    if row is None:
        raise NotFoundError(f"there is no alert {alert_id}")
    visit.require_gateway(Action.READ_FLEET, row.gateway)
    with store.read() as connection:
        rule = next((e for e in alerting.rules(connection) if e.code == row.rule), None)
    return visit.page(
        "alert.html",
        row=row,
        rule=rule,
        rule_name=rule_in_words(rule, tongue_of(visit.reader)) if rule else row.rule,
        history=alerts.history(store, alert_id),
        deliveries=alerts.deliveries(store, alert_id=alert_id),
        silence_h=_DEFAULT_SILENCE_H,
        title=titles(visit),
    )


@router.post("/alerts/{alert_id}/{move}")
def alert_act(
    visit: GenuineSignedIn,
    alert_id: int,
    move: str,
    note: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "",
    hours: Annotated[int, Form(ge=0, le=720)] = _DEFAULT_SILENCE_H,
) -> Response:
    """Does with an alert what the form says."""
    if not 0 < alert_id < 2**63:
        raise NotFoundError(f"there is no alert {alert_id}")
    act = _acts(visit, alert_id, note=note, to=to, hours=hours).get(move)
    if act is None:
        raise InvalidError(f"an alert cannot be moved by {move[:20]!r}")
    act()
    return visit.go(f"/alerts/{alert_id}", done="saved")


def titles(visit: Visit) -> Callable[[Fact], str]:
    """Returns what puts an alert into the reader's words."""
    tongue = tongue_of(visit.reader)
    return lambda fact: title_of(fact, tongue)


def _acts(
    visit: Visit, alert_id: int, *, note: str, to: str, hours: int
) -> dict[str, Callable[[], None]]:
    backend, actor = visit.backend, visit.actor
    until_s = visit.reader.now_ms // 1000 + hours * 3600 if hours else 0
    return {
        "acknowledge": lambda: alert_handling.acknowledge(backend, actor, alert_id),
        "take": lambda: alert_handling.assign(backend, actor, alert_id, actor.name),
        "assign": lambda: alert_handling.assign(backend, actor, alert_id, to),
        "silence": lambda: alert_handling.silence(backend, actor, alert_id, until_s),
        "resolve": lambda: alert_handling.resolve(backend, actor, alert_id, note),
        "reopen": lambda: alert_handling.reopen(backend, actor, alert_id, note),
        "note": lambda: alert_handling.note(backend, actor, alert_id, note),
    }
