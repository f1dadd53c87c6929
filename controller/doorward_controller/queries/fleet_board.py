"""The gateways as the fleet's board shows them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward_controller.domain.permissions import Zones
from doorward_controller.store import places, schema
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a gateway says that it works with; 0 where it holds none."""

    bundle: int
    status: int
    keyring: int
    config: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRow:
    """One gateway.

    Attributes:
        online: None before it was ever heard.
        portals: by name.
        labels: what people call the portals that have such a name, in the same order.
        journal_pending: records that it holds and we have not acknowledged, as it last said.
        health: the body of its last health message.
        stored_records: how many of its records are on our disk.
    """

    gateway: str
    state: GatewayState
    online: bool | None
    last_seen_at_utc_ms: int | None
    offline_since_utc_ms: int | None
    enrolled_at_utc_s: int
    boot_id: str
    software: str
    hardware: Mapping[str, str]
    capabilities: tuple[str, ...]
    portals: tuple[str, ...]
    labels: tuple[str, ...]
    applied: Applied
    journal_pending: int | None
    health: Mapping[str, Any]
    stored_records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayName:
    """A gateway with no more than what one looks for it by."""

    gateway: str
    state: GatewayState
    portals: tuple[str, ...]
    labels: tuple[str, ...]

    def fits(self, text: str) -> bool:
        """Whether a text stands in its name, or in that of one of its portals."""
        wanted = text.strip().casefold()
        known = (self.gateway, *self.portals, *self.labels)
        return any(wanted in each.casefold() for each in known)


def gateways(store: Store, zones: Zones = None) -> tuple[GatewayRow, ...]:
    """Returns every gateway with a portal in the zones, by name."""
    if zones is None:
        return _load(store, None)
    with store.read() as connection:
        held = places.gateway_names(connection, zones)
    return some(store, sorted(held))


def gateway(store: Store, name: str) -> GatewayRow | None:
    """Returns one gateway."""
    rows = _load(store, (name,))
    return rows[0] if rows else None


def some(store: Store, names: Sequence[str]) -> tuple[GatewayRow, ...]:
    """Returns the gateways of these names, by name."""
    return _load(store, names) if names else ()


def names(store: Store, zones: Zones = None) -> tuple[GatewayName, ...]:
    """Returns the names of every gateway of the zones, by name: what a list is searched by."""
    table = schema.gateways.c
    with store.read() as connection:
        rows = connection.execute(
            sa.select(table.id, table.name, table.state)
            .where(places.seen(table.id, zones))
            .order_by(table.name)
        ).all()
        served = _served(connection, None)
    return tuple(
        GatewayName(
            gateway=row.name,
            state=GatewayState(row.state),
            portals=tuple(name for name, _ in served.get(row.id, ())),
            labels=tuple(label for _, label in served.get(row.id, ()) if label),
        )
        for row in rows
    )


def _load(store: Store, names: Sequence[str] | None) -> tuple[GatewayRow, ...]:
    only = () if names is None else (schema.gateways.c.name.in_(names),)
    with store.read() as connection:
        rows = connection.execute(
            sa.select(schema.gateways).where(*only).order_by(schema.gateways.c.name)
        ).all()
        ids = None if names is None else [row.id for row in rows]
        served, counted = _served(connection, ids), _counted(connection, ids)
    return tuple(
        _row(row._asdict(), tuple(served.get(row.id, ())), counted.get(row.id, 0)) for row in rows
    )


def _served(
    connection: sa.Connection, ids: Sequence[int] | None
) -> dict[int, list[tuple[str, str]]]:
    """Returns name and label of each portal, by the gateway that serves it."""
    table = schema.portals.c
    statement = sa.select(table.gateway_id, table.name, table.label).order_by(table.name)
    if ids is not None:
        statement = statement.where(table.gateway_id.in_(ids))
    served: dict[int, list[tuple[str, str]]] = {}
    for row in connection.execute(statement):
        served.setdefault(row.gateway_id, []).append((row.name, row.label))
    return served


def _counted(connection: sa.Connection, ids: Sequence[int] | None) -> dict[int, int]:
    """Returns how many records of each gateway are on our disk."""
    table = schema.stored_ranges.c
    held = sa.func.sum(table.last_seq - table.first_seq + 1)
    statement = sa.select(table.gateway_id, held).group_by(table.gateway_id)
    if ids is not None:
        statement = statement.where(table.gateway_id.in_(ids))
    return {int(id_): int(number) for id_, number in connection.execute(statement)}


def _row(values: Mapping[str, Any], served: tuple[tuple[str, str], ...], stored: int) -> GatewayRow:
    birth, health = json.loads(values["birth_json"]), json.loads(values["health_json"])
    return GatewayRow(
        gateway=values["name"],
        state=GatewayState(values["state"]),
        online=values["online"],
        last_seen_at_utc_ms=values["last_seen_at_utc_ms"],
        offline_since_utc_ms=values["offline_since_utc_ms"],
        enrolled_at_utc_s=values["enrolled_at_utc_s"],
        boot_id=values["boot_id"],
        software=birth.get("software", ""),
        hardware=birth.get("hardware", {}),
        capabilities=tuple(birth.get("capabilities", ())),
        portals=tuple(name for name, _ in served),
        labels=tuple(label for _, label in served if label),
        applied=Applied(
            bundle=values["applied_bundle"],
            status=values["applied_status"],
            keyring=values["applied_keyring"],
            config=values["applied_config"],
        ),
        journal_pending=health.get("journal", {}).get("pending"),
        health=health,
        stored_records=stored,
    )
