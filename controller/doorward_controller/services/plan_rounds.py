"""The round that reads meters and opens orders whose time has come.

It runs every minute and looks at what each gateway last said of its health. Everything that it
decides is in domain/maintenance_plans.py and domain/meters.py.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from doorward.health import flattened
from doorward.times import Instant
from doorward_controller.domain.alert_defaults import PLAN_DUE
from doorward_controller.domain.alert_rules import Key, RuleKind, on_event
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.domain.maintenance_plans import (
    CalendarRule,
    ConditionRule,
    Due,
    MeterRule,
    PlanState,
    Rule,
    calendar_due,
    condition_due,
    condition_since,
    meter_due,
)
from doorward_controller.domain.meters import WITNESSES, Meter, MeterName, advance
from doorward_controller.domain.permissions import Action, Actor, Role
from doorward_controller.domain.plan_rules import parse_body, rule_of
from doorward_controller.domain.work_orders import (
    DAY_S,
    OrderKind,
    OrderOrigin,
    OrderState,
    Priority,
)
from doorward_controller.errors import ActError
from doorward_controller.services import alerting, rules
from doorward_controller.services.acting import act
from doorward_controller.services.alerting import Raised
from doorward_controller.services.backend import Backend
from doorward_controller.services.work_orders import Opening, OrderRequest, open_order
from doorward_controller.store import downtimes, plans
from doorward_controller.store.plans import StoredPlan, StoredPlanDevice

PLANS = Actor(name="plans", role=Role.FACILITY)
"""Asks for what a plan has made due."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A plan at one device, and what is known there."""

    plan: StoredPlan
    rule: Rule
    device: StoredPlanDevice
    total: int
    value: int | None


def make_round(backend: Backend) -> int:
    """Reads the meters and opens what is due; returns how many orders were opened."""
    now = backend.clock.now().utc_s
    health = _read_meters(backend, now)
    zone = ZoneInfo(rules.current(backend).time_zone)
    opened = 0
    for place in _places(backend, health):
        try:
            opened += _look_at(backend, place, zone, now)
        except ActError as refusal:
            # One plan that cannot be served does not keep the others waiting.
            _log.warning("maintenance.plan_refused plan=%d code=%s", place.plan.id, refusal.code)
    return opened


def due_of(place: Place, zone: ZoneInfo, now_utc_s: int) -> Due:
    """Returns how near a plan is at a device."""
    rule, device = place.rule, place.device
    if isinstance(rule, CalendarRule):
        return calendar_due(
            rule,
            zone,
            now_utc_s,
            last_due_utc_s=device.last_due_utc_s,
            last_done_utc_s=device.last_done_utc_s,
            warn_before_s=place.plan.warn_before_s,
        )
    if isinstance(rule, MeterRule):
        return meter_due(rule, total=place.total, total_when_done=device.total_when_done)
    return condition_due(rule, now_utc_s, device.condition_since_utc_s)


def _read_meters(backend: Backend, now_utc_s: int) -> dict[int, Mapping[str, int]]:
    """Advances every meter by what the gateways last said; returns their numbers."""
    told: dict[int, Mapping[str, int]] = {}
    with backend.store.read() as connection:
        seen = plans.gateways_seen(connection, backend.config.site)
        known = plans.meters(connection)
    changed: list[tuple[int, MeterName, Meter, bool]] = []
    for gateway in seen:
        numbers = flattened(json.loads(gateway.health_json))
        told[gateway.id] = numbers
        for name in MeterName:
            if name.value not in numbers:
                continue
            before = known.get((gateway.id, name.value))
            after = advance(before, numbers[name.value], numbers.get(WITNESSES[name]))
            if after != before:
                changed.append((gateway.id, name, after, before is None))
    if changed:
        with backend.store.write() as connection:
            for gateway_id, name, meter, is_new in changed:
                plans.save_meter(connection, gateway_id, name, meter, now_utc_s, is_new=is_new)
    return told


def _places(backend: Backend, health: Mapping[int, Mapping[str, int]]) -> tuple[Place, ...]:
    with backend.store.read() as connection:
        every = {plan.id: plan for plan in plans.every(connection, backend.config.site)}
        meters = plans.meters(connection)
        devices = plans.devices(connection)
    found = []
    for device in devices:
        plan = every.get(device.plan_id)
        if plan is not None and plan.state is PlanState.APPROVED:
            numbers = health.get(device.gateway_id, {})
            found.append(place_of(plan, device, meters, numbers))
    return tuple(found)


