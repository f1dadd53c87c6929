"""What a wall screen shows: how each portal's gateway stands and what is wrong; no persons."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward.reasons import Severity
from doorward_controller.domain.alert_rules import RANKS
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.domain.fleet_state import Condition, GatewayNow, SiteEvent
from doorward_controller.queries import alerts, devices, fleet_states
from doorward_controller.queries.alerts import AlertFilter
from doorward_controller.store.gateways import GatewayState
from doorward_controller.store.schema import gateways
from doorward_controller.store.session import Store

MAX_ALERTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class WallTile:
    """One gateway.

    Attributes:
        facts: what is wrong, the worst first; discreet alerts are never among them.
    """

    gateway: str
    labels: tuple[str, ...]
    severity: Severity
    now: GatewayNow
    last_seen_at_utc_ms: int | None
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WallBoard:
    """The whole screen.

    Attributes:
        newest_at_utc_ms: when any gateway last said anything, None before the first word.
        general: alerts that are about no single gateway.
    """

    tiles: tuple[WallTile, ...]
    site: SiteEvent | None
    general: tuple[tuple[Severity, Fact], ...]
    newest_at_utc_ms: int | None


_BY_CONDITION = {Condition.LOST: Severity.ALARM, Condition.LATE: Severity.WARNING}


def board(store: Store, now_ms: int) -> WallBoard:
    """Returns what the screen shows at `now_ms`, the worst first."""
    fleet = fleet_states.fleet(store, now_ms)
    wanted = AlertFilter(state=alerts.LIVE, with_discreet=False)
    found = alerts.page(store, wanted, limit=MAX_ALERTS).items
    ranked = sorted(found, key=lambda row: -RANKS[row.severity])
    seen = _last_seen(store)
    tiles = []
    for row in devices.devices(store):
        if row.state is GatewayState.REVOKED:
            continue
        own = [each for each in ranked if each.gateway == row.gateway]
        now = fleet.of(row.gateway)
        of_state = Severity.NORMAL if now.is_hidden else _BY_CONDITION.get(now.condition)
        severities = [of_state or Severity.NORMAL, *(each.severity for each in own)]
        tiles.append(
            WallTile(
                gateway=row.gateway,
                labels=row.labels or row.portals,
                severity=max(severities, key=lambda each: RANKS[each]),
                now=now,
                last_seen_at_utc_ms=seen.get(row.gateway),
                facts=tuple(each.fact for each in own),
            )
        )
    tiles.sort(key=lambda tile: (-RANKS[tile.severity], tile.gateway))
    heard = [at for at in seen.values() if at is not None]
    return WallBoard(
        tiles=tuple(tiles),
        site=fleet.site,
        general=tuple((each.severity, each.fact) for each in ranked if not each.gateway),
        newest_at_utc_ms=max(heard, default=None),
    )


def _last_seen(store: Store) -> dict[str, int | None]:
    columns = (gateways.c.name, gateways.c.last_seen_at_utc_ms)
    with store.read() as connection:
        return {row[0]: row[1] for row in connection.execute(sa.select(*columns))}
