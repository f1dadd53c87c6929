"""Work orders: asked for, moved on, written up. Each act is one transaction and one audit entry.

Who asks does not approve, who works does not verify; domain/work_orders.py has the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from doorward_controller.domain.permissions import Action, Actor, Extent, Role, allows
from doorward_controller.domain.work_orders import (
    DEADLINES_S,
    JUDGING,
    OPEN,
    WORKED_ON,
    WORKING,
    CheckResult,
    FailureCause,
    FailureMode,
    OrderKind,
    OrderOrigin,
    OrderState,
    OrderTurn,
    OwnWork,
    Priority,
    Remedy,
    after,
    own_work,
)
from doorward_controller.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.store import devices, downtimes, gateways, plans
from doorward_controller.store import work_orders as rows
from doorward_controller.store.work_orders import StoredOrder, StoredTurn

MAX_TITLE = 120
MAX_TEXT = 2_000
MAX_POINT = 200
MAX_POINTS = 60
MAX_SERIAL = 80
MAX_MINUTES = 60 * 24 * 30
MAX_COST_MINOR = 10**12
ALERTS = Actor(name="alerts", role=Role.FACILITY)
"""Asks for what an alert shows to be needed."""

REQUEST = "request"
_OWN = {
    OwnWork.REQUESTED: "who asked for an order does not approve it",
    OwnWork.DONE: "who did the work does not judge it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """What is asked for; without a deadline the priority gives one."""

    gateway: str
    kind: OrderKind
    priority: Priority
    title: str
    instructions: str = ""
    component_id: int | None = None
    deadline_utc_s: int | None = None
    checklist: tuple[str, ...] = ()
    failure_mode: FailureMode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What else is known of an order that is opened."""

    site: str
    by: str
    now_utc_s: int
    origin: OrderOrigin = OrderOrigin.HAND
    origin_id: int | None = None
    state: OrderState = OrderState.REQUESTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """What is said with a turn; planned start and technician belong to scheduling alone."""

    turn: OrderTurn
    note: str = ""
    scheduled_for_utc_s: int | None = None
    assignee: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteUp:
    """What was found, done and spent; None leaves a choice open."""

    failure_mode: FailureMode | None = None
    cause: FailureCause | None = None
    remedy: Remedy | None = None
    findings: str = ""
    serial_old: str = ""
    serial_new: str = ""
    labour_minutes: int = 0
    cost_minor: int = 0
    currency: str = ""


def request(backend: Backend, actor: Actor, wanted: OrderRequest) -> int:
    """Asks for work; returns the order's number.

    Raises ForbiddenError, InvalidError or NotFoundError.
    """
    with act(
        backend, actor, _asking(actor), name="request_order", subject=wanted.gateway, placed=True
    ) as doing:
        doing.at_gateway_named(wanted.gateway)
        opening = Opening(site=backend.config.site, by=actor.name, now_utc_s=doing.now.utc_s)
        number = open_order(doing.connection, wanted, opening)
        doing.detail.update(order=number, kind=wanted.kind.value, priority=wanted.priority.value)
    return number


def open_from_alert(
    backend: Backend,
    *,
    alert_id: int,
    gateway: str,
    title: str,
    instructions: str = "",
    priority: Priority = Priority.HIGH,
    component_id: int | None = None,
    actor: Actor = ALERTS,
) -> int:
    """Returns the number of the order for an alert; one that waits already is not doubled.

    Args:
        backend: the controller's parts.
        alert_id: which alert.
        gateway: whose.
        title: what is wrong; cut to what a title holds.
        instructions: what else is known.
        priority: how soon.
        component_id: which part of the gateway, if that is known.
        actor: the person who opens it from the alert; the program itself by default.

    Raises:
        ForbiddenError: the actor may not.
        NotFoundError: there is no such gateway.
    """
    wanted = OrderRequest(
        gateway=gateway,
        kind=OrderKind.CORRECTIVE,
        priority=priority,
        title=title.strip()[:MAX_TITLE],
        instructions=instructions[:MAX_TEXT],
        component_id=component_id,
    )
    with act(
        backend, actor, _asking(actor), name="request_order", subject=gateway, placed=True
    ) as doing:
        _, gateway_id = _device(doing.connection, backend.config.site, gateway)
        doing.at_gateway(gateway_id)
        downtimes.lock_device(doing.connection, gateway_id)
        waiting = rows.open_of_origin(doing.connection, OrderOrigin.ALERT, alert_id, OPEN)
        doing.detail.update(alert=alert_id, order=waiting)
        if waiting is not None:
            return waiting
        opening = Opening(
            site=backend.config.site,
            by=actor.name,
            now_utc_s=doing.now.utc_s,
            origin=OrderOrigin.ALERT,
            origin_id=alert_id,
        )
        number = open_order(doing.connection, wanted, opening)
        doing.detail.update(order=number)
    return number


