"""The gateways as the fleet's board shows them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward_controller.store import schema
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


def gateways(store: Store) -> tuple[GatewayRow, ...]:
    """Returns every gateway, by name."""
    return _load(store, None)


def gateway(store: Store, name: str) -> GatewayRow | None:
    """Returns one gateway."""
    rows = _load(store, name)
    return rows[0] if rows else None


def _load(store: Store, name: str | None) -> tuple[GatewayRow, ...]:
    only = () if name is None else (schema.gateways.c.name == name,)
    held = sa.func.sum(schema.stored_ranges.c.last_seq - schema.stored_ranges.c.first_seq + 1)
    with store.read() as connection:
        rows = connection.execute(
            sa.select(schema.gateways).where(*only).order_by(schema.gateways.c.name)
        ).all()
        served: dict[int, list[tuple[str, str]]] = {}
        for portal in connection.execute(
            sa.select(
                schema.portals.c.gateway_id, schema.portals.c.name, schema.portals.c.label
            ).order_by(schema.portals.c.name)
        ):
            served.setdefault(portal.gateway_id, []).append((portal.name, portal.label))
        counted = {
            int(id_): int(number)
            for id_, number in connection.execute(
                sa.select(schema.stored_ranges.c.gateway_id, held).group_by(
                    schema.stored_ranges.c.gateway_id
                )
            )
        }
    return tuple(
        _row(row._asdict(), tuple(served.get(row.id, ())), counted.get(row.id, 0)) for row in rows
    )


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
