"""Gateways and their portals."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from doorward.ids import GatewayId
from doorward_controller.store.prepared import Prepared
from doorward_controller.store.schema import gateways, portals


class GatewayState(StrEnum):
    """Whether we listen to a gateway."""

    ENROLLED = "enrolled"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway as intake and reports need it."""

    id: int
    name: GatewayId
    state: GatewayState
    record_key: bytes
    online: bool | None
    last_seen_at_utc_ms: int | None
    boot_id: str
    session: int
    applied_bundle: int
    applied_status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalRow:
    """A portal and who serves it."""

    name: str
    zone: str
    label: str
    gateway: str
    options_json: str


_NAMES = tuple(Gateway.__dataclass_fields__)
_GATEWAY = tuple(gateways.c[name] for name in _NAMES)

_NAMED = Prepared(
    sa.select(*_GATEWAY).where(
        gateways.c.site == sa.bindparam("of_site"), gateways.c.name == sa.bindparam("of_name")
    )
)


def find(connection: sa.Connection, site: str, name: str) -> Gateway | None:
    """Returns the gateway with that name."""
    rows = _NAMED.rows(connection, {"of_site": site, "of_name": name})
    return _gateway(dict(zip(_NAMES, rows[0], strict=True))) if rows else None


def name_of(connection: sa.Connection, gateway_id: int) -> GatewayId | None:
    """Returns the name of a gateway by its number in the tables."""
    statement = sa.select(gateways.c.name).where(gateways.c.id == gateway_id)
    return connection.execute(statement).scalar_one_or_none()


def config_versions_seen(connection: sa.Connection, gateway_id: int) -> tuple[int, ...]:
    """Returns the versions of configurations that a gateway has named."""
    row = connection.execute(
        sa.select(gateways.c.applied_config, gateways.c.reported_json).where(
            gateways.c.id == gateway_id
        )
    ).one()
    said = json.loads(row.reported_json)
    rejected = (each["version"] for each in said.get("rejected", ()) if each["what"] == "config")
    return (row.applied_config, said.get("taken", 0), *rejected)


def some(connection: sa.Connection, site: str, names: Collection[str]) -> dict[GatewayId, Gateway]:
    """Returns those gateways that exist of the ones named, by name."""
    found = (find(connection, site, name) for name in names)
    return {gateway.name: gateway for gateway in found if gateway is not None}


def add(
    connection: sa.Connection,
    *,
    site: str,
    name: GatewayId,
    record_key: bytes,
    certificate_sha256: str,
    now_utc_s: int,
) -> int:
    """Inserts an enrolled gateway of which nothing was heard yet; returns its id."""
    statement = sa.insert(gateways).values(
        site=site,
        name=name,
        state=GatewayState.ENROLLED.value,
        record_key=record_key,
        certificate_sha256=certificate_sha256,
        enrolled_at_utc_s=now_utc_s,
        boot_id="",
        session=0,
        applied_bundle=0,
        applied_status=0,
        applied_keyring=0,
        applied_config=0,
        birth_json="{}",
        health_json="{}",
    )
    return int(connection.execute(statement.returning(gateways.c.id)).scalar_one())


def change(connection: sa.Connection, gateway_id: int, **values: object) -> None:
    """Sets columns of one gateway."""
    connection.execute(sa.update(gateways).where(gateways.c.id == gateway_id).values(**values))


def add_portal(
    connection: sa.Connection, gateway_id: int, *, name: str, zone: str, label: str, options: str
) -> None:
    """Inserts a portal."""
    connection.execute(
        sa.insert(portals).values(
            gateway_id=gateway_id, name=name, zone=zone, label=label, options_json=options
        )
    )


def connected(connection: sa.Connection, site: str) -> tuple[GatewayId, ...]:
    """Returns the gateways that are connected now, those with the newest policy first."""
    statement = (
        sa.select(gateways.c.name)
        .where(
            gateways.c.site == site,
            gateways.c.state == GatewayState.ENROLLED.value,
            gateways.c.online.is_(True),
        )
        .order_by(gateways.c.applied_bundle.desc(), gateways.c.name)
    )
    return tuple(GatewayId(row.name) for row in connection.execute(statement))


