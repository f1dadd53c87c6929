"""Maintenance: plans, spare parts, figures, and the life of a device."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Needs, NeedsGateway, NeedsSomewhere
from doorward_controller.api.maintenance import MadeBody, Name, Number, Short, StockBody, Text
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import PART, PLAN, Changes, Shows
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.plan_rules import RuleBody
from doorward_controller.domain.work_orders import DAY_S, OrderKind, Priority
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import (
    device_life,
    maintenance_figures,
    maintenance_plans,
)
from doorward_controller.queries import spare_parts as part_queries
from doorward_controller.queries.device_life import DeviceLife
from doorward_controller.queries.maintenance_figures import Figures
from doorward_controller.queries.maintenance_plans import PlanView
from doorward_controller.queries.paging import Page
from doorward_controller.services import plan_keeping, rules, spare_parts, work_orders
from doorward_controller.services.backend import Backend
from doorward_controller.services.labour import rate_of
from doorward_controller.store.parts import StoredMove, StoredPart

router = APIRouter(prefix="/maintenance", tags=["maintenance"])
reads = Depends(Needs(Action.READ_MAINTENANCE))


class PlanBody(BaseModel):
    """A plan, and the order that it opens when it is due."""

    name: str = Field(min_length=1, max_length=work_orders.MAX_TITLE)
    rule: RuleBody
    kind: OrderKind = OrderKind.PREVENTIVE
    priority: Priority = Priority.NORMAL
    instructions: Text = ""
    checklist: list[Short] = Field([], max_length=work_orders.MAX_POINTS)
    warn_before_s: int = Field(7 * DAY_S, ge=0, le=plan_keeping.MAX_WARN_S)
    days_to_do: int = Field(7, ge=1, le=plan_keeping.MAX_DAYS_TO_DO)
    gateways: list[Name] = Field([], max_length=1_000)


class PartBody(BaseModel):
    """What is known of a part; its cost in the currency's smallest unit."""

    number: str = Field(min_length=1, max_length=spare_parts.MAX_NAME)
    name: str = Field(min_length=1, max_length=spare_parts.MAX_NAME)
    place: str = Field("", max_length=spare_parts.MAX_NAME)
    low_stock: int = Field(0, ge=0, le=spare_parts.MAX_COUNT)
    unit_cost_minor: int = Field(0, ge=0, le=work_orders.MAX_COST_MINOR)
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""


class NewPartBody(PartBody):
    """A part with what lies on the shelf."""

    stock: int = Field(0, ge=0, le=spare_parts.MAX_COUNT)


class ChangeBody(BaseModel):
    """Parts put on the shelf, or (below zero) written off."""

    change: int = Field(ge=-spare_parts.MAX_COUNT, le=spare_parts.MAX_COUNT)
    note: str = Field("", max_length=spare_parts.MAX_NAME)


class FiguresBody(BaseModel):
    """The figures of all devices together, and of each."""

    together: Figures
    each: list[Figures]


@router.get("/plans", dependencies=[reads])
def listed(backend: BackendDep, paging: Paging) -> Page[PlanView]:
    """Plans with their devices and how near they are there, the newest first."""
    return paging.part_of(_plans(backend), lambda view: (-view.plan.id,))


@router.post("/plans", status_code=201, dependencies=[Depends(Needs(Action.DO_MAINTENANCE))])
def write(body: PlanBody, backend: BackendDep, actor: ActorDep) -> MadeBody:
    """Writes a plan, which somebody else approves."""
    return MadeBody(id=plan_keeping.add_plan(backend, actor, _sheet(body)))


@router.get("/plans/{plan_id}", dependencies=[reads, Shows(PLAN)])
def shown(plan_id: Number, backend: BackendDep) -> PlanView:
    """One plan."""
    found = next((view for view in _plans(backend) if view.plan.id == plan_id), None)
    if found is None:
        raise NotFoundError(f"there is no plan {plan_id}", code="no_plan")
    return found


@router.put(
    "/plans/{plan_id}",
    status_code=204,
    dependencies=[Depends(Needs(Action.DO_MAINTENANCE)), Changes(PLAN, needed=True)],
)
def edit(plan_id: Number, body: PlanBody, backend: BackendDep, actor: ActorDep) -> None:
    """Changes a plan, which must then be approved anew."""
    plan_keeping.edit_plan(backend, actor, plan_id, _sheet(body))


@router.post(
    "/plans/{plan_id}/approve",
    status_code=204,
    dependencies=[Depends(Needs(Action.APPROVE_MAINTENANCE)), Changes(PLAN)],
)
def approve(plan_id: Number, backend: BackendDep, actor: ActorDep) -> None:
    """Lets a plan open orders; not by whoever wrote it."""
    plan_keeping.approve_plan(backend, actor, plan_id)


