"""What Home Assistant is told of, and which retained messages stand at the broker for it."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.alert_tables import alerts
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.integration_tables import home_assistant_topics
from doorward_controller.store.schema import gateways


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A gateway that we listen to."""

    name: str
    last_seen_at_utc_ms: int | None
    birth_json: str
    health_json: str


def gateways_told(connection: sa.Connection) -> tuple[Told, ...]:
    """Returns every enrolled gateway with what it said last."""
    columns = (gateways.c[name] for name in Told.__dataclass_fields__)
    rows = connection.execute(
        sa.select(*columns)
        .where(gateways.c.state == GatewayState.ENROLLED.value)
        .order_by(gateways.c.name)
    )
    return tuple(Told(**row._asdict()) for row in rows)


def open_alerts(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Returns how many alerts of which rule are not over, by gateway, without discreet ones."""
    rows = connection.execute(
        sa.select(alerts.c.gateway, alerts.c.rule_code, sa.func.count())
        .where(alerts.c.live_key.is_not(None), alerts.c.is_discreet.is_(False))
        .group_by(alerts.c.gateway, alerts.c.rule_code)
    )
    found: dict[str, dict[str, int]] = {}
    for gateway, rule, count in rows:
        found.setdefault(gateway, {})[rule] = int(count)
    return found


def topics(connection: sa.Connection) -> set[str]:
    """Returns on which topics something stands."""
    return set(connection.execute(sa.select(home_assistant_topics.c.topic)).scalars())


def add(connection: sa.Connection, new: Iterable[str]) -> None:
    """Notes that something is going to stand there."""
    rows = [{"topic": topic} for topic in sorted(new)]
    if rows:
        connection.execute(sa.insert(home_assistant_topics), rows)


def remove(connection: sa.Connection, gone: Iterable[str]) -> None:
    """Notes that nothing stands there any more."""
    every = sorted(gone)
    for start in range(0, len(every), 500):
        piece = every[start : start + 500]
        connection.execute(
            sa.delete(home_assistant_topics).where(home_assistant_topics.c.topic.in_(piece))
        )
