"""One work order, made for a phone in a gloved hand: move on, tick off, photograph, write up."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response

from doorward_controller.console import maintenance_words as mw
from doorward_controller.console.fleet_words import COMPONENTS
from doorward_controller.console.i18n import minor_units
from doorward_controller.console.maintenance import moment_s, one_of
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.work_orders import (
    JUDGING,
    WORKED_ON,
    CheckResult,
    FailureCause,
    FailureMode,
    OrderTurn,
    Remedy,
    own_work,
)
from doorward_controller.errors import ActError, InvalidError, NotFoundError
from doorward_controller.queries import device_life, devices, spare_parts
from doorward_controller.queries import work_orders as queries
from doorward_controller.queries.devices import ComponentRow
from doorward_controller.services import (
    device_downtime,
    order_photos,
    service_journal,
    work_orders,
)
from doorward_controller.services import spare_parts as parts_acts
from doorward_controller.services.labour import rate_of

router = APIRouter()

_NOTES_OFFERED = 10


@router.get("/maintenance/orders/{order_id}")
def order_page(visit: SignedIn, order_id: int) -> Response:
    """Shows one order."""
    visit.require_somewhere(Action.READ_MAINTENANCE)
    return _page(visit, order_id)


@router.post("/maintenance/orders/{order_id}/move")
def move_act(
    visit: GenuineSignedIn,
    order_id: int,
    turn: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=2_000)] = "",
    planned: Annotated[str, Form(max_length=20)] = "",
    assignee: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Takes a turn."""

    def act() -> None:
        moving = work_orders.Moving(
            turn=one_of(OrderTurn, turn),
            note=note,
            scheduled_for_utc_s=moment_s(visit, planned) if planned else None,
            assignee=assignee or (visit.actor.name if turn == OrderTurn.SCHEDULE else ""),
        )
        work_orders.move(visit.backend, visit.actor, order_id, moving)

    return _do(visit, order_id, act, "moved")