def open_order(connection: sa.Connection, wanted: OrderRequest, opening: Opening) -> int:
    """Inserts an order within the caller's transaction. Raises InvalidError or NotFoundError."""
    _check_request(wanted, opening.now_utc_s)
    _, gateway_id = _device(connection, opening.site, wanted.gateway)
    _check_component(connection, gateway_id, wanted.component_id)
    deadline = wanted.deadline_utc_s or opening.now_utc_s + DEADLINES_S[wanted.priority]
    number = rows.add(
        connection,
        site=opening.site,
        gateway_id=gateway_id,
        component_id=wanted.component_id,
        kind=wanted.kind.value,
        priority=wanted.priority.value,
        state=opening.state.value,
        title=wanted.title.strip(),
        instructions=wanted.instructions.strip(),
        origin=opening.origin.value,
        origin_id=opening.origin_id,
        requested_by=opening.by,
        requested_at_utc_s=opening.now_utc_s,
        deadline_utc_s=deadline,
        failure_mode=wanted.failure_mode.value if wanted.failure_mode else "",
        labour_minutes=0,
        cost_minor=0,
        changed_at_utc_s=opening.now_utc_s,
        **dict.fromkeys(
            ("assignee", "cause", "remedy", "findings", "serial_old", "serial_new", "currency"), ""
        ),
    )
    rows.add_checks(connection, number, [point.strip() for point in wanted.checklist])
    first = StoredTurn(
        turn=REQUEST, state=opening.state.value, who=opening.by,
        at_utc_s=opening.now_utc_s, note="",
    )  # fmt: skip
    rows.add_turn(connection, number, first)
    return number


def move(backend: Backend, actor: Actor, order_id: int, moving: Moving) -> OrderState:
    """Takes a turn; returns the new state.

    Raises:
        ForbiddenError: the role does not allow it, or it would be judging one's own.
        ConflictError: the order's state excludes it, or the work is not written up.
        InvalidError: what is said with it is out of bounds.
        NotFoundError: there is no such order.
    """
    turn = moving.turn
    with act(
        backend, actor, _needed(actor, turn),
        name="move_order", subject=str(order_id), placed=True,
    ) as doing:  # fmt: skip
        doing.detail["turn"] = turn.value
        order = locked(doing, order_id)
        state = after(order.state, turn)
        if state is None:
            raise ConflictError(
                f"order {order_id} is {order.state}; it cannot be told to {turn}",
                code="turn_impossible",
            )
        _check_duties(doing.connection, actor, order, turn)
        values = _values_of(doing, order, moving)
        values |= {"state": state.value, "changed_at_utc_s": doing.now.utc_s}
        rows.change(doing.connection, order_id, values)
        taken = StoredTurn(
            turn=turn.value, state=state.value, who=actor.name,
            at_utc_s=doing.now.utc_s, note=_text(moving.note, "note", MAX_TEXT),
        )  # fmt: skip
        rows.add_turn(doing.connection, order_id, taken)
        _follow(doing, replace(order, state=state), turn)
    return state


