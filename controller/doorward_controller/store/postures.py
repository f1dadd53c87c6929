"""Ordered postures, and how far each portal has got."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.policy import Posture
from doorward_controller.domain.posture_orders import PostureCause, PostureOrdered, Scope
from doorward_controller.store.rollout_tables import portal_postures, posture_orders
from doorward_controller.store.schema import commands, gateways, portals


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalStanding:
    """A portal, its gateway, and what it was last told of postures.

    Attributes:
        order_id: what it was told or is to be told; empty for "as the policy says".
        command_state: of the command that told it; None where none was sent.
        arrived: the gateway said that it did so.
        changed_at_utc_ms: when it was last told; None: never.
    """

    portal: str
    zone: str
    gateway_id: int
    gateway: str
    online: bool | None
    offline_since_utc_ms: int | None
    bundle_applied_at_utc_ms: int | None
    order_id: str
    command_state: str | None
    arrived: bool
    changed_at_utc_ms: int | None


def add(connection: sa.Connection, order: PostureOrdered) -> None:
    """Inserts an order."""
    values = {name: getattr(order, name) for name in PostureOrdered.__dataclass_fields__}
    values |= {name: values[name].value for name in ("scope", "posture", "cause")}
    connection.execute(sa.insert(posture_orders).values(**values))


def standing_orders(connection: sa.Connection) -> tuple[PostureOrdered, ...]:
    """Returns every order that was not ended, the newest first."""
    wanted = (
        sa.select(posture_orders)
        .where(posture_orders.c.ended_at_utc_ms.is_(None))
        .order_by(posture_orders.c.ordered_at_utc_ms.desc(), posture_orders.c.id)
    )
    return tuple(order_of(row._asdict()) for row in connection.execute(wanted))


def find(connection: sa.Connection, order_id: str, *, lock: bool = False) -> PostureOrdered | None:
    """Returns an order."""
    wanted = sa.select(posture_orders).where(posture_orders.c.id == order_id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    return None if row is None else order_of(row._asdict())


def end(connection: sa.Connection, order_id: str, *, at_utc_ms: int, by: str, note: str) -> None:
    """Ends an order."""
    connection.execute(
        sa.update(posture_orders)
        .where(posture_orders.c.id == order_id)
        .values(ended_at_utc_ms=at_utc_ms, ended_by=by, ended_note=note)
    )


def ended(connection: sa.Connection, limit: int) -> tuple[PostureOrdered, ...]:
    """Returns the orders that ended last."""
    wanted = (
        sa.select(posture_orders)
        .where(posture_orders.c.ended_at_utc_ms.is_not(None))
        .order_by(posture_orders.c.ended_at_utc_ms.desc())
        .limit(limit)
    )
    return tuple(order_of(row._asdict()) for row in connection.execute(wanted))


def portal_standings(connection: sa.Connection, site: str) -> tuple[PortalStanding, ...]:
    """Returns every portal whose gateway we listen to, by name."""
    rows = connection.execute(
        sa.select(
            portals.c.name.label("portal"),
            portals.c.zone,
            gateways.c.id.label("gateway_id"),
            gateways.c.name.label("gateway"),
            gateways.c.online,
            gateways.c.offline_since_utc_ms,
            gateways.c.bundle_applied_at_utc_ms,
            sa.func.coalesce(portal_postures.c.order_id, "").label("order_id"),
            commands.c.state.label("command_state"),
            sa.func.coalesce(portal_postures.c.arrived, sa.true()).label("arrived"),
            portal_postures.c.changed_at_utc_ms,
        )
        .join(gateways, gateways.c.id == portals.c.gateway_id)
        .outerjoin(portal_postures, portal_postures.c.portal == portals.c.name)
        .outerjoin(commands, commands.c.id == portal_postures.c.command_id)
        .where(gateways.c.site == site, gateways.c.state == "enrolled")
        .order_by(portals.c.name)
    )
    return tuple(
        PortalStanding(
            **{
                **row._asdict(),
                "arrived": bool(row.arrived),
                "online": None if row.online is None else bool(row.online),
            }
        )
        for row in rows
    )


def tell(
    connection: sa.Connection,
    portal: str,
    *,
    order_id: str,
    command_id: str,
    arrived: bool,
    at_utc_ms: int,
) -> None:
    """Notes what a portal was told, or is still to be told."""
    values = {
        "order_id": order_id,
        "command_id": command_id,
        "arrived": arrived,
        "changed_at_utc_ms": at_utc_ms,
    }
    changed = connection.execute(
        sa.update(portal_postures).where(portal_postures.c.portal == portal).values(**values)
    )
    if not changed.rowcount:
        connection.execute(sa.insert(portal_postures).values(portal=portal, **values))


def arrive(connection: sa.Connection, portal: str) -> None:
    """Notes that a portal's gateway did as it was told."""
    connection.execute(
        sa.update(portal_postures).where(portal_postures.c.portal == portal).values(arrived=True)
    )


def order_of(values: Mapping[str, Any]) -> PostureOrdered:
    """Returns the row as a value."""
    return PostureOrdered(
        **{
            **values,
            "scope": Scope(values["scope"]),
            "posture": Posture(values["posture"]),
            "cause": PostureCause(values["cause"]),
        }
    )
