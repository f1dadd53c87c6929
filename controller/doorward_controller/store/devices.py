"""What is kept of devices: adoption, identity, components, changes, absences, our own links."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.device_changes import DeviceChange, Identity
from doorward_controller.domain.fleet_state import Link
from doorward_controller.store.device_tables import (
    away_stretches,
    components,
    device_changes,
    gateway_devices,
    site_links,
)

BROKER = "broker"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewComponent:
    """A part of a gateway: what it is, and whose make."""

    kind: str
    maker: str = ""
    model: str = ""
    serial: str = ""
    note: str = ""
    installed_at_utc_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldComponent:
    """A stored component, as far as acts need it."""

    id: int
    gateway_id: int
    kind: str
    removed_at_utc_s: int | None


def add_device(connection: sa.Connection, gateway_id: int, adopted_at_utc_ms: int | None) -> None:
    """Begins the file of a gateway."""
    connection.execute(
        sa.insert(gateway_devices).values(
            gateway_id=gateway_id,
            adopted_at_utc_ms=adopted_at_utc_ms,
            adopted_by="",
            note="",
            identity_json="{}",
        )
    )


def is_adopted(connection: sa.Connection, gateway_id: int) -> bool:
    """Says whether a person has confirmed the gateway; locks its file."""
    found = connection.execute(
        sa.select(gateway_devices.c.adopted_at_utc_ms)
        .where(gateway_devices.c.gateway_id == gateway_id)
        .with_for_update()
    ).one_or_none()
    return found is not None and found.adopted_at_utc_ms is not None


def change_device(connection: sa.Connection, gateway_id: int, **values: object) -> None:
    """Sets columns of a gateway's file."""
    connection.execute(
        sa.update(gateway_devices)
        .where(gateway_devices.c.gateway_id == gateway_id)
        .values(**values)
    )


def identity(connection: sa.Connection, gateway_id: int) -> Identity | None:
    """Returns who a gateway last said that it is, None before it ever did."""
    kept = connection.execute(
        sa.select(gateway_devices.c.identity_json).where(gateway_devices.c.gateway_id == gateway_id)
    ).scalar_one_or_none()
    values = json.loads(kept or "{}")
    return Identity.from_json(values) if values else None


def save_identity(connection: sa.Connection, gateway_id: int, told: Identity) -> None:
    """Keeps who a gateway says that it is."""
    change_device(connection, gateway_id, identity_json=json.dumps(told.to_json()))


def add_changes(
    connection: sa.Connection,
    gateway_id: int,
    found: Iterable[DeviceChange],
    *,
    at_utc_ms: int,
    told_by: str,
) -> None:
    """Adds to the history of a gateway."""
    for change in found:
        connection.execute(
            sa.insert(device_changes).values(
                gateway_id=gateway_id,
                at_utc_ms=at_utc_ms,
                kind=change.kind.value,
                before=change.before,
                after=change.after,
                told_by=told_by,
            )
        )


def add_component(
    connection: sa.Connection,
    gateway_id: int,
    new: NewComponent,
    *,
    by: str,
    replaces_id: int | None = None,
) -> int:
    """Adds a component; returns its number."""
    statement = sa.insert(components).values(
        gateway_id=gateway_id,
        kind=new.kind,
        maker=new.maker,
        model=new.model,
        serial=new.serial,
        note=new.note,
        installed_at_utc_s=new.installed_at_utc_s,
        installed_by=by,
        removed_by="",
        removed_reason="",
        replaces_id=replaces_id,
    )
    return int(connection.execute(statement.returning(components.c.id)).scalar_one())


def component(connection: sa.Connection, component_id: int) -> HeldComponent | None:
    """Returns a component, locked until the act's end."""
    row = connection.execute(
        sa.select(
            components.c.id,
            components.c.gateway_id,
            components.c.kind,
            components.c.removed_at_utc_s,
        )
        .where(components.c.id == component_id)
        .with_for_update()
    ).one_or_none()
    return None if row is None else HeldComponent(**row._asdict())


def remove_component(
    connection: sa.Connection, component_id: int, *, at_utc_s: int, by: str, reason: str
) -> None:
    """Notes that a component was taken out; its history stays."""
    connection.execute(
        sa.update(components)
        .where(components.c.id == component_id)
        .values(removed_at_utc_s=at_utc_s, removed_by=by, removed_reason=reason)
    )


def begin_absence(connection: sa.Connection, gateway_id: int, from_utc_ms: int) -> None:
    """Notes that a gateway went away; one that is away already stays so."""
    is_open = sa.select(away_stretches.c.id).where(
        away_stretches.c.gateway_id == gateway_id, away_stretches.c.to_utc_ms.is_(None)
    )
    if connection.execute(is_open.limit(1)).one_or_none() is None:
        add_absence(connection, gateway_id, from_utc_ms, None)


def end_absence(connection: sa.Connection, gateway_id: int, to_utc_ms: int) -> None:
    """Notes that a gateway is here again."""
    connection.execute(
        sa.update(away_stretches)
        .where(away_stretches.c.gateway_id == gateway_id, away_stretches.c.to_utc_ms.is_(None))
        .values(to_utc_ms=to_utc_ms)
    )


def add_absence(
    connection: sa.Connection, gateway_id: int, from_utc_ms: int, to_utc_ms: int | None
) -> None:
    """Adds a time in which a gateway was away; without an end it lasts."""
    connection.execute(
        sa.insert(away_stretches).values(
            gateway_id=gateway_id, from_utc_ms=from_utc_ms, to_utc_ms=to_utc_ms
        )
    )


def link(connection: sa.Connection, name: str = BROKER) -> Link:
    """Returns one of our own connections; one that nobody has noted yet is taken as up."""
    row = connection.execute(sa.select(site_links).where(site_links.c.name == name)).one_or_none()
    if row is None:
        return Link(is_up=True, since_ms=0)
    return Link(is_up=bool(row.is_up), since_ms=int(row.since_utc_ms))


def save_link(connection: sa.Connection, now: Link, name: str = BROKER) -> None:
    """Keeps how one of our own connections stands."""
    values = {"is_up": now.is_up, "since_utc_ms": now.since_ms}
    changed = connection.execute(
        sa.update(site_links).where(site_links.c.name == name).values(**values)
    )
    if not changed.rowcount:
        connection.execute(sa.insert(site_links).values(name=name, **values))