def portal_place(connection: sa.Connection, gateway_id: int, portal: str) -> tuple[str, str] | None:
    """Returns zone and label of a gateway's portal."""
    row = connection.execute(
        sa.select(portals.c.zone, portals.c.label).where(
            portals.c.gateway_id == gateway_id, portals.c.name == portal
        )
    ).one_or_none()
    return None if row is None else (row.zone, row.label)


def place_portal(
    connection: sa.Connection, gateway_id: int, portal: str, *, zone: str, label: str
) -> None:
    """Sets the zone that one enters at a portal, and what people call it."""
    connection.execute(
        sa.update(portals)
        .where(portals.c.gateway_id == gateway_id, portals.c.name == portal)
        .values(zone=zone, label=label)
    )


def portals_of_site(connection: sa.Connection, site: str) -> tuple[PortalRow, ...]:
    """Returns every portal whose gateway we listen to, by name."""
    rows = connection.execute(
        sa.select(
            portals.c.name,
            portals.c.zone,
            portals.c.label,
            gateways.c.name.label("gateway"),
            portals.c.options_json,
        )
        .join(gateways, gateways.c.id == portals.c.gateway_id)
        .where(gateways.c.site == site, gateways.c.state == GatewayState.ENROLLED.value)
        .order_by(portals.c.name)
    )
    return tuple(PortalRow(**row._asdict()) for row in rows)


def record_keys(connection: sa.Connection, site: str) -> dict[GatewayId, bytes]:
    """Returns the public key of every gateway that we listen to."""
    rows = connection.execute(
        sa.select(gateways.c.name, gateways.c.record_key)
        .where(gateways.c.site == site, gateways.c.state == GatewayState.ENROLLED.value)
        .order_by(gateways.c.name)
    )
    return {GatewayId(row.name): bytes(row.record_key) for row in rows}


def numbers(connection: sa.Connection, site: str) -> dict[GatewayId, int]:
    """Returns the number in the tables of every gateway that we listen to, by name."""
    rows = connection.execute(
        sa.select(gateways.c.name, gateways.c.id)
        .where(gateways.c.site == site, gateways.c.state == GatewayState.ENROLLED.value)
        .order_by(gateways.c.name)
    )
    return {GatewayId(row.name): int(row.id) for row in rows}


def portal_exists(connection: sa.Connection, name: str) -> bool:
    """Says whether a portal of that name was ever made."""
    known = sa.select(portals.c.id).where(portals.c.name == name)
    return connection.execute(known).scalar_one_or_none() is not None


def software(connection: sa.Connection, site: str) -> dict[str, str]:
    """Returns which software each enrolled gateway said last; empty where it was never heard."""
    rows = connection.execute(
        sa.select(gateways.c.name, gateways.c.birth_json).where(
            gateways.c.site == site, gateways.c.state == GatewayState.ENROLLED.value
        )
    )
    return {row.name: str(json.loads(row.birth_json).get("software", "")) for row in rows}


def count_applied(connection: sa.Connection, site: str, what: str, version: int) -> tuple[int, int]:
    """Returns how many gateways have this "status" or "bundle" or a newer one, and of how many."""
    column = gateways.c[f"applied_{what}"]
    row = connection.execute(
        sa.select(
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(sa.case((column >= version, 1), else_=0)), 0),
        ).where(gateways.c.site == site, gateways.c.state == GatewayState.ENROLLED.value)
    ).one()
    return int(row[1]), int(row[0])


def count_without_keyring(connection: sa.Connection, site: str, version: int) -> int:
    """Returns how many gateways that work by some policy do not hold this keyring yet."""
    return connection.execute(
        sa.select(sa.func.count()).where(
            gateways.c.site == site,
            gateways.c.state == GatewayState.ENROLLED.value,
            gateways.c.applied_bundle > 0,
            gateways.c.applied_keyring < version,
        )
    ).scalar_one()


def newest_keyring_seen(connection: sa.Connection, site: str) -> int:
    """Returns the newest keyring that a gateway has told of, 0 for none."""
    newest = sa.select(sa.func.max(gateways.c.applied_keyring)).where(gateways.c.site == site)
    return connection.execute(newest).scalar_one() or 0


def _gateway(values: Mapping[str, Any]) -> Gateway:
    """The row comes as the driver has it: SQLite knows no truth values, only 0 and 1."""
    online = None if values["online"] is None else bool(values["online"])
    return Gateway(**{**values, "state": GatewayState(values["state"]), "online": online})
