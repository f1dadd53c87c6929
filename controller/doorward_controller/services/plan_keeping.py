"""Maintenance plans: written by one person, approved by another, then left to the clock.

A plan's approval stands for every order that it opens; a plan that is changed must be approved
anew. Orders of a plan are therefore opened as approved.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from doorward_controller.domain.maintenance_plans import MeterRule, PlanState
from doorward_controller.domain.permissions import Action, Actor
from doorward_controller.domain.plan_rules import (
    CalendarBody,
    ConditionBody,
    MeterBody,
    rule_of,
)
from doorward_controller.domain.work_orders import OrderKind, Priority
from doorward_controller.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.services.work_orders import MAX_POINT, MAX_POINTS, MAX_TEXT, MAX_TITLE
from doorward_controller.store import gateways
from doorward_controller.store import plans as rows
from doorward_controller.store.plans import StoredPlan

MAX_DAYS_TO_DO = 366
MAX_WARN_S = 366 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSheet:
    """A plan and the order that it opens, for which `name` is the title.

    Attributes:
        days_to_do: how long an order may take before it is late.
        warn_before_s: so long before a day by calendar it is told.
    """

    name: str
    rule: CalendarBody | MeterBody | ConditionBody
    kind: OrderKind = OrderKind.PREVENTIVE
    priority: Priority = Priority.NORMAL
    instructions: str = ""
    checklist: tuple[str, ...] = ()
    warn_before_s: int = 7 * 86_400
    days_to_do: int = 7
    gateways: tuple[str, ...] = ()


def add_plan(backend: Backend, actor: Actor, sheet: PlanSheet) -> int:
    """Writes a plan, which does nothing before somebody else approves it; returns its id.

    Raises ForbiddenError, InvalidError or NotFoundError.
    """
    with act(
        backend, actor, Action.DO_MAINTENANCE, name="write_plan", subject=sheet.name[:MAX_TITLE]
    ) as doing:
        values = _values(doing, actor, sheet) | {"site": backend.config.site}
        plan_id = rows.add(doing.connection, **values)
        _set_devices(backend, doing, plan_id, sheet)
        doing.detail["plan"] = plan_id
    return plan_id


def edit_plan(backend: Backend, actor: Actor, plan_id: int, sheet: PlanSheet) -> None:
    """Changes a plan, which must then be approved anew.

    Raises ForbiddenError, InvalidError or NotFoundError.
    """
    with act(
        backend, actor, Action.DO_MAINTENANCE, name="write_plan", subject=str(plan_id)
    ) as doing:
        _find(backend, doing, plan_id)
        rows.change(doing.connection, plan_id, _values(doing, actor, sheet))
        _set_devices(backend, doing, plan_id, sheet)


def approve_plan(backend: Backend, actor: Actor, plan_id: int) -> None:
    """Lets a plan open orders. Raises ForbiddenError, NotFoundError or ConflictError."""
    with act(
        backend, actor, Action.APPROVE_MAINTENANCE, name="approve_plan", subject=str(plan_id)
    ) as doing:
        plan = _find(backend, doing, plan_id)
        if plan.state is PlanState.APPROVED:
            raise ConflictError(f"plan {plan_id} is approved already", code="plan_approved")
        if plan.written_by == actor.name:
            raise ForbiddenError("who wrote a plan does not approve it", code="own_request")
        values = {"state": PlanState.APPROVED.value, "approved_by": actor.name}
        rows.change(doing.connection, plan_id, values)


def pause_plan(backend: Backend, actor: Actor, plan_id: int) -> None:
    """Keeps a plan from opening orders until it is approved again.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    with act(
        backend, actor, Action.APPROVE_MAINTENANCE, name="pause_plan", subject=str(plan_id)
    ) as doing:
        if _find(backend, doing, plan_id).state is not PlanState.APPROVED:
            raise ConflictError(f"plan {plan_id} does not run", code="plan_not_running")
        rows.change(doing.connection, plan_id, {"state": PlanState.PAUSED.value})


def _find(backend: Backend, doing: Act, plan_id: int) -> StoredPlan:
    plan = rows.find(doing.connection, backend.config.site, plan_id)
    if plan is None:
        raise NotFoundError(f"there is no plan {plan_id}", code="no_plan")
    return plan


def _values(doing: Act, actor: Actor, sheet: PlanSheet) -> dict[str, object]:
    name = sheet.name.strip()
    if not 1 <= len(name) <= MAX_TITLE or "\0" in name:
        raise InvalidError(f"the name must have 1 to {MAX_TITLE} characters", code="title_empty")
    if len(sheet.instructions) > MAX_TEXT or "\0" in sheet.instructions:
        raise InvalidError(f"the text is longer than {MAX_TEXT} characters", code="too_long")
    if not 0 < sheet.days_to_do <= MAX_DAYS_TO_DO or not 0 <= sheet.warn_before_s <= MAX_WARN_S:
        raise InvalidError(f"an order takes 1 to {MAX_DAYS_TO_DO} days", code="days_to_do")
    _check_points(sheet.checklist)
    return {
        "name": name,
        "state": PlanState.DRAFT.value,
        "rule_json": sheet.rule.model_dump_json(),
        "kind": sheet.kind.value,
        "priority": sheet.priority.value,
        "instructions": sheet.instructions.strip(),
        "checklist_json": json.dumps([p.strip() for p in sheet.checklist], ensure_ascii=False),
        "warn_before_s": sheet.warn_before_s,
        "days_to_do": sheet.days_to_do,
        "written_by": actor.name,
        "written_at_utc_s": doing.now.utc_s,
        "approved_by": "",
    }


def _check_points(points: Sequence[str]) -> None:
    if len(points) > MAX_POINTS:
        raise InvalidError(f"at most {MAX_POINTS} points", code="checklist_long")
    for point in points:
        if not 0 < len(point.strip()) <= MAX_POINT or "\0" in point:
            raise InvalidError(f"a point has 1 to {MAX_POINT} characters", code="point_empty")


def _set_devices(backend: Backend, doing: Act, plan_id: int, sheet: PlanSheet) -> None:
    """Makes the plan's devices those named; what is known of the ones that stay is kept."""
    present = {each.gateway: each for each in rows.devices(doing.connection, plan_id=plan_id)}
    for name, place in present.items():
        if name not in sheet.gateways:
            rows.remove_device(doing.connection, place.id)
    for name in dict.fromkeys(sheet.gateways):
        if name in present:
            continue
        found = gateways.find(doing.connection, backend.config.site, name)
        if found is None:
            raise NotFoundError(f"there is no gateway {name[:40]!r}", code="no_gateway")
        rule = rule_of(sheet.rule)
        total = 0
        if isinstance(rule, MeterRule):
            meter = rows.meters(doing.connection, found.id).get((found.id, rule.meter.value))
            total = meter.total if meter else 0
        rows.add_device(
            doing.connection,
            plan_id=plan_id,
            gateway_id=found.id,
            added_at_utc_s=doing.now.utc_s,
            total_when_done=total,
        )
