"""Desired configurations of gateways, every version that there was."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.ids import GatewayId
from doorward.twin import Settings
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.schema import configurations, gateways


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestWire:
    """What lies retained at the broker for one gateway."""

    gateway: GatewayId
    wire: bytes
    gateway_id: int
    version: int


def newest_version(connection: sa.Connection, gateway_id: int) -> int:
    """Returns the newest version that was desired, 0 for none."""
    newest = connection.execute(
        sa.select(sa.func.max(configurations.c.version)).where(
            configurations.c.gateway_id == gateway_id
        )
    ).scalar_one()
    return int(newest or 0)


def add(connection: sa.Connection, **values: object) -> None:
    """Inserts a version."""
    connection.execute(sa.insert(configurations).values(**values))


def replace_wire(connection: sa.Connection, old: NewestWire, wire: bytes) -> None:
    """Keeps the same configuration under another signature."""
    connection.execute(
        sa.update(configurations)
        .where(
            configurations.c.gateway_id == old.gateway_id, configurations.c.version == old.version
        )
        .values(wire=wire)
    )


def settings_of(connection: sa.Connection, gateway_id: int, version: int) -> str | None:
    """Returns the settings of a version as JSON."""
    return connection.execute(
        sa.select(configurations.c.settings_json).where(
            configurations.c.gateway_id == gateway_id, configurations.c.version == version
        )
    ).scalar_one_or_none()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestDesired:
    """What is desired of a gateway last; version 0 where nothing ever was."""

    version: int
    settings: Settings
    note: str


def newest_desired(connection: sa.Connection, gateway_id: int) -> NewestDesired:
    """Returns what is desired of a gateway last."""
    row = connection.execute(
        sa.select(configurations.c.version, configurations.c.settings_json, configurations.c.note)
        .where(configurations.c.gateway_id == gateway_id)
        .order_by(configurations.c.version.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return NewestDesired(version=0, settings={}, note="")
    return NewestDesired(version=row.version, settings=json.loads(row.settings_json), note=row.note)


def said_before(connection: sa.Connection, gateway_id: int) -> Mapping[str, Any]:
    """Returns what a gateway said of its configuration last, as it was kept."""
    text = connection.execute(
        sa.select(gateways.c.reported_json).where(gateways.c.id == gateway_id)
    ).scalar_one()
    said: Mapping[str, Any] = json.loads(text)
    return said


def newest_wires(connection: sa.Connection, site: str) -> tuple[NewestWire, ...]:
    """Returns the newest configuration of every gateway that we listen to."""
    newest = (
        sa.select(
            configurations.c.gateway_id, sa.func.max(configurations.c.version).label("version")
        )
        .group_by(configurations.c.gateway_id)
        .subquery()
    )
    rows = connection.execute(
        sa.select(
            gateways.c.name.label("gateway"),
            configurations.c.wire,
            configurations.c.gateway_id,
            configurations.c.version,
        )
        .join(newest, newest.c.gateway_id == gateways.c.id)
        .join(
            configurations,
            sa.and_(
                configurations.c.gateway_id == newest.c.gateway_id,
                configurations.c.version == newest.c.version,
            ),
        )
        .where(gateways.c.site == site, gateways.c.state == GatewayState.ENROLLED.value)
        .order_by(gateways.c.name)
    )
    return tuple(NewestWire(**row._asdict()) for row in rows)
