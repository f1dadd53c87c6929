"""Maintenance: work orders and what hangs on them."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Path, Query, UploadFile
from fastapi.responses import Response
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, NeedsSomewhere, check_gateway
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import WORK_ORDER, Changes, Shows
from doorward_controller.domain.alert_texts import Tongue, title_of
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.work_orders import (
    CheckResult,
    FailureCause,
    FailureMode,
    OrderKind,
    OrderState,
    OrderTurn,
    Priority,
    Remedy,
)
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import alerts
from doorward_controller.queries import work_orders as queries
from doorward_controller.queries.paging import Page
from doorward_controller.queries.work_orders import OrderFilter, OrderView
from doorward_controller.services import (
    device_downtime,
    order_photos,
    service_journal,
    spare_parts,
    work_orders,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.labour import rate_of
from doorward_controller.store.work_orders import StoredOrder

router = APIRouter(prefix="/maintenance", tags=["maintenance"])
reads = Depends(NeedsSomewhere(Action.READ_MAINTENANCE))

Seconds = Annotated[int, Field(ge=0, lt=2**40)]
Number = Annotated[int, Field(ge=0, lt=2**53)]
Name = Annotated[str, Field(max_length=64)]
Text = Annotated[str, Field(max_length=work_orders.MAX_TEXT)]
Short = Annotated[str, Field(max_length=work_orders.MAX_POINT)]


class OrderBody(BaseModel):
    """Work that is asked for; without a deadline the priority gives one."""

    gateway: Name
    kind: OrderKind
    priority: Priority
    title: str = Field(max_length=work_orders.MAX_TITLE)
    instructions: Text = ""
    component_id: Number | None = None
    deadline_utc_s: Seconds | None = None
    checklist: list[Short] = Field([], max_length=work_orders.MAX_POINTS)
    failure_mode: FailureMode | None = None


class MoveBody(BaseModel):
    """A turn; planned start and technician belong to scheduling alone."""

    turn: OrderTurn
    note: Text = ""
    scheduled_for_utc_s: Seconds | None = None
    assignee: str = Field("", max_length=work_orders.MAX_SERIAL)


class WriteUpBody(BaseModel):
    """What was found, done and spent; costs in the currency's smallest unit."""

    failure_mode: FailureMode | None = None
    cause: FailureCause | None = None
    remedy: Remedy | None = None
    findings: Text = ""
    serial_old: str = Field("", max_length=work_orders.MAX_SERIAL)
    serial_new: str = Field("", max_length=work_orders.MAX_SERIAL)
    labour_minutes: int = Field(0, ge=0, le=work_orders.MAX_MINUTES)
    cost_minor: int = Field(0, ge=0, le=work_orders.MAX_COST_MINOR)
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""


class CheckBody(BaseModel):
    """What a point of the checklist came to."""

    result: CheckResult
    note: Short = ""


class UseBody(BaseModel):
    """Parts taken for an order; below zero, brought back."""

    part_id: Number
    count: int = Field(ge=-spare_parts.MAX_COUNT, le=spare_parts.MAX_COUNT)


class RecordBody(BaseModel):
    """A line of the gateway's own service journal, by its record's number."""

    record_id: Number


class DowntimeBody(BaseModel):
    """When a device did not serve; without an end it lasts."""

    gateway: Name
    began_utc_s: Seconds
    ended_utc_s: Seconds | None = None
    planned: bool = False
    reason: str = Field("", max_length=device_downtime.MAX_REASON)
    component_id: Number | None = None
    order_id: Number | None = None


class EndBody(BaseModel):
    """When downtime ended; now, if nothing is said."""

    ended_utc_s: Seconds | None = None


class MadeBody(BaseModel):
    """The number of what was made."""

    id: int


class StateBody(BaseModel):
    """The state after a turn."""

    state: OrderState


class StockBody(BaseModel):
    """What is left on the shelf."""

    stock: int


@router.get("/orders", dependencies=[reads])
def listed(
    backend: BackendDep,
    actor: ActorDep,
    paging: Paging,
    state: Annotated[str, Query(max_length=20)] = "",
    gateway: Annotated[str, Query(max_length=64)] = "",
    is_open: Annotated[bool, Query(alias="open")] = False,  # noqa: FBT002  # a query, not an argument
) -> Page[StoredOrder]:
    """Work orders, the newest first."""
    wanted = OrderFilter(state=state, gateway=gateway, is_open=is_open, zones=actor.zones)
    return paging.given(
        queries.page(backend.store, wanted, cursor=paging.cursor, limit=paging.limit)
    )


@router.post(
    "/orders",
    status_code=201,
    dependencies=[Depends(NeedsSomewhere(Action.DO_MAINTENANCE, Action.APPROVE_MAINTENANCE))],
)
def request(body: OrderBody, backend: BackendDep, actor: ActorDep) -> MadeBody:
    """Asks for work, which somebody else approves."""
    values = body.model_dump() | {"checklist": tuple(body.checklist)}
    wanted = work_orders.OrderRequest(**values)
    return MadeBody(id=work_orders.request(backend, actor, wanted))


@router.post(
    "/orders/from-alert/{alert_id}",
    status_code=201,
    dependencies=[Depends(NeedsSomewhere(Action.DO_MAINTENANCE, Action.APPROVE_MAINTENANCE))],
)
def request_from_alert(
    alert_id: Annotated[int, Path(ge=1, lt=2**63)],
    backend: BackendDep,
    actor: ActorDep,
    language: Tongue = Tongue.ENGLISH,
) -> MadeBody:
    """Asks for the work that an alert shows to be needed; the order that waits already, if any.

    An alert that only security may see opens none: a work order would tell of it.
    """
    alert = alerts.alert(backend.store, alert_id, with_discreet=False)
    if alert is None or not alert.gateway:
        raise NotFoundError(f"there is no alert {alert_id} of a gateway", code="no_alert")
    check_gateway(backend, actor, Action.READ_FLEET, alert.gateway)
    title = title_of(alert.fact, language)
    number = work_orders.open_from_alert(
        backend, alert_id=alert_id, gateway=alert.gateway, title=title, actor=actor
    )
    return MadeBody(id=number)


