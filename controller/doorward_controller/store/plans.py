"""Maintenance plans, the devices they are for, and what they count."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward_controller.domain.maintenance_plans import PlanState
from doorward_controller.domain.meters import Meter, MeterName
from doorward_controller.store.maintenance_tables import (
    device_meters,
    maintenance_plans,
    plan_devices,
)
from doorward_controller.store.schema import gateways


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlan:
    """A plan and what its orders say."""

    id: int
    name: str
    state: PlanState
    rule_json: str
    kind: str
    priority: str
    instructions: str
    checklist_json: str
    warn_before_s: int
    days_to_do: int
    written_by: str
    written_at_utc_s: int
    approved_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlanDevice:
    """Where a plan stands for one device."""

    id: int
    plan_id: int
    gateway_id: int
    gateway: str
    component_id: int | None
    added_at_utc_s: int
    last_due_utc_s: int | None
    last_done_utc_s: int | None
    total_when_done: int
    condition_since_utc_s: int | None
    warned_at_utc_s: int | None
    open_order_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenGateway:
    """What a round looks at."""

    id: int
    name: str
    health_json: str


_PLAN = tuple(maintenance_plans.c[name] for name in StoredPlan.__dataclass_fields__)


def every(connection: sa.Connection, site: str) -> tuple[StoredPlan, ...]:
    """Returns the plans of a site by name."""
    wanted = (
        sa.select(*_PLAN)
        .where(maintenance_plans.c.site == site)
        .order_by(maintenance_plans.c.name, maintenance_plans.c.id)
    )
    return tuple(_plan(row) for row in connection.execute(wanted))


def find(connection: sa.Connection, site: str, plan_id: int) -> StoredPlan | None:
    """Returns a plan."""
    of_it = (maintenance_plans.c.site == site, maintenance_plans.c.id == plan_id)
    row = connection.execute(sa.select(*_PLAN).where(*of_it)).one_or_none()
    return None if row is None else _plan(row)


def add(connection: sa.Connection, **values: object) -> int:
    """Inserts a plan; returns its id."""
    inserted = sa.insert(maintenance_plans).values(**values).returning(maintenance_plans.c.id)
    return int(connection.execute(inserted).scalar_one())


def change(connection: sa.Connection, plan_id: int, values: Mapping[str, object]) -> None:
    """Sets columns of a plan."""
    of_it = maintenance_plans.c.id == plan_id
    connection.execute(sa.update(maintenance_plans).where(of_it).values(**values))


def devices(
    connection: sa.Connection, *, plan_id: int | None = None, gateway_id: int | None = None
) -> tuple[StoredPlanDevice, ...]:
    """Returns where plans stand, for one plan, one gateway, or all."""
    wanted = (
        sa.select(plan_devices, gateways.c.name.label("gateway"))
        .join(gateways, gateways.c.id == plan_devices.c.gateway_id)
        .order_by(gateways.c.name, plan_devices.c.id)
    )
    if plan_id is not None:
        wanted = wanted.where(plan_devices.c.plan_id == plan_id)
    if gateway_id is not None:
        wanted = wanted.where(plan_devices.c.gateway_id == gateway_id)
    return tuple(StoredPlanDevice(**row._asdict()) for row in connection.execute(wanted))


def add_device(connection: sa.Connection, **values: object) -> None:
    """Puts a device under a plan."""
    connection.execute(sa.insert(plan_devices).values(**values))


def remove_device(connection: sa.Connection, plan_device_id: int) -> None:
    """Takes a device out of a plan; its orders stay."""
    connection.execute(sa.delete(plan_devices).where(plan_devices.c.id == plan_device_id))


def change_device(
    connection: sa.Connection, plan_device_id: int, values: Mapping[str, object]
) -> None:
    """Sets columns of one device's place in a plan."""
    of_it = plan_devices.c.id == plan_device_id
    connection.execute(sa.update(plan_devices).where(of_it).values(**values))


def of_order(connection: sa.Connection, order_id: int) -> StoredPlanDevice | None:
    """Returns the place in a plan that waits for an order."""
    wanted = (
        sa.select(plan_devices, gateways.c.name.label("gateway"))
        .join(gateways, gateways.c.id == plan_devices.c.gateway_id)
        .where(plan_devices.c.open_order_id == order_id)
    )
    row = connection.execute(wanted).one_or_none()
    return None if row is None else StoredPlanDevice(**row._asdict())


def reset_count(connection: sa.Connection, place: StoredPlanDevice) -> None:
    """Counts a meter plan anew from what the device's meters say now."""
    of_plan = maintenance_plans.c.id == place.plan_id
    rule = json.loads(
        connection.execute(sa.select(maintenance_plans.c.rule_json).where(of_plan)).scalar_one()
    )
    meter = meters(connection, place.gateway_id).get((place.gateway_id, rule.get("meter", "")))
    if meter is not None:
        change_device(connection, place.id, {"total_when_done": meter.total})


def meters(
    connection: sa.Connection, gateway_id: int | None = None
) -> dict[tuple[int, str], Meter]:
    """Returns every meter by gateway and name."""
    wanted = sa.select(device_meters)
    if gateway_id is not None:
        wanted = wanted.where(device_meters.c.gateway_id == gateway_id)
    return {
        (row.gateway_id, row.name): Meter(
            total=row.total, reading=row.reading, witness_s=row.witness_s
        )
        for row in connection.execute(wanted)
    }


def save_meter(
    connection: sa.Connection,
    gateway_id: int,
    name: MeterName,
    meter: Meter,
    read_at_utc_s: int,
    *,
    is_new: bool,
) -> None:
    """Keeps a meter."""
    values = {
        "total": meter.total,
        "reading": meter.reading,
        "witness_s": meter.witness_s,
        "read_at_utc_s": read_at_utc_s,
    }
    if is_new:
        key = {"gateway_id": gateway_id, "name": name.value}
        connection.execute(sa.insert(device_meters).values(**key, **values))
        return
    of_it = (device_meters.c.gateway_id == gateway_id, device_meters.c.name == name.value)
    connection.execute(sa.update(device_meters).where(*of_it).values(**values))


def gateways_seen(connection: sa.Connection, site: str) -> tuple[SeenGateway, ...]:
    """Returns what every enrolled gateway last said."""
    names = SeenGateway.__dataclass_fields__
    wanted = sa.select(*(gateways.c[name] for name in names)).where(
        gateways.c.site == site, gateways.c.state == "enrolled"
    )
    return tuple(SeenGateway(**row._asdict()) for row in connection.execute(wanted))


def _plan(row: sa.Row[Any]) -> StoredPlan:
    values = row._asdict()
    return StoredPlan(**{**values, "state": PlanState(values["state"])})