@router.post("/maintenance/orders/{order_id}/write-up")
def write_up_act(
    visit: GenuineSignedIn,
    order_id: int,
    failure_mode: Annotated[str, Form(max_length=20)] = "",
    cause: Annotated[str, Form(max_length=20)] = "",
    remedy: Annotated[str, Form(max_length=20)] = "",
    findings: Annotated[str, Form(max_length=4_000)] = "",
    serial_old: Annotated[str, Form(max_length=80)] = "",
    serial_new: Annotated[str, Form(max_length=80)] = "",
    labour_minutes: Annotated[str, Form(max_length=8)] = "",
    cost: Annotated[str, Form(max_length=20)] = "",
    currency: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Writes down what was found, done and spent."""

    def act() -> None:
        minor, code = money_of(cost, currency)
        told = work_orders.WriteUp(
            failure_mode=one_of(FailureMode, failure_mode) if failure_mode else None,
            cause=one_of(FailureCause, cause) if cause else None,
            remedy=one_of(Remedy, remedy) if remedy else None,
            findings=findings,
            serial_old=serial_old,
            serial_new=serial_new,
            labour_minutes=whole(labour_minutes, "minutes"),
            cost_minor=minor,
            currency=code,
        )
        work_orders.write_up(visit.backend, visit.actor, order_id, told)

    return _do(visit, order_id, act, "kept")


@router.post("/maintenance/orders/{order_id}/checks/{position}")
def check_act(
    visit: GenuineSignedIn,
    order_id: int,
    position: int,
    result: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Ticks a point off."""

    def act() -> None:
        given = one_of(CheckResult, result)
        work_orders.answer_check(visit.backend, visit.actor, order_id, position, given, note)

    return _do(visit, order_id, act, "", fragment=f"check-{position}")


@router.post("/maintenance/orders/{order_id}/photos")
def photo_act(
    visit: GenuineSignedIn,
    order_id: int,
    photo: Annotated[UploadFile, File()],
    caption: Annotated[str, Form(max_length=400)] = "",
) -> Response:
    """Keeps a photograph."""

    def act() -> None:
        content = photo.file.read(order_photos.MAX_UPLOAD_BYTES + 1)
        order_photos.add_photo(visit.backend, visit.actor, order_id, content, caption)

    return _do(visit, order_id, act, "kept", fragment="photos")


@router.get("/maintenance/orders/{order_id}/photos/{photo_id}.jpg")
def photo_file(visit: SignedIn, order_id: int, photo_id: int) -> Response:
    """Gives a photograph out, as a picture and nothing else."""
    visit.require_somewhere(Action.READ_MAINTENANCE)
    if visit.zones is not None:
        _view(visit, order_id)
    content = order_photos.read_photo(visit.backend, order_id, photo_id)
    headers = {
        "Content-Disposition": f'inline; filename="order-{order_id}-{photo_id}.jpg"',
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type=order_photos.MEDIA_TYPE, headers=headers)


@router.post("/maintenance/orders/{order_id}/parts")
def part_act(
    visit: GenuineSignedIn,
    order_id: int,
    part: Annotated[int, Form()] = 0,
    count: Annotated[str, Form(max_length=8)] = "1",
) -> Response:
    """Takes parts from the shelf, or brings some back."""

    def act() -> None:
        number = whole(count.removeprefix("-"), "count") * (-1 if count.startswith("-") else 1)
        parts_acts.use_part(visit.backend, visit.actor, order_id, part, number)

    return _do(visit, order_id, act, "kept", fragment="parts")


@router.post("/maintenance/orders/{order_id}/downtime")
def downtime_act(
    visit: GenuineSignedIn,
    order_id: int,
    began: Annotated[str, Form(max_length=20)] = "",
    ended: Annotated[str, Form(max_length=20)] = "",
    planned: Annotated[str, Form(max_length=4)] = "",
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Enters when the device did not serve."""

    def act() -> None:
        order = _view(visit, order_id).order
        new = device_downtime.NewDowntime(
            gateway=order.gateway,
            component_id=order.component_id,
            order_id=order_id,
            began_utc_s=moment_s(visit, began),
            ended_utc_s=moment_s(visit, ended) if ended else None,
            planned=planned == "yes",
            reason=reason,
        )
        device_downtime.add_downtime(visit.backend, visit.actor, new)

    return _do(visit, order_id, act, "kept", fragment="downtime")


@router.post("/maintenance/orders/{order_id}/notes")
def note_act(visit: GenuineSignedIn, order_id: int, record: Annotated[int, Form()] = 0) -> Response:
    """Ties what was written at the device to the order."""

    def act() -> None:
        service_journal.attach_record(visit.backend, visit.actor, order_id, record)

    return _do(visit, order_id, act, "kept", fragment="notes")


def whole(text: str, code: str) -> int:
    """Returns a typed whole number, nothing as 0. Raises InvalidError."""
    plain = text.strip() or "0"
    if not (plain.isascii() and plain.isdigit()):
        raise InvalidError(f"{text[:40]!r} is no whole number", code=code)
    return int(plain)


def money_of(amount: str, currency: str) -> tuple[int, str]:
    """Returns an amount as typed, and its currency, for an act. Raises InvalidError."""
    code = currency.strip().upper()
    try:
        minor = minor_units(amount, code)
    except ValueError as err:
        raise InvalidError(str(err), code="cost") from err
    return minor, code if minor else ""


def _do(
    visit: Visit, order_id: int, act: Callable[[], None], done: str, fragment: str = ""
) -> Response:
    """Acts and shows the order again; a refusal is said above what was refused."""
    try:
        act()
    except ActError as err:
        if err.code == "forbidden":
            raise
        return _page(visit, order_id, err)
    path = f"/maintenance/orders/{order_id}"
    target = visit.go(path, done=done) if done else visit.go(path)
    if fragment:
        target.headers["location"] += f"#{fragment}"
    return target


def _view(visit: Visit, order_id: int) -> queries.OrderView:
    found = queries.view(
        visit.backend.store, order_id, visit.reader.now_ms // 1000, rate_of(visit.backend.config)
    )
    if found is None:
        raise NotFoundError(f"there is no work order {order_id}")
    visit.require_gateway(Action.READ_MAINTENANCE, found.order.gateway)
    return found


def _page(visit: Visit, order_id: int, refusal: ActError | None = None) -> Response:
    visit.require_somewhere(Action.READ_MAINTENANCE)
    view = _view(visit, order_id)
    order = view.order
    local_now = visit.reader.local(visit.reader.now_ms)
    works = visit.may(Action.DO_MAINTENANCE)
    attached = {note.record_id for note in view.notes}
    notes: tuple[queries.ServiceNote, ...] = ()
    if works:
        every = device_life.notes_of_device(visit.backend.store, order.gateway_id)
        notes = tuple(note for note in every if note.record_id not in attached)[:_NOTES_OFFERED]
    return visit.page(
        "work_order.html",
        status_code=refusal.status if refusal else 200,
        view=view,
        order=order,
        turns=_turns(visit, view),
        own=_own(visit, view),
        is_in_work=works and order.state in WORKED_ON,
        component=_component(visit, view),
        component_kinds=COMPONENTS,
        parts=spare_parts.every(visit.backend.store, visit.backend.config.site),
        notes=notes,
        now_field=local_now.strftime("%Y-%m-%dT%H:%M"),
        now_s=visit.reader.now_ms // 1000,
        refusal=refusal,
        mw=mw,
        upload_mb=order_photos.MAX_UPLOAD_BYTES // 2**20,
    )


def _component(visit: Visit, view: queries.OrderView) -> ComponentRow | None:
    """Returns what the order is about, also where it was taken out since."""
    order = view.order
    if order.component_id is None:
        return None
    store = visit.backend.store
    device = devices.device(store, order.gateway)
    here = (*(device.components if device else ()), *devices.past_components(store, order.gateway))
    return next((each for each in here if each.id == order.component_id), None)


def _turns(visit: Visit, view: queries.OrderView) -> tuple[str, ...]:
    """Returns the turns that the reader may take now."""
    return tuple(turn for turn in view.possible if _may(visit, view, OrderTurn(turn)))


def _may(visit: Visit, view: queries.OrderView, turn: OrderTurn) -> bool:
    approves, works = (
        visit.may(Action.APPROVE_MAINTENANCE),
        visit.may(Action.DO_MAINTENANCE),
    )
    if turn in JUDGING:
        return approves and _refusal(visit, view, turn) is None
    return works or (turn is OrderTurn.CANCEL and approves)


def _own(visit: Visit, view: queries.OrderView) -> str:
    """Returns why the reader, who might otherwise, may not judge this order; or nothing."""
    if not visit.may(Action.APPROVE_MAINTENANCE):
        return ""
    reasons = (_refusal(visit, view, OrderTurn(turn)) for turn in view.possible)
    return next((reason for reason in reasons if reason), "")


def _refusal(visit: Visit, view: queries.OrderView, turn: OrderTurn) -> str | None:
    why = own_work(
        turn,
        visit.actor.name,
        requested_by=view.order.requested_by,
        done_by=work_orders.done_by(view.turns),
    )
    return why.value if why else None
