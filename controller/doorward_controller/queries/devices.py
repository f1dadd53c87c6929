"""Devices as people see them: the tree, a gateway's parts, its history and absences."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from doorward.events import EventCode
from doorward.records import RecordKind
from doorward_controller.domain.fleet_state import Trace, Work, work_during
from doorward_controller.domain.permissions import Zones
from doorward_controller.queries.paging import Page, newest_first, page_of
from doorward_controller.store import places
from doorward_controller.store.device_tables import (
    away_stretches,
    components,
    device_changes,
    gateway_devices,
)
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.schema import gateways, portals, records
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentRow:
    """A component with its dates; one that was taken out keeps them."""

    id: int
    kind: str
    maker: str
    model: str
    serial: str
    note: str
    installed_at_utc_s: int
    installed_by: str
    removed_at_utc_s: int | None
    removed_by: str
    removed_reason: str
    replaces_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """Something that showed about a device."""

    id: int
    gateway: str
    at_utc_ms: int
    kind: str
    before: str
    after: str
    told_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceRow:
    """A time in which a gateway was away, and what its own journal shows of it.

    Attributes:
        records: how many it made in that time, as far as they are here.
    """

    from_utc_ms: int
    to_utc_ms: int | None
    work: Work
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """A gateway in the tree."""

    gateway: str
    state: GatewayState
    portals: tuple[str, ...]
    labels: tuple[str, ...]
    zones: tuple[str, ...]
    note: str
    is_adopted: bool
    adopted_by: str
    adopted_at_utc_ms: int | None
    enrolled_at_utc_s: int
    components: tuple[ComponentRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalNode:
    """A portal of a zone, and the gateway that serves it."""

    portal: str
    label: str
    device: DeviceRow

    def holds(self, wanted: str) -> bool:
        """Whether one of its names, or a serial number in it, holds a text in lower case."""
        serials = (part.serial for part in self.device.components)
        known = (self.portal, self.label, self.device.gateway, self.device.note, *serials)
        return any(wanted in each.casefold() for each in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneNode:
    """A zone with its portals, by name."""

    zone: str
    portals: tuple[PortalNode, ...]

    def narrowed(self, text: str) -> "ZoneNode":
        """Returns the zone with those portals whose names, gateways or parts hold a text."""
        wanted = text.strip().casefold()
        return replace(self, portals=tuple(each for each in self.portals if each.holds(wanted)))


def devices(store: Store, zones: Zones = None) -> tuple[DeviceRow, ...]:
    """Returns every gateway of the zones with its portals and what is in it, by name."""
    with store.read() as connection:
        return _devices(connection, None, zones)


def device(store: Store, gateway: str) -> DeviceRow | None:
    """Returns one gateway with its portals and the components that are in it."""
    with store.read() as connection:
        found = _devices(connection, gateway)
    return found[0] if found else None


def tree(store: Store, zones: Zones = None) -> tuple[ZoneNode, ...]:
    """Returns the zones down to components; who was revoked or is new is not in it."""
    nodes: dict[str, list[PortalNode]] = {}
    with store.read() as connection:
        known = {row.gateway: row for row in _devices(connection, None, zones)}
        rows = connection.execute(
            sa.select(
                portals.c.name, portals.c.label, portals.c.zone, gateways.c.name.label("gateway")
            )
            .join(gateways, gateways.c.id == portals.c.gateway_id)
            .where(sa.true() if zones is None else portals.c.zone.in_(sorted(zones)))
            .order_by(portals.c.name)
        ).all()
    for row in rows:
        held = known[row.gateway]
        if held.is_adopted and held.state is GatewayState.ENROLLED:
            node = PortalNode(portal=row.name, label=row.label, device=held)
            nodes.setdefault(row.zone, []).append(node)
    return tuple(ZoneNode(zone=zone, portals=tuple(nodes[zone])) for zone in sorted(nodes))


def past_components(store: Store, gateway: str) -> tuple[ComponentRow, ...]:
    """Returns what was taken out of a gateway, the newest first."""
    with store.read() as connection:
        rows = connection.execute(
            _of(gateway, components, components.c.gateway_id)
            .where(components.c.removed_at_utc_s.is_not(None))
            .order_by(components.c.removed_at_utc_s.desc(), components.c.id.desc())
        )
        return tuple(_component(row._asdict()) for row in rows)


def history(
    store: Store, gateway: str | None = None, *, limit: int = 50, zones: Zones = None
) -> tuple[ChangeRow, ...]:
    """Returns what showed about one device or all, the newest first."""
    return history_page(store, gateway, limit=limit, zones=zones).items


def history_page(
    store: Store,
    gateway: str | None = None,
    *,
    cursor: str | None = None,
    limit: int = 50,
    zones: Zones = None,
) -> Page[ChangeRow]:
    """Returns a page of what showed about one device or all of the zones, the newest first.

    Raises InvalidError.
    """
    statement = sa.select(device_changes, gateways.c.name.label("gateway")).join(
        gateways, gateways.c.id == device_changes.c.gateway_id
    )
    statement = statement.where(places.seen(device_changes.c.gateway_id, zones))
    if gateway is not None:
        statement = statement.where(gateways.c.name == gateway)
    columns = (device_changes.c.at_utc_ms, device_changes.c.id)
    wanted = newest_first(statement, columns, like=(0, 0), cursor=cursor, limit=limit)
    with store.read() as connection:
        found = [row._asdict() for row in connection.execute(wanted)]
    rows = [ChangeRow(**{n: row[n] for n in ChangeRow.__dataclass_fields__}) for row in found]
    return page_of(rows, lambda row: (row.at_utc_ms, row.id), limit)


def absences(
    store: Store, gateway: str, *, least_ms: int = 30_000, limit: int = 10
) -> tuple[AbsenceRow, ...]:
    """Returns when a gateway was away for at least so long, the newest first."""
    with store.read() as connection:
        length = away_stretches.c.to_utc_ms - away_stretches.c.from_utc_ms
        rows = connection.execute(
            _of(gateway, away_stretches, away_stretches.c.gateway_id)
            .where(sa.or_(away_stretches.c.to_utc_ms.is_(None), length >= least_ms))
            .order_by(away_stretches.c.from_utc_ms.desc(), away_stretches.c.id.desc())
            .limit(limit)
        ).all()
        return tuple(_absence(connection, row.gateway_id, row) for row in rows)


def _absence(
    connection: sa.Connection, gateway_id: int, row: sa.Row[tuple[object, ...]]
) -> AbsenceRow:
    until_ms = row.to_utc_ms
    is_start = sa.and_(
        records.c.kind == int(RecordKind.EVENT),
        records.c.reason == EventCode.GATEWAY_STARTED.value,
    )
    statement = sa.select(
        sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((is_start, 1), else_=0)), 0)
    ).where(records.c.gateway_id == gateway_id, records.c.at_utc_ms > row.from_utc_ms)
    if until_ms is not None:
        statement = statement.where(records.c.at_utc_ms < until_ms)
    counted, starts = connection.execute(statement).one()
    return AbsenceRow(
        from_utc_ms=row.from_utc_ms,
        to_utc_ms=until_ms,
        work=work_during(Trace(records=int(counted), starts=int(starts))),
        records=int(counted),
    )


def _of(gateway: str, table: sa.Table, column: sa.Column[int]) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(table).join(gateways, gateways.c.id == column).where(gateways.c.name == gateway)
    )


def _devices(
    connection: sa.Connection, gateway: str | None, zones: Zones = None
) -> tuple[DeviceRow, ...]:
    columns = (
        *(gateways.c[name] for name in ("id", "name", "state", "enrolled_at_utc_s")),
        *(gateway_devices.c[name] for name in ("adopted_at_utc_ms", "adopted_by", "note")),
    )
    statement = (
        sa.select(*columns)
        .outerjoin(gateway_devices, gateway_devices.c.gateway_id == gateways.c.id)
        .where(places.seen(gateways.c.id, zones))
        .order_by(gateways.c.name)
    )
    if gateway is not None:
        statement = statement.where(gateways.c.name == gateway)
    found = connection.execute(statement).all()
    # Of one gateway only its own rows; of all of them, no list of a thousand numbers.
    ids = None if gateway is None else [row.id for row in found]
    here, inside = portals.c.gateway_id, components.c.gateway_id
    served: dict[int, list[Any]] = {}
    for row in connection.execute(
        sa.select(here, portals.c.name, portals.c.label, portals.c.zone)
        .where(sa.true() if ids is None else here.in_(ids))
        .order_by(portals.c.name)
    ):
        served.setdefault(row.gateway_id, []).append(row)
    parts: dict[int, list[ComponentRow]] = {}
    for part in connection.execute(
        sa.select(components)
        .where(
            components.c.removed_at_utc_s.is_(None),
            sa.true() if ids is None else inside.in_(ids),
        )
        .order_by(components.c.kind, components.c.id)
    ):
        parts.setdefault(part.gateway_id, []).append(_component(part._asdict()))
    return tuple(
        DeviceRow(
            gateway=row.name,
            state=GatewayState(row.state),
            portals=tuple(each.name for each in served.get(row.id, ())),
            labels=tuple(each.label for each in served.get(row.id, ()) if each.label),
            zones=tuple(dict.fromkeys(each.zone for each in served.get(row.id, ()))),
            note=row.note or "",
            is_adopted=row.adopted_at_utc_ms is not None,
            adopted_by=row.adopted_by or "",
            adopted_at_utc_ms=row.adopted_at_utc_ms,
            enrolled_at_utc_s=row.enrolled_at_utc_s,
            components=tuple(parts.get(row.id, ())),
        )
        for row in found
    )


def _component(values: dict[str, object]) -> ComponentRow:
    return ComponentRow(**{name: values[name] for name in ComponentRow.__dataclass_fields__})  # type: ignore[arg-type]


def new_names(rows: Iterable[DeviceRow]) -> tuple[str, ...]:
    """Returns the gateways that wait for somebody to adopt them."""
    return tuple(
        row.gateway for row in rows if not row.is_adopted and row.state is GatewayState.ENROLLED
    )