@router.post(
    "/plans/{plan_id}/pause",
    status_code=204,
    dependencies=[Depends(Needs(Action.APPROVE_MAINTENANCE)), Changes(PLAN)],
)
def pause(plan_id: Number, backend: BackendDep, actor: ActorDep) -> None:
    """Keeps a plan from opening orders."""
    plan_keeping.pause_plan(backend, actor, plan_id)


@router.get("/parts", dependencies=[Depends(NeedsSomewhere(Action.READ_MAINTENANCE))])
def parts(backend: BackendDep, paging: Paging) -> Page[StoredPart]:
    """Spare parts, those that run short first."""
    found = part_queries.every(backend.store, backend.config.site)
    return paging.part_of(found, lambda part: (int(not part_queries.is_low(part)), part.number))


@router.get(
    "/parts/{part_id}",
    dependencies=[Depends(NeedsSomewhere(Action.READ_MAINTENANCE)), Shows(PART)],
)
def part(part_id: Number, backend: BackendDep) -> StoredPart:
    """One spare part."""
    found = part_queries.one(backend.store, backend.config.site, part_id)
    if found is None:
        raise NotFoundError(f"there is no part {part_id}", code="no_part")
    return found


@router.post("/parts", status_code=201, dependencies=[Depends(Needs(Action.DO_MAINTENANCE))])
def add_part(body: NewPartBody, backend: BackendDep, actor: ActorDep) -> MadeBody:
    """Adds a part."""
    sheet = spare_parts.PartSheet(**body.model_dump(exclude={"stock"}))
    return MadeBody(id=spare_parts.add_part(backend, actor, sheet, body.stock))


@router.put(
    "/parts/{part_id}",
    status_code=204,
    dependencies=[Depends(Needs(Action.DO_MAINTENANCE)), Changes(PART, needed=True)],
)
def edit_part(part_id: Number, body: PartBody, backend: BackendDep, actor: ActorDep) -> None:
    """Changes what is known of a part."""
    sheet = spare_parts.PartSheet(**body.model_dump())
    spare_parts.edit_part(backend, actor, part_id, sheet)


@router.get("/parts/{part_id}/moves", dependencies=[reads])
def moves(part_id: Number, backend: BackendDep, paging: Paging) -> Page[StoredMove]:
    """Where a part came from and went, the newest first."""
    found = part_queries.moves_page(
        backend.store, backend.config.site, part_id, cursor=paging.cursor, limit=paging.limit
    )
    if found is None:
        raise NotFoundError(f"there is no part {part_id}", code="no_part")
    return paging.given(found)


@router.post("/parts/{part_id}/moves", dependencies=[Depends(Needs(Action.DO_MAINTENANCE))])
def stock(part_id: Number, body: ChangeBody, backend: BackendDep, actor: ActorDep) -> StockBody:
    """Puts parts on the shelf, or writes some off."""
    return StockBody(stock=spare_parts.stock_part(backend, actor, part_id, body.change, body.note))


@router.get("/figures", dependencies=[Depends(NeedsSomewhere(Action.READ_MAINTENANCE))])
def figures(
    backend: BackendDep,
    actor: ActorDep,
    days: Annotated[int, Query(ge=1, le=3_660)] = 365,
) -> FiguresBody:
    """Reliability over the last days; a value is null where it would rest on too little."""
    now = backend.clock.now().utc_s
    together, each = maintenance_figures.figures(
        backend.store,
        backend.config.site,
        now - days * DAY_S,
        now,
        rate_of(backend.config),
        actor.zones,
    )
    return FiguresBody(together=together, each=list(each))


@router.get(
    "/devices/{gateway}/life", dependencies=[Depends(NeedsGateway(Action.READ_MAINTENANCE))]
)
def life(gateway: str, backend: BackendDep) -> DeviceLife:
    """Everything that happened to a device, the newest first."""
    found = device_life.life(backend.store, backend.config.site, gateway)
    if found is None:
        raise NotFoundError(f"there is no gateway {gateway[:40]!r}", code="no_gateway")
    return found


def _sheet(body: PlanBody) -> plan_keeping.PlanSheet:
    return plan_keeping.PlanSheet(
        name=body.name,
        rule=body.rule,
        kind=body.kind,
        priority=body.priority,
        instructions=body.instructions,
        checklist=tuple(body.checklist),
        warn_before_s=body.warn_before_s,
        days_to_do=body.days_to_do,
        gateways=tuple(body.gateways),
    )


def _plans(backend: Backend) -> tuple[PlanView, ...]:
    zone = ZoneInfo(rules.current(backend).time_zone)
    now = backend.clock.now().utc_s
    return maintenance_plans.every(backend.store, backend.config.site, zone, now)
