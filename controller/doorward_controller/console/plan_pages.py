"""Maintenance plans: what they open, when that is due, and the second person who lets them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response
from starlette.requests import Request

from doorward.health_metrics import METRICS
from doorward_controller.console import maintenance_words as mw
from doorward_controller.console.i18n import Language
from doorward_controller.console.maintenance import lines_of, names, one_of
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.console.work_order import whole
from doorward_controller.domain.maintenance_plans import CalendarRule, MeterRule
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.plan_rules import RuleKind, parse_body
from doorward_controller.domain.work_orders import DAY_S, OrderKind, Priority
from doorward_controller.errors import ActError, InvalidError, NotFoundError
from doorward_controller.queries import maintenance_plans as queries
from doorward_controller.services import plan_keeping

router = APIRouter()
_FIELDS = (
    *("name", "kind", "priority", "instructions", "checklist", "warn_days", "days_to_do", "by"),
    *("every", "unit", "first_day", "at", "count_from", "meter", "meter_every", "meter_warn"),
    *("metric", "limit", "beyond", "for_minutes"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A form as it was sent."""

    fields: dict[str, str]
    gateways: tuple[str, ...]


async def typed_form(request: Request) -> Typed:
    """Returns the fields as they were typed; of a name that comes often, the gateways."""
    form = await request.form()
    fields = {name: str(form.get(name, ""))[:16_000] for name in _FIELDS}
    return Typed(fields=fields, gateways=tuple(str(n)[:60] for n in form.getlist("gateways")))


TypedForm = Annotated[Typed, Depends(typed_form)]


@router.get("/maintenance/plans")
def plans_page(visit: SignedIn) -> Response:
    """Shows every plan and how near it is."""
    visit.require(Action.READ_MAINTENANCE)
    return visit.page("plans.html", plans=_every(visit), mw=mw, kind_of=kind_of)


@router.get("/maintenance/plans/new")
def new_page(visit: SignedIn) -> Response:
    """Shows the empty form."""
    visit.require(Action.DO_MAINTENANCE)
    today = visit.reader.local(visit.reader.now_ms).date().isoformat()
    blank = {
        "kind": "preventive", "priority": "normal", "warn_days": "7", "days_to_do": "7",
        "by": "calendar", "every": "1", "unit": "months", "first_day": today, "at": "08:00",
    }  # fmt: skip
    return _form(visit, blank, ())


@router.post("/maintenance/plans/new")
def new_act(visit: GenuineSignedIn, typed: TypedForm) -> Response:
    """Writes a plan."""
    try:
        plan_keeping.add_plan(visit.backend, visit.actor, _sheet(typed.fields, typed.gateways))
    except ActError as err:
        return _form(visit, typed.fields, typed.gateways, refusal=err)
    return visit.go("/maintenance/plans", done="planned")


@router.get("/maintenance/plans/{plan_id}")
def plan_page(visit: SignedIn, plan_id: int) -> Response:
    """Shows one plan and lets it be changed."""
    visit.require(Action.READ_MAINTENANCE)
    view = _one(visit, plan_id)
    chosen = tuple(place.device.gateway for place in view.places)
    return _form(visit, _typed_of(view), chosen, view=view)


@router.post("/maintenance/plans/{plan_id}")
def edit_act(visit: GenuineSignedIn, plan_id: int, typed: TypedForm) -> Response:
    """Changes a plan, which must then be approved anew."""
    try:
        plan_keeping.edit_plan(
            visit.backend, visit.actor, plan_id, _sheet(typed.fields, typed.gateways)
        )
    except ActError as err:
        return _form(visit, typed.fields, typed.gateways, view=_one(visit, plan_id), refusal=err)
    return visit.go(f"/maintenance/plans/{plan_id}", done="planned")


@router.post("/maintenance/plans/{plan_id}/state")
def state_act(
    visit: GenuineSignedIn, plan_id: int, act: Annotated[str, Form(max_length=10)] = ""
) -> Response:
    """Approves a plan, or pauses it."""
    try:
        doing = plan_keeping.pause_plan if act == "pause" else plan_keeping.approve_plan
        doing(visit.backend, visit.actor, plan_id)
    except ActError as err:
        if err.code == "forbidden":
            raise
        view = _one(visit, plan_id)
        chosen = tuple(place.device.gateway for place in view.places)
        return _form(visit, _typed_of(view), chosen, view=view, refusal=err)
    return visit.go(f"/maintenance/plans/{plan_id}", done="moved")


