"""Plans and how near they are, device by device."""

import json
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from doorward.health import flattened
from doorward_controller.domain.maintenance_plans import (
    CalendarRule,
    Due,
    MeterRule,
    Rule,
    calendar_due,
    condition_due,
    meter_due,
)
from doorward_controller.domain.meters import Meter
from doorward_controller.domain.plan_rules import parse_body, rule_of
from doorward_controller.store import plans
from doorward_controller.store.plans import StoredPlan, StoredPlanDevice
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPlace:
    """A plan at one device: when it is due, and what its number says now."""

    device: StoredPlanDevice
    due: Due
    total: int
    value: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A plan with its devices."""

    plan: StoredPlan
    rule: Rule
    checklist: tuple[str, ...]
    places: tuple[PlanPlace, ...]


def every(store: Store, site: str, zone: ZoneInfo, now_utc_s: int) -> tuple[PlanView, ...]:
    """Returns the plans of a site by name."""
    with store.read() as connection:
        found = plans.every(connection, site)
        devices = plans.devices(connection)
        meters = plans.meters(connection)
        told = {
            seen.id: flattened(json.loads(seen.health_json))
            for seen in plans.gateways_seen(connection, site)
        }
    views = []
    for plan in found:
        rule = rule_of(parse_body(plan.rule_json))
        places = tuple(
            _place(plan, rule, device, meters, told.get(device.gateway_id, {}), zone, now_utc_s)
            for device in devices
            if device.plan_id == plan.id
        )
        checklist = tuple(json.loads(plan.checklist_json))
        views.append(PlanView(plan=plan, rule=rule, checklist=checklist, places=places))
    return tuple(views)


def one(store: Store, site: str, plan_id: int, zone: ZoneInfo, now_utc_s: int) -> PlanView | None:
    """Returns one plan."""
    found = every(store, site, zone, now_utc_s)
    return next((view for view in found if view.plan.id == plan_id), None)


def _place(
    plan: StoredPlan,
    rule: Rule,
    device: StoredPlanDevice,
    meters: dict[tuple[int, str], Meter],
    numbers: dict[str, int],
    zone: ZoneInfo,
    now_utc_s: int,
) -> PlanPlace:
    total, value = 0, None
    if isinstance(rule, CalendarRule):
        due = calendar_due(
            rule, zone, now_utc_s,
            last_due_utc_s=device.last_due_utc_s,
            last_done_utc_s=device.last_done_utc_s,
            warn_before_s=plan.warn_before_s,
        )  # fmt: skip
    elif isinstance(rule, MeterRule):
        meter = meters.get((device.gateway_id, rule.meter.value))
        total = meter.total if meter else 0
        due = meter_due(rule, total=total, total_when_done=device.total_when_done)
    else:
        value = numbers.get(rule.metric)
        due = condition_due(rule, now_utc_s, device.condition_since_utc_s)
    return PlanPlace(device=device, due=due, total=total, value=value)
