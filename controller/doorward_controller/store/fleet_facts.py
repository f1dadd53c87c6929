"""What the rules about the fleet need: who was heard when, last health, how many scans an hour."""

import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from doorward.records import Outcome, RecordKind
from doorward_controller.domain.alert_rules import RateOf
from doorward_controller.domain.fleet_state import Fleet, Heard, Limits, Stretch, fleet_of
from doorward_controller.store import devices
from doorward_controller.store.device_tables import away_stretches
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.schema import gateways, records

LIMITS = Limits()


def fleet(connection: sa.Connection, now_ms: int) -> Fleet:
    """Returns how all gateways stand at `now_ms`."""
    return fleet_of(_heard(connection, now_ms), devices.link(connection), now_ms, LIMITS)


def health_of_all(connection: sa.Connection) -> dict[str, Mapping[str, Any]]:
    """Returns the last health message of every gateway that we listen to, by name."""
    rows = connection.execute(
        sa.select(gateways.c.name, gateways.c.health_json).where(
            gateways.c.state == GatewayState.ENROLLED.value
        )
    )
    return {row.name: json.loads(row.health_json) for row in rows}


def scans_between(
    connection: sa.Connection, from_ms: int, to_ms: int
) -> dict[str, dict[RateOf, int]]:
    """Returns how many scans and refusals each gateway recorded in a time, by its own clock."""
    denied = sa.func.sum(sa.case((records.c.outcome == int(Outcome.DENY), 1), else_=0))
    statement = (
        sa.select(gateways.c.name, sa.func.count().label("scans"), denied.label("denied"))
        .join(gateways, gateways.c.id == records.c.gateway_id)
        .where(
            records.c.at_utc_ms >= from_ms,
            records.c.at_utc_ms < to_ms,
            records.c.kind == int(RecordKind.SCAN),
        )
        .group_by(gateways.c.name)
    )
    return {
        row.name: {RateOf.SCANS: int(row.scans), RateOf.DENIED: int(row.denied)}
        for row in connection.execute(statement)
    }


def _heard(connection: sa.Connection, now_ms: int) -> list[Heard]:
    recent = _recent_absences(connection, now_ms - LIMITS.flap_window_s * 1000)
    columns = gateways.c
    rows = connection.execute(
        sa.select(
            columns.id,
            columns.name,
            columns.state,
            columns.online,
            columns.last_seen_at_utc_ms,
            columns.offline_since_utc_ms,
        )
    )
    return [
        Heard(
            gateway=row.name,
            is_revoked=row.state == GatewayState.REVOKED.value,
            last_ms=row.last_seen_at_utc_ms,
            gone_ms=row.offline_since_utc_ms if row.online is False else None,
            stretches=tuple(recent.get(row.id, ())),
        )
        for row in rows
    ]


def _recent_absences(connection: sa.Connection, from_ms: int) -> dict[int, list[Stretch]]:
    recent: dict[int, list[Stretch]] = {}
    rows = connection.execute(sa.select(away_stretches).where(away_stretches.c.to_utc_ms > from_ms))
    for row in rows:
        stretch = Stretch(from_ms=row.from_utc_ms, to_ms=row.to_utc_ms)
        recent.setdefault(row.gateway_id, []).append(stretch)
    return recent