def kind_of(view: queries.PlanView) -> str:
    """Returns by what a plan is due."""
    if isinstance(view.rule, CalendarRule):
        return RuleKind.CALENDAR.value
    return (RuleKind.METER if isinstance(view.rule, MeterRule) else RuleKind.CONDITION).value


def _sheet(typed: dict[str, str], chosen: tuple[str, ...]) -> plan_keeping.PlanSheet:
    """Returns the plan that a form describes. Raises InvalidError."""
    try:
        rule = parse_body(_rule(typed))
    except ValueError as err:
        raise InvalidError(str(err), code="bad_rule") from err
    return plan_keeping.PlanSheet(
        name=typed["name"],
        rule=rule,
        kind=one_of(OrderKind, typed["kind"]),
        priority=one_of(Priority, typed["priority"]),
        instructions=typed["instructions"],
        checklist=lines_of(typed["checklist"]),
        warn_before_s=whole(typed["warn_days"], "days_to_do") * DAY_S,
        days_to_do=whole(typed["days_to_do"], "days_to_do"),
        gateways=chosen,
    )


def _rule(typed: dict[str, str]) -> dict[str, object]:
    by = typed["by"]
    if by == RuleKind.METER:
        size = mw.METER_SIZES.get(typed["meter"], 1)
        return {
            "by": by,
            "meter": typed["meter"],
            "every": whole(typed["meter_every"], "bad_rule") * size,
            "warn_left": whole(typed["meter_warn"], "bad_rule") * size,
        }
    if by == RuleKind.CONDITION:
        return {
            "by": by,
            "metric": typed["metric"],
            "limit": whole(typed["limit"], "bad_rule"),
            "is_above": typed["beyond"] != "below",
            "for_s": whole(typed["for_minutes"], "bad_rule") * 60,
        }
    names_here = ("every", "unit", "first_day", "at", "count_from")
    return {"by": by, **{name: typed[name] for name in names_here if typed[name]}}


def _typed_of(view: queries.PlanView) -> dict[str, str]:
    """Returns a plan as the form's fields."""
    plan, rule = view.plan, view.rule
    typed = {
        "name": plan.name, "kind": plan.kind, "priority": plan.priority,
        "instructions": plan.instructions, "checklist": "\n".join(view.checklist),
        "warn_days": str(plan.warn_before_s // DAY_S), "days_to_do": str(plan.days_to_do),
        "by": kind_of(view),
    }  # fmt: skip
    if isinstance(rule, CalendarRule):
        return typed | {
            "every": str(rule.every), "unit": rule.unit.value,
            "first_day": rule.first_day.isoformat(), "at": rule.at.strftime("%H:%M"),
            "count_from": rule.count_from.value,
        }  # fmt: skip
    if isinstance(rule, MeterRule):
        size = mw.METER_SIZES[rule.meter.value]
        return typed | {
            "meter": rule.meter.value, "meter_every": str(rule.every // size),
            "meter_warn": str(rule.warn_left // size),
        }  # fmt: skip
    return typed | {
        "metric": rule.metric, "limit": str(rule.limit),
        "beyond": "above" if rule.is_above else "below", "for_minutes": str(rule.for_s // 60),
    }  # fmt: skip


def _every(visit: Visit) -> tuple[queries.PlanView, ...]:
    reader, backend = visit.reader, visit.backend
    return queries.every(backend.store, backend.config.site, reader.zone, reader.now_ms // 1000)


def _one(visit: Visit, plan_id: int) -> queries.PlanView:
    found = next((view for view in _every(visit) if view.plan.id == plan_id), None)
    if found is None:
        raise NotFoundError(f"there is no plan {plan_id}")
    return found


def _form(
    visit: Visit,
    typed: dict[str, str],
    chosen: tuple[str, ...],
    *,
    view: queries.PlanView | None = None,
    refusal: ActError | None = None,
) -> Response:
    if refusal is not None and refusal.code == "forbidden":
        raise refusal
    chinese = visit.reader.language is Language.CHINESE
    return visit.page(
        "plan.html",
        status_code=refusal.status if refusal else 200,
        form=dict.fromkeys(_FIELDS, "") | typed,
        chosen=chosen,
        view=view,
        refusal=refusal,
        gateways=names(visit),
        metrics=[
            (name, metric.label_zh if chinese else metric.label_en)
            for name, metric in METRICS.items()
        ],
        mw=mw,
        is_editing=visit.may(Action.DO_MAINTENANCE),
    )