@router.get("/orders/{order_id}", dependencies=[reads, Shows(WORK_ORDER)])
def shown(order_id: Number, backend: BackendDep, actor: ActorDep) -> OrderView:
    """One order with everything on it."""
    return _view(backend, actor, order_id)


@router.post(
    "/orders/{order_id}/turns",
    dependencies=[
        Depends(NeedsSomewhere(Action.DO_MAINTENANCE, Action.APPROVE_MAINTENANCE)),
        Changes(WORK_ORDER),
    ],
)
def move(order_id: Number, body: MoveBody, backend: BackendDep, actor: ActorDep) -> StateBody:
    """Takes a turn; docs/reference/work-order.md has the table."""
    moving = work_orders.Moving(**body.model_dump())
    return StateBody(state=work_orders.move(backend, actor, order_id, moving))


@router.put(
    "/orders/{order_id}/write-up",
    status_code=204,
    dependencies=[Depends(NeedsSomewhere(Action.DO_MAINTENANCE)), Changes(WORK_ORDER, needed=True)],
)
def write_up(order_id: Number, body: WriteUpBody, backend: BackendDep, actor: ActorDep) -> None:
    """Writes down what was found, done and spent."""
    work_orders.write_up(backend, actor, order_id, work_orders.WriteUp(**body.model_dump()))


@router.put(
    "/orders/{order_id}/checks/{position}",
    status_code=204,
    dependencies=[Depends(NeedsSomewhere(Action.DO_MAINTENANCE)), Changes(WORK_ORDER)],
)
def check(
    order_id: Number, position: Number, body: CheckBody, backend: BackendDep, actor: ActorDep
) -> None:
    """Answers a point of the checklist."""
    work_orders.answer_check(backend, actor, order_id, position, body.result, body.note)


@router.post(
    "/orders/{order_id}/photos",
    status_code=201,
    dependencies=[Depends(NeedsSomewhere(Action.DO_MAINTENANCE))],
)
def add_photo(
    order_id: Number,
    backend: BackendDep,
    actor: ActorDep,
    photo: Annotated[UploadFile, File()],
    caption: Annotated[str, Form(max_length=work_orders.MAX_POINT)] = "",
) -> MadeBody:
    """Keeps a photograph (JPEG, PNG, WebP; up to 12 MB), drawn anew and sealed."""
    content = photo.file.read(order_photos.MAX_UPLOAD_BYTES + 1)
    return MadeBody(id=order_photos.add_photo(backend, actor, order_id, content, caption))


@router.get("/orders/{order_id}/photos/{photo_id}", dependencies=[reads], response_class=Response)
def read_photo(
    order_id: Number, photo_id: Number, backend: BackendDep, actor: ActorDep
) -> Response:
    """Gives a photograph out as JPEG."""
    if actor.zones is not None:
        _view(backend, actor, order_id)
    content = order_photos.read_photo(backend, order_id, photo_id)
    return Response(
        content,
        media_type=order_photos.MEDIA_TYPE,
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": f'attachment; filename="order-{order_id}-{photo_id}.jpg"',
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )


@router.post(
    "/orders/{order_id}/parts", dependencies=[Depends(NeedsSomewhere(Action.DO_MAINTENANCE))]
)
def use_part(order_id: Number, body: UseBody, backend: BackendDep, actor: ActorDep) -> StockBody:
    """Takes parts from the shelf for an order."""
    left = spare_parts.use_part(backend, actor, order_id, body.part_id, body.count)
    return StockBody(stock=left)


@router.post(
    "/orders/{order_id}/records",
    status_code=204,
    dependencies=[Depends(NeedsSomewhere(Action.DO_MAINTENANCE))],
)
def attach(order_id: Number, body: RecordBody, backend: BackendDep, actor: ActorDep) -> None:
    """Ties what was written at the device to an order."""
    service_journal.attach_record(backend, actor, order_id, body.record_id)


@router.post(
    "/downtimes", status_code=201, dependencies=[Depends(NeedsSomewhere(Action.DO_MAINTENANCE))]
)
def add_downtime(body: DowntimeBody, backend: BackendDep, actor: ActorDep) -> MadeBody:
    """Enters when a device did not serve."""
    new = device_downtime.NewDowntime(**body.model_dump())
    return MadeBody(id=device_downtime.add_downtime(backend, actor, new))


@router.post(
    "/downtimes/{downtime_id}/end",
    status_code=204,
    dependencies=[Depends(NeedsSomewhere(Action.DO_MAINTENANCE))],
)
def end_downtime(downtime_id: Number, body: EndBody, backend: BackendDep, actor: ActorDep) -> None:
    """Ends downtime that lasts."""
    device_downtime.end_downtime(backend, actor, downtime_id, body.ended_utc_s)


def _view(backend: Backend, actor: Actor, order_id: int) -> OrderView:
    found = queries.view(
        backend.store, order_id, backend.clock.now().utc_s, rate_of(backend.config)
    )
    if found is None:
        raise NotFoundError(f"there is no work order {order_id}", code="no_order")
    check_gateway(backend, actor, Action.READ_MAINTENANCE, found.order.gateway)
    return found
