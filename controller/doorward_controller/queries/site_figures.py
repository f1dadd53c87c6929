"""Figures of the whole site for monitoring: few statements, each along an index."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.alert_life import AlertState
from doorward_controller.domain.fleet_state import Fleet
from doorward_controller.store import audit_checkpoints, fleet_facts, webhooks
from doorward_controller.store.alert_tables import alert_deliveries, alerts
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.integration_tables import webhook_deliveries
from doorward_controller.store.receivers import DeliveryState
from doorward_controller.store.schema import (
    audit_log,
    bundles,
    credentials,
    gateways,
    status_changes,
    status_lists,
)
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFigures:
    """What is true of the site now.

    Attributes:
        fleet: every gateway.
        last_seen_ms: when each enrolled gateway was last heard.
        alerts: those that are not resolved, by severity and state.
        deliveries: of alerts and of events to webhooks, by state; what waits and what was given up.
        oldest_delivery_ms: since when the longest waiting delivery of an alert waits.
        webhooks_off: how many webhooks are switched off.
        revocation_pending: gateways that do not know of a revocation yet.
        revocation_since_ms: when the oldest of those revocations was ordered.
        policy_pending: gateways without the newest policy.
        policy: its version, and when it was released.
        unsigned_ms: when the oldest entry of the audit log was written that is not signed yet.
    """

    fleet: Fleet
    last_seen_ms: Mapping[str, int]
    alerts: Mapping[tuple[str, str], int]
    deliveries: Mapping[tuple[str, str], int]
    oldest_delivery_ms: int | None
    webhooks_off: int
    revocation_pending: int
    revocation_since_ms: int | None
    policy_pending: int
    policy: tuple[int, int] | None
    unsigned_ms: int | None


def figures(store: Store, site: str, now_ms: int) -> SiteFigures:
    """Returns the figures at `now_ms`. Raises StoreUnavailableError."""
    with store.read() as connection:
        pending, since_ms = _revocations(connection, site)
        policy = connection.execute(
            sa.select(bundles.c.version, bundles.c.released_at_utc_s)
            .where(bundles.c.site == site)
            .order_by(bundles.c.version.desc())
            .limit(1)
        ).one_or_none()
        return SiteFigures(
            fleet=fleet_facts.fleet(connection, now_ms),
            last_seen_ms=_last_seen(connection),
            alerts=_alerts(connection),
            deliveries=_deliveries(connection),
            oldest_delivery_ms=connection.execute(
                sa.select(sa.func.min(alert_deliveries.c.created_at_utc_ms)).where(
                    alert_deliveries.c.state == DeliveryState.WAITING.value
                )
            ).scalar_one(),
            webhooks_off=webhooks.count(connection) - len(webhooks.listening(connection)),
            revocation_pending=pending,
            revocation_since_ms=since_ms,
            policy_pending=_behind(
                connection, gateways.c.applied_bundle, policy[0] if policy else 0
            ),
            policy=(policy[0], policy[1]) if policy else None,
            unsigned_ms=_unsigned(connection),
        )


_ENROLLED = gateways.c.state == GatewayState.ENROLLED.value


def _behind(connection: sa.Connection, applied: sa.ColumnElement[int], version: int) -> int:
    wanted = sa.select(sa.func.count()).where(_ENROLLED, applied < version)
    return int(connection.execute(wanted).scalar_one())


def _last_seen(connection: sa.Connection) -> dict[str, int]:
    seen = gateways.c.last_seen_at_utc_ms
    wanted = sa.select(gateways.c.name, seen).where(_ENROLLED, seen.is_not(None))
    return {row.name: row.last_seen_at_utc_ms for row in connection.execute(wanted)}


def _unsigned(connection: sa.Connection) -> int | None:
    newest = audit_checkpoints.newest(connection)
    of = audit_log.c
    wanted = sa.select(of.at_utc_ms).where(of.id > (newest.entry if newest else 0))
    return connection.execute(wanted.order_by(of.id).limit(1)).scalar_one_or_none()


def _alerts(connection: sa.Connection) -> dict[tuple[str, str], int]:
    rows = connection.execute(
        sa.select(alerts.c.severity, alerts.c.state, sa.func.count())
        .where(alerts.c.live_key.is_not(None), alerts.c.state != AlertState.RESOLVED.value)
        .group_by(alerts.c.severity, alerts.c.state)
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}


def _deliveries(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """What was delivered is not counted: it is the bulk of the rows, and of no concern."""
    found: dict[tuple[str, str], int] = {}
    for kind, table in (("alert", alert_deliveries), ("webhook", webhook_deliveries)):
        for state in (DeliveryState.WAITING, DeliveryState.FAILED):
            wanted = sa.select(sa.func.count()).select_from(table)
            counted = connection.execute(wanted.where(table.c.state == state.value))
            found[kind, state.value] = int(counted.scalar_one())
    return found


def _revocations(connection: sa.Connection, site: str) -> tuple[int, int | None]:
    """Returns how many gateways lack a change of status, and when the oldest one was ordered.

    The list is vouched for anew every quarter of an hour; that alone is nothing to be told.
    """
    of = status_changes.c
    newest = sa.select(sa.func.max(of.seq)).where(of.site == site)
    last = connection.execute(newest).scalar_one()
    base = connection.execute(
        sa.select(status_lists.c.base_seq).where(status_lists.c.site == site)
    ).scalar_one_or_none()
    if last is None or base is None:
        return 0, None
    pending = _behind(connection, gateways.c.applied_status, last)
    if not pending:
        return 0, None
    least = connection.execute(
        sa.select(sa.func.min(gateways.c.applied_status)).where(_ENROLLED)
    ).scalar_one()
    first = connection.execute(
        sa.select(of.status_index)
        .where(of.site == site, of.seq > least)
        .order_by(of.seq, of.id)
        .limit(1)
    ).scalar_one()
    changed_s = connection.execute(
        sa.select(credentials.c.changed_at_utc_s).where(credentials.c.status_index == first)
    ).scalar_one_or_none()
    return pending, None if changed_s is None else changed_s * 1000
