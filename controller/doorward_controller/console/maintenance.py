"""Maintenance: what is open, what is asked for, and what the history says."""

from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward_controller.console import maintenance_words as mw
from doorward_controller.console.alerts import titles
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit, query_of
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.work_orders import (
    DAY_S,
    FailureMode,
    OrderKind,
    OrderState,
    Priority,
)
from doorward_controller.errors import ActError, InvalidError, NotFoundError
from doorward_controller.queries import alerts, devices, fleet_board, maintenance_figures
from doorward_controller.queries import work_orders as queries
from doorward_controller.queries.devices import ComponentRow
from doorward_controller.services import work_orders
from doorward_controller.services.labour import rate_of

router = APIRouter()
Choice = TypeVar("Choice", bound=StrEnum)

WINDOWS_DAYS = (30, 90, 365)
_PAGE_ROWS = 50
VIEWS = ("board", "table")


@router.get("/maintenance")
def orders_page(
    visit: SignedIn,
    view: str = "board",
    state: str = "",
    gateway: str = "",
    cursor: str | None = None,
) -> Response:
    """Shows work orders by state, or as a list."""
    visit.require_somewhere(Action.READ_MAINTENANCE)
    now = visit.reader.now_ms // 1000
    shown: dict[str, object] = {
        "view": view if view in VIEWS else VIEWS[0],
        "state": state,
        "gateway": gateway,
        "states": tuple(OrderState),
        "gateways": names(visit),
        "now_s": now,
        "mw": mw,
    }
    if shown["view"] == "board":
        board = queries.board(visit.backend.store, zones=visit.zones)
        done = board[OrderState.DONE].orders
        ready = queries.borne_out(visit.backend.store, done, now)
        return visit.page("maintenance.html", shown, board=board, ready=ready)
    wanted = queries.OrderFilter(state=state, gateway=gateway, zones=visit.zones)
    page = queries.page(visit.backend.store, wanted, cursor=cursor, limit=_PAGE_ROWS)
    query = query_of({"view": "table", "state": state, "gateway": gateway})
    return visit.page("maintenance.html", shown, page=page, cursor=cursor, query=query)


@router.get("/maintenance/new/components")
def components_part(visit: SignedIn, gateway: str = "") -> Response:
    """The choice among a device's components."""
    require_asking(visit)
    return visit.page(
        "parts/component_choice.html", components=_components(visit, gateway), chosen="", mw=mw
    )


@router.get("/maintenance/new")
def new_page(visit: SignedIn, gateway: str = "") -> Response:
    """Shows the empty form."""
    require_asking(visit)
    return _form(visit, {"gateway": gateway[:60], "kind": "corrective", "priority": "normal"})