def write_up(backend: Backend, actor: Actor, order_id: int, told: WriteUp) -> None:
    """Writes down what was found, done and spent, while the work is under way.

    Raises ForbiddenError, NotFoundError, ConflictError or InvalidError.
    """
    with act(
        backend, actor, Action.DO_MAINTENANCE,
        name="write_up_order", subject=str(order_id), placed=True,
    ) as doing:  # fmt: skip
        in_work(doing, order_id)
        _check_write_up(told)
        values: dict[str, object] = {
            "failure_mode": told.failure_mode.value if told.failure_mode else "",
            "cause": told.cause.value if told.cause else "",
            "remedy": told.remedy.value if told.remedy else "",
            "findings": _text(told.findings, "findings", MAX_TEXT),
            "serial_old": _text(told.serial_old, "serial_old", MAX_SERIAL),
            "serial_new": _text(told.serial_new, "serial_new", MAX_SERIAL),
            "labour_minutes": told.labour_minutes,
            "cost_minor": told.cost_minor,
            "currency": told.currency,
            "changed_at_utc_s": doing.now.utc_s,
        }
        rows.change(doing.connection, order_id, values)


def answer_check(
    backend: Backend,
    actor: Actor,
    order_id: int,
    position: int,
    result: CheckResult,
    note: str = "",
) -> None:
    """Writes what a point of the checklist came to.

    Raises ForbiddenError, NotFoundError, ConflictError or InvalidError.
    """
    with act(
        backend, actor, Action.DO_MAINTENANCE,
        name="answer_check", subject=str(order_id), placed=True,
    ) as doing:  # fmt: skip
        in_work(doing, order_id)
        values: dict[str, object] = {
            "result": result.value,
            "note": _text(note, "note", MAX_POINT),
            "who": actor.name,
            "at_utc_s": doing.now.utc_s,
        }
        if not rows.set_check(doing.connection, order_id, position, values):
            raise NotFoundError(f"order {order_id} has no point {position}", code="no_check")
        doing.detail.update(point=position, result=result.value)


def locked(doing: Act, order_id: int) -> StoredOrder:
    """Returns the order, which nobody else changes meanwhile.

    Raises NotFoundError, or ForbiddenError for one of a device elsewhere.
    """
    order = rows.find(doing.connection, order_id, lock=True)
    if order is None:
        raise NotFoundError(f"there is no work order {order_id}", code="no_order")
    doing.at_gateway(order.gateway_id)
    return order


def in_work(doing: Act, order_id: int) -> StoredOrder:
    """Returns an order on which work is under way. Raises NotFoundError or ConflictError."""
    order = locked(doing, order_id)
    if order.state not in WORKED_ON:
        raise ConflictError(
            f"order {order_id} is {order.state}; work must be in progress or on hold",
            code="not_in_work",
        )
    return order


def done_by(turns: Sequence[StoredTurn]) -> frozenset[str]:
    """Returns who has worked on an order."""
    working = {turn.value for turn in WORKING}
    return frozenset(each.who for each in turns if each.turn in working)


def _asking(actor: Actor) -> Action:
    """Whoever maintains or answers for maintenance may ask for it."""
    if allows(actor, Action.APPROVE_MAINTENANCE, Extent.SOMEWHERE):
        return Action.APPROVE_MAINTENANCE
    return Action.DO_MAINTENANCE


def _needed(actor: Actor, turn: OrderTurn) -> Action:
    if turn in JUDGING:
        return Action.APPROVE_MAINTENANCE
    return _asking(actor) if turn is OrderTurn.CANCEL else Action.DO_MAINTENANCE


def _check_duties(
    connection: sa.Connection, actor: Actor, order: StoredOrder, turn: OrderTurn
) -> None:
    doers = done_by(rows.turns(connection, order.id))
    why = own_work(turn, actor.name, requested_by=order.requested_by, done_by=doers)
    if why is not None:
        raise ForbiddenError(_OWN[why], code=why.value)


def _values_of(doing: Act, order: StoredOrder, moving: Moving) -> dict[str, object]:
    """Returns what a turn changes beside the state."""
    now, turn = doing.now.utc_s, moving.turn
    if turn is OrderTurn.SCHEDULE:
        planned = moving.scheduled_for_utc_s
        if planned is None or not 0 < planned < 2**40:
            raise InvalidError("say when the work is to begin", code="no_day")
        return {
            "scheduled_for_utc_s": planned,
            "assignee": _text(moving.assignee, "assignee", MAX_SERIAL),
        }
    if turn is OrderTurn.START:
        return {"began_at_utc_s": now}
    if turn is OrderTurn.FINISH:
        _check_finished(doing.connection, order)
        return {"done_at_utc_s": now}
    if turn is OrderTurn.SEND_BACK:
        return {"done_at_utc_s": None}
    return {}


