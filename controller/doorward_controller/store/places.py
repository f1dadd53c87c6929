"""In which zones gateways and portals stand: for who is limited to zones.

A portal is in one zone; a gateway is wherever its portals are. Where somebody *sees* a gateway when
one of its portals is theirs, and *acts* on it when all of them are.
"""

from collections.abc import Iterable

import sqlalchemy as sa

from doorward_controller.domain.permissions import Zones
from doorward_controller.store.schema import gateways, portals


def zones_of_gateway(connection: sa.Connection, gateway_id: int) -> frozenset[str]:
    """Returns the zones of a gateway's portals; none for a gateway without."""
    wanted = sa.select(portals.c.zone).where(portals.c.gateway_id == gateway_id)
    return frozenset(connection.scalars(wanted))


def zones_of_gateway_named(connection: sa.Connection, name: str) -> frozenset[str]:
    """Returns the zones of a gateway's portals; none for a gateway that is not there."""
    if "\0" in name:
        return frozenset()
    wanted = (
        sa.select(portals.c.zone)
        .join(gateways, gateways.c.id == portals.c.gateway_id)
        .where(gateways.c.name == name)
    )
    return frozenset(connection.scalars(wanted))


def zones_of_portals(connection: sa.Connection, names: Iterable[str]) -> frozenset[str]:
    """Returns the zones in which portals stand; those that are not there add nothing."""
    wanted = sa.select(portals.c.zone).where(portals.c.name.in_(sorted(names)))
    return frozenset(connection.scalars(wanted))


def portal_names(connection: sa.Connection, zones: frozenset[str]) -> tuple[str, ...]:
    """Returns the portals of zones, by name."""
    wanted = sa.select(portals.c.name).where(portals.c.zone.in_(sorted(zones)))
    return tuple(connection.scalars(wanted.order_by(portals.c.name)))


def gateway_names(connection: sa.Connection, zones: frozenset[str]) -> frozenset[str]:
    """Returns the gateways that have a portal in one of the zones."""
    wanted = (
        sa.select(gateways.c.name)
        .join(portals, portals.c.gateway_id == gateways.c.id)
        .where(portals.c.zone.in_(sorted(zones)))
    )
    return frozenset(connection.scalars(wanted))


def seen(column: sa.ColumnElement[int], zones: Zones) -> sa.ColumnElement[bool]:
    """Returns the condition that a column names a gateway with a portal in one of the zones."""
    if zones is None:
        return sa.true()
    return column.in_(sa.select(portals.c.gateway_id).where(portals.c.zone.in_(sorted(zones))))


def seen_by_name(column: sa.ColumnElement[str], zones: Zones) -> sa.ColumnElement[bool]:
    """Returns the same for a column that holds the gateway's name."""
    if zones is None:
        return sa.true()
    named = (
        sa.select(gateways.c.name)
        .join(portals, portals.c.gateway_id == gateways.c.id)
        .where(portals.c.zone.in_(sorted(zones)))
    )
    return column.in_(named)