def place_of(
    plan: StoredPlan,
    device: StoredPlanDevice,
    meters: Mapping[tuple[int, str], Meter],
    numbers: Mapping[str, int],
) -> Place:
    """Returns a plan at one device with what is known there."""
    rule = rule_of(parse_body(plan.rule_json))
    meter = None
    if isinstance(rule, MeterRule):
        meter = meters.get((device.gateway_id, rule.meter.value))
    return Place(
        plan=plan,
        rule=rule,
        device=device,
        total=meter.total if meter else 0,
        value=numbers.get(rule.metric) if isinstance(rule, ConditionRule) else None,
    )


def _look_at(backend: Backend, place: Place, zone: ZoneInfo, now_utc_s: int) -> bool:
    """Opens an order if it is time; notes since when a condition holds, and that one was told."""
    device = place.device
    if isinstance(place.rule, ConditionRule):
        since = condition_since(place.rule, place.value, now_utc_s, device.condition_since_utc_s)
        if since != device.condition_since_utc_s:
            with backend.store.write() as connection:
                plans.change_device(connection, device.id, {"condition_since_utc_s": since})
        due = condition_due(place.rule, now_utc_s, since)
    else:
        due = due_of(place, zone, now_utc_s)
    if device.open_order_id is not None:
        return False
    if due.is_due:
        return _open(backend, place, due, now_utc_s)
    if due.is_near != (device.warned_at_utc_s is not None):
        _warn(backend, place, due, zone)
    return False


def _warn(backend: Backend, place: Place, due: Due, zone: ZoneInfo) -> None:
    """Notes that a plan is near at a device, or not any more, and has an alert say so."""
    now = backend.clock.now()
    with backend.store.write() as connection:
        warned = now.utc_s if due.is_near else None
        plans.change_device(connection, place.device.id, {"warned_at_utc_s": warned})
        if due.is_near:
            raised = _near(connection, place, due, zone)
            if raised is not None:
                alerting.raise_alert(connection, raised, now)
        else:
            _clear_warning(connection, place.device, now)
    alerting.announce(backend)


def _near(connection: sa.Connection, place: Place, due: Due, zone: ZoneInfo) -> Raised | None:
    gateway = place.device.gateway
    rule = on_event(alerting.rules(connection), RuleKind.EVENT, PLAN_DUE, gateway)
    if rule is None:
        return None
    day = "" if due.at_utc_s is None else f"{datetime.fromtimestamp(due.at_utc_s, zone):%Y-%m-%d}"
    fact = Fact(
        kind=rule.kind, what=rule.what, place=gateway, title=rule.title,
        before=place.plan.name, after=day,
    )  # fmt: skip
    subject = f"{gateway}@plan-{place.plan.id}"
    return Raised(rule=rule, subject=subject, gateway=gateway, severity=rule.severity, fact=fact)


def _clear_warning(connection: sa.Connection, device: StoredPlanDevice, now: Instant) -> None:
    for rule in alerting.rules(connection):
        if rule.what == PLAN_DUE:
            key = Key(rule.code, f"{device.gateway}@plan-{device.plan_id}")
            alerting.clear_alert(connection, key, rule, now)


def _open(backend: Backend, place: Place, due: Due, now_utc_s: int) -> bool:
    plan, device = place.plan, place.device
    wanted = OrderRequest(
        gateway=device.gateway,
        component_id=device.component_id,
        kind=OrderKind(plan.kind),
        priority=Priority(plan.priority),
        title=plan.name,
        instructions=plan.instructions,
        checklist=tuple(json.loads(plan.checklist_json)),
        deadline_utc_s=max(due.at_utc_s or 0, now_utc_s) + plan.days_to_do * DAY_S,
    )
    with act(
        backend, PLANS, Action.DO_MAINTENANCE, name="open_planned_order", subject=device.gateway
    ) as doing:
        downtimes.lock_device(doing.connection, device.gateway_id)
        if _is_served(doing.connection, device):
            doing.detail["plan"] = plan.id
            return False
        opening = Opening(
            site=backend.config.site,
            by=PLANS.name,
            now_utc_s=now_utc_s,
            origin=OrderOrigin.PLAN,
            origin_id=plan.id,
            state=OrderState.APPROVED,
        )
        number = open_order(doing.connection, wanted, opening)
        served = {
            "open_order_id": number,
            "last_due_utc_s": due.at_utc_s or now_utc_s,
            "warned_at_utc_s": None,
        }
        plans.change_device(doing.connection, device.id, served)
        _clear_warning(doing.connection, device, doing.now)
        doing.detail.update(plan=plan.id, order=number)
    return True


def _is_served(connection: sa.Connection, device: StoredPlanDevice) -> bool:
    """Says whether another process opened the order since we looked."""
    now = plans.devices(connection, plan_id=device.plan_id, gateway_id=device.gateway_id)
    return not now or now[0].open_order_id is not None