def _check_finished(connection: sa.Connection, order: StoredOrder) -> None:
    open_points = [each for each in rows.checks(connection, order.id) if not each.result]
    if open_points:
        raise ConflictError(
            f"{len(open_points)} points of the checklist are open", code="checks_open"
        )
    is_told = order.failure_mode and order.cause and order.remedy
    if order.kind == OrderKind.CORRECTIVE and not is_told:
        raise ConflictError(
            "say what failed, why, and what helped, before the work is done", code="not_written_up"
        )


def _follow(doing: Act, order: StoredOrder, turn: OrderTurn) -> None:
    """What an end of the work ends with it: downtime that lasts, and a plan's waiting."""
    if turn not in {OrderTurn.FINISH, OrderTurn.CANCEL}:
        return
    now = doing.now.utc_s
    for each in downtimes.of_order(doing.connection, order.id):
        if each.ended_utc_s is None:
            downtimes.end(doing.connection, each.id, max(now, each.began_utc_s))
    place = plans.of_order(doing.connection, order.id)
    if place is None:
        return
    values: dict[str, object] = {"open_order_id": None, "condition_since_utc_s": None}
    if turn is OrderTurn.FINISH:
        values["last_done_utc_s"] = now
    plans.change_device(doing.connection, place.id, values)
    plans.reset_count(doing.connection, place)


def _device(connection: sa.Connection, site: str, name: str) -> tuple[str, int]:
    found = gateways.find(connection, site, name)
    if found is None:
        raise NotFoundError(f"there is no gateway {name[:40]!r}", code="no_gateway")
    return found.name, found.id


def _check_component(connection: sa.Connection, gateway_id: int, component_id: int | None) -> None:
    if component_id is None:
        return
    found = devices.component(connection, component_id)
    if found is None or found.gateway_id != gateway_id:
        raise InvalidError(f"the device has no component {component_id}", code="no_component")


def _check_request(wanted: OrderRequest, now_utc_s: int) -> None:
    if not wanted.title.strip():
        raise InvalidError("say in a few words what is to be done", code="title_empty")
    _text(wanted.title, "title", MAX_TITLE)
    _text(wanted.instructions, "instructions", MAX_TEXT)
    if len(wanted.checklist) > MAX_POINTS:
        raise InvalidError(
            f"the checklist has {len(wanted.checklist)} points, at most {MAX_POINTS}",
            code="checklist_long",
        )
    for point in wanted.checklist:
        if not _text(point, "point", MAX_POINT):
            raise InvalidError("a point of the checklist is empty", code="point_empty")
    if wanted.deadline_utc_s is not None and not now_utc_s < wanted.deadline_utc_s < 2**40:
        raise InvalidError("the deadline must lie ahead", code="deadline_past")


def _check_write_up(told: WriteUp) -> None:
    if not 0 <= told.labour_minutes <= MAX_MINUTES:
        raise InvalidError(
            f"labour is {told.labour_minutes} minutes, must be 0 to {MAX_MINUTES}", code="minutes"
        )
    check_money(told.cost_minor, told.currency)


def check_money(amount_minor: int, currency: str) -> None:
    """Raises InvalidError for an amount that is none, or one without its currency."""
    if not 0 <= amount_minor <= MAX_COST_MINOR:
        raise InvalidError(f"the cost must be 0 to {MAX_COST_MINOR} minor units", code="cost")
    is_code = len(currency) == 3 and currency.isascii() and currency.isalpha()  # ISO 4217
    if not (is_code and currency.isupper()) and (amount_minor or currency):
        raise InvalidError("a cost needs its currency, as CNY or EUR", code="currency")


def _text(value: str, name: str, most: int) -> str:
    plain = value.strip()
    if len(plain) > most:
        raise InvalidError(f"{name} has {len(plain)} characters, at most {most}", code="too_long")
    if "\0" in plain:
        raise InvalidError(f"{name} holds a character that no database keeps", code="bad_text")
    return plain
