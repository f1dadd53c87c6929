"""Alerts as people see them: the list, one with history and deliveries, how many are open."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.reasons import Severity
from doorward_controller.domain.alert_life import AlertState
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.domain.cursors import check_limit, numbers_of, to_cursor
from doorward_controller.domain.permissions import Zones
from doorward_controller.errors import InvalidError
from doorward_controller.queries.paging import Page, newest_first, page_of
from doorward_controller.store import places
from doorward_controller.store.alert_tables import (
    alert_deliveries,
    alert_history,
    alert_receivers,
    alert_rules,
    alerts,
)
from doorward_controller.store.alerts import fact_from_json
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Which alerts; None means any.

    Attributes:
        state: one of the states, or "live" for all that are not resolved.
        with_discreet: also those that not everybody may see.
        zones: of gateways in these alone; those of the whole site are then left out.
    """

    state: str | None = None
    severity: str | None = None
    gateway: str | None = None
    rule: str | None = None
    assigned_to: str | None = None
    with_discreet: bool = False
    zones: Zones = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """One alert."""

    id: int
    rule: str
    subject: str
    gateway: str
    severity: Severity
    state: AlertState
    is_discreet: bool
    fact: Fact
    opened_at_utc_ms: int
    last_at_utc_ms: int
    times: int
    acknowledged_at_utc_ms: int | None
    acknowledged_by: str
    assigned_to: str
    silenced_until_utc_s: int
    resolved_at_utc_ms: int | None
    resolved_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """A line of an alert's history; nobody's name where the program did it."""

    id: int
    at_utc_ms: int
    who: str
    what: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One delivery and what became of it."""

    id: int
    alert_id: int | None
    receiver: str
    kind: str
    about: str
    state: str
    attempts: int
    created_at_utc_ms: int
    next_at_utc_ms: int
    ended_at_utc_ms: int | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverRow:
    """A receiver without what is secret of it."""

    id: int
    name: str
    kind: str
    language: str
    least_severity: str
    after_min: int
    is_on: bool
    gets_discreet: bool
    shown: str
    changed_by: str
    changed_at_utc_s: int


LIVE = "live"


def page(
    store: Store, wanted: AlertFilter, *, cursor: str | None = None, limit: int = 50
) -> Page[AlertRow]:
    """Returns alerts, the newest first. Raises InvalidError."""
    size = check_limit(limit)
    statement = sa.select(alerts).where(*_conditions(wanted))
    if cursor is not None:
        statement = statement.where(alerts.c.id < numbers_of(cursor, 1)[0])
    with store.read() as connection:
        rows = connection.execute(statement.order_by(alerts.c.id.desc()).limit(size + 1)).all()
    items = tuple(_alert(row._asdict()) for row in rows[:size])
    return Page(items=items, next_cursor=to_cursor(items[-1].id) if len(rows) > size else None)


def alert(store: Store, alert_id: int, *, with_discreet: bool) -> AlertRow | None:
    """Returns one alert."""
    statement = sa.select(alerts).where(alerts.c.id == alert_id)
    if not with_discreet:
        statement = statement.where(alerts.c.is_discreet.is_(False))
    with store.read() as connection:
        row = connection.execute(statement).one_or_none()
    return None if row is None else _alert(row._asdict())


def open_by_severity(
    store: Store, *, with_discreet: bool, zones: Zones = None
) -> dict[Severity, int]:
    """Returns how many alerts are not resolved."""
    wanted = AlertFilter(state=LIVE, with_discreet=with_discreet, zones=zones)
    statement = (
        sa.select(alerts.c.severity, sa.func.count())
        .where(*_conditions(wanted))
        .group_by(alerts.c.severity)
    )
    with store.read() as connection:
        return {Severity(name): int(count) for name, count in connection.execute(statement)}


def history(store: Store, alert_id: int) -> tuple[HistoryRow, ...]:
    """Returns what happened with an alert, the newest first."""
    table = alert_history.c
    statement = (
        sa.select(*(table[name] for name in HistoryRow.__dataclass_fields__))
        .where(table.alert_id == alert_id)
        .order_by(table.id.desc())
        .limit(200)
    )
    with store.read() as connection:
        return tuple(HistoryRow(**row._asdict()) for row in connection.execute(statement))


def deliveries(
    store: Store, *, alert_id: int | None = None, limit: int = 50
) -> tuple[DeliveryRow, ...]:
    """Returns deliveries of one alert or of all, the newest first."""
    return deliveries_page(store, alert_id=alert_id, limit=limit).items


def deliveries_page(
    store: Store, *, alert_id: int | None = None, cursor: str | None = None, limit: int = 50
) -> Page[DeliveryRow]:
    """Returns a page of deliveries of one alert or of all, newest first. Raises InvalidError."""
    table = alert_deliveries.c
    own = [name for name in DeliveryRow.__dataclass_fields__ if name not in {"receiver", "kind"}]
    statement = sa.select(
        *(table[name] for name in own),
        alert_receivers.c.name.label("receiver"),
        alert_receivers.c.kind.label("kind"),
    ).join(alert_receivers, alert_receivers.c.id == table.receiver_id)
    if alert_id is not None:
        statement = statement.where(table.alert_id == alert_id)
    wanted = newest_first(statement, (table.id,), like=(0,), cursor=cursor, limit=limit)
    with store.read() as connection:
        rows = [DeliveryRow(**row._asdict()) for row in connection.execute(wanted)]
    return page_of(rows, lambda row: (row.id,), limit)


def receivers(store: Store) -> tuple[ReceiverRow, ...]:
    """Returns who can be told, by when."""
    table = alert_receivers.c
    statement = (
        sa.select(*(table[name] for name in ReceiverRow.__dataclass_fields__))
        .where(table.removed_at_utc_s.is_(None))
        .order_by(table.after_min, table.name, table.id)
    )
    with store.read() as connection:
        return tuple(ReceiverRow(**row._asdict()) for row in connection.execute(statement))


def changed_rules(store: Store) -> Mapping[str, tuple[str, int]]:
    """Returns who changed which rule, and when."""
    columns = (alert_rules.c.code, alert_rules.c.changed_by, alert_rules.c.changed_at_utc_s)
    with store.read() as connection:
        return {row[0]: (row[1], row[2]) for row in connection.execute(sa.select(*columns))}


def _conditions(wanted: AlertFilter) -> list[sa.ColumnElement[bool]]:
    table = alerts.c
    found: list[sa.ColumnElement[bool]] = []
    if wanted.state == LIVE:
        found.append(table.live_key.is_not(None))
    elif wanted.state is not None:
        found.append(table.state == _one_of(AlertState, wanted.state, "state"))
    if wanted.severity is not None:
        found.append(table.severity == _one_of(Severity, wanted.severity, "severity"))
    asked = {
        "gateway": wanted.gateway,
        "rule_code": wanted.rule,
        "assigned_to": wanted.assigned_to,
    }
    found += [table[name] == value for name, value in asked.items() if value is not None]
    if not wanted.with_discreet:
        found.append(table.is_discreet.is_(False))
    if wanted.zones is not None:
        found.append(places.seen_by_name(table.gateway, wanted.zones))
    return found


def _one_of(kind: type[AlertState] | type[Severity], value: str, what: str) -> str:
    names = [each.value for each in kind]
    if value not in names:
        raise InvalidError(f"{what} is {value[:40]!r}, must be one of {', '.join(names)}")
    return value


def _alert(values: dict[str, Any]) -> AlertRow:
    plain = {name: values[name] for name in AlertRow.__dataclass_fields__ if name in values}
    return AlertRow(
        **{
            **plain,
            "rule": values["rule_code"],
            "severity": Severity(values["severity"]),
            "state": AlertState(values["state"]),
            "fact": fact_from_json(values["fact_json"]),
        }
    )