@router.post("/maintenance/new")
def new_act(
    visit: GenuineSignedIn,
    gateway: Annotated[str, Form(max_length=60)] = "",
    component: Annotated[str, Form(max_length=20)] = "",
    kind: Annotated[str, Form(max_length=20)] = "",
    priority: Annotated[str, Form(max_length=20)] = "",
    failure_mode: Annotated[str, Form(max_length=20)] = "",
    title: Annotated[str, Form(max_length=400)] = "",
    instructions: Annotated[str, Form(max_length=4_000)] = "",
    checklist: Annotated[str, Form(max_length=16_000)] = "",
    due: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Asks for work and shows the order."""
    typed = {
        "gateway": gateway, "kind": kind, "priority": priority, "failure_mode": failure_mode,
        "title": title, "instructions": instructions, "checklist": checklist, "due": due,
        "component": component,
    }  # fmt: skip
    try:
        wanted = work_orders.OrderRequest(
            gateway=gateway,
            component_id=_component(visit, gateway, component) if component else None,
            kind=one_of(OrderKind, kind),
            priority=one_of(Priority, priority),
            title=title,
            instructions=instructions,
            checklist=lines_of(checklist),
            failure_mode=one_of(FailureMode, failure_mode) if failure_mode else None,
            deadline_utc_s=_end_of_day(visit, due) if due else None,
        )
        number = work_orders.request(visit.backend, visit.actor, wanted)
    except ActError as err:
        return _form(visit, typed, err)
    return visit.go(f"/maintenance/orders/{number}", done="ordered")


@router.post("/maintenance/from-alert/{alert_id}")
def alert_act(visit: GenuineSignedIn, alert_id: int) -> Response:
    """Asks for the work that an alert shows to be needed; shows the order that waits already.

    An alert that only security may see opens none: a work order would tell of it.
    """
    require_asking(visit)
    alert = None
    if 0 < alert_id < 2**63:
        alert = alerts.alert(visit.backend.store, alert_id, with_discreet=False)
    if alert is None or not alert.gateway:
        raise NotFoundError(f"there is no alert {alert_id} of a gateway", code="no_alert")
    visit.require_gateway(Action.READ_FLEET, alert.gateway)
    number = work_orders.open_from_alert(
        visit.backend,
        alert_id=alert_id,
        gateway=alert.gateway,
        title=titles(visit)(alert.fact),
        actor=visit.actor,
    )
    return visit.go(f"/maintenance/orders/{number}", done="ordered")


@router.get("/maintenance/figures")
def figures_page(visit: SignedIn, days: int = 365) -> Response:
    """Shows what the history says of reliability."""
    visit.require_somewhere(Action.READ_MAINTENANCE)
    window = days if days in WINDOWS_DAYS else WINDOWS_DAYS[-1]
    now = visit.reader.now_ms // 1000
    together, each = maintenance_figures.figures(
        visit.backend.store,
        visit.backend.config.site,
        now - window * DAY_S,
        now,
        rate_of(visit.backend.config),
        visit.zones,
    )
    return visit.page(
        "maintenance_figures.html",
        together=together,
        each=each,
        days=window,
        windows=WINDOWS_DAYS,
        modes=sorted(together.modes.items(), key=lambda item: (-item[1], item[0])),
        mw=mw,
    )


def names(visit: Visit) -> tuple[str, ...]:
    """Returns the names of all gateways of the reader's."""
    return tuple(row.gateway for row in fleet_board.names(visit.backend.store, visit.zones))


def require_asking(visit: Visit) -> None:
    """Refuses who may neither do nor approve maintenance."""
    visit.require_somewhere(
        Action.APPROVE_MAINTENANCE
        if visit.may(Action.APPROVE_MAINTENANCE)
        else Action.DO_MAINTENANCE
    )


def one_of(kind: type[Choice], value: str) -> Choice:
    """Returns the member of an enumeration that a form names. Raises InvalidError."""
    try:
        return kind(value)
    except ValueError as err:
        raise InvalidError(f"{value[:40]!r} is none of the choices", code="invalid") from err


def lines_of(text: str) -> tuple[str, ...]:
    """Returns the lines that are not empty."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def moment_s(visit: Visit, text: str) -> int:
    """Returns the second of a date and time on the site's clock. Raises InvalidError."""
    try:
        return visit.reader.utc_s_of(text)
    except ValueError as err:
        raise InvalidError(f"{text[:40]!r} is no date and time", code="bad_times") from err


def _components(visit: Visit, gateway: str) -> tuple[ComponentRow, ...]:
    if gateway:
        visit.require_gateway(Action.READ_FLEET, gateway)
    found = devices.device(visit.backend.store, gateway) if gateway else None
    return found.components if found else ()


def _component(visit: Visit, gateway: str, text: str) -> int:
    """Returns the component that the form names. Raises InvalidError where it is elsewhere."""
    for each in _components(visit, gateway):
        if str(each.id) == text:
            return each.id
    raise InvalidError(f"{gateway[:40]} has no component {text[:20]!r}", code="no_component")


def _end_of_day(visit: Visit, text: str) -> int:
    return moment_s(visit, f"{text[:10]}T23:59:59")


def _form(visit: Visit, typed: dict[str, str], refusal: ActError | None = None) -> Response:
    fields = ("gateway", "kind", "priority", "failure_mode", "title", "instructions", "checklist")
    return visit.page(
        "maintenance_new.html",
        status_code=refusal.status if refusal else 200,
        form=dict.fromkeys((*fields, "due", "component"), "") | typed,
        components=_components(visit, typed.get("gateway", "")),
        chosen=typed.get("component", ""),
        refusal=refusal,
        gateways=names(visit),
        mw=mw,
        max_title=work_orders.MAX_TITLE,
        max_text=work_orders.MAX_TEXT,
    )
