"""Alerts with their history, the conditions that wait, and the rules that somebody changed."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from doorward.health import Level
from doorward.reasons import Severity
from doorward_controller.domain.alert_life import AlertState
from doorward_controller.domain.alert_rules import Held, Key, Rule, RuleKind
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.store.alert_tables import (
    alert_conditions,
    alert_history,
    alert_rules,
    alerts,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """An alert as acts need it."""

    id: int
    key: Key
    gateway: str
    state: AlertState
    severity: Severity
    is_discreet: bool
    fact: Fact
    opened_at_utc_ms: int
    last_at_utc_ms: int
    times: int
    silenced_until_utc_s: int
    resolved_at_utc_ms: int | None


def live_key(key: Key) -> str:
    """Returns what only one alert at a time may have."""
    return f"{key.rule}|{key.subject}"


def fact_to_json(fact: Fact) -> str:
    """Returns what an alert tells of, for storing."""
    return json.dumps(asdict(fact), ensure_ascii=False)


def fact_from_json(text: str) -> Fact:
    """Returns what a stored alert tells of."""
    values = json.loads(text)
    known = {name: values[name] for name in Fact.__dataclass_fields__ if name in values}
    return Fact(**{**known, "kind": RuleKind(values["kind"])})


def add(
    connection: sa.Connection,
    key: Key,
    fact: Fact,
    *,
    gateway: str,
    severity: Severity,
    is_discreet: bool,
    now_ms: int,
) -> int:
    """Opens an alert; returns its number."""
    statement = sa.insert(alerts).values(
        live_key=live_key(key),
        rule_code=key.rule,
        subject=key.subject,
        gateway=gateway,
        severity=severity.value,
        state=AlertState.OPEN.value,
        is_discreet=is_discreet,
        fact_json=fact_to_json(fact),
        opened_at_utc_ms=now_ms,
        last_at_utc_ms=now_ms,
        times=1,
        acknowledged_by="",
        assigned_to="",
        silenced_until_utc_s=0,
        resolved_by="",
    )
    return int(connection.execute(statement.returning(alerts.c.id)).scalar_one())


def change(connection: sa.Connection, alert_id: int, **values: object) -> None:
    """Sets columns of one alert."""
    connection.execute(sa.update(alerts).where(alerts.c.id == alert_id).values(**values))


def find(connection: sa.Connection, alert_id: int) -> StoredAlert | None:
    """Returns an alert, locked until the end of the transaction."""
    row = connection.execute(
        sa.select(alerts).where(alerts.c.id == alert_id).with_for_update()
    ).one_or_none()
    return None if row is None else _stored(row._asdict())


def live(connection: sa.Connection, key: Key) -> StoredAlert | None:
    """Returns the alert of a key that is not resolved, locked until the end of the transaction."""
    row = connection.execute(
        sa.select(alerts).where(alerts.c.live_key == live_key(key)).with_for_update()
    ).one_or_none()
    return None if row is None else _stored(row._asdict())


def resolved_since(connection: sa.Connection, key: Key, since_ms: int) -> StoredAlert | None:
    """Returns the newest alert of a key that was resolved after a moment."""
    row = connection.execute(
        sa.select(alerts)
        .where(
            alerts.c.rule_code == key.rule,
            alerts.c.subject == key.subject,
            alerts.c.resolved_at_utc_ms >= since_ms,
        )
        .order_by(alerts.c.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else _stored(row._asdict())


def all_open(connection: sa.Connection) -> tuple[StoredAlert, ...]:
    """Returns every alert that nobody has acknowledged, the oldest first."""
    rows = connection.execute(
        sa.select(alerts)
        .where(alerts.c.live_key.is_not(None), alerts.c.state == AlertState.OPEN.value)
        .order_by(alerts.c.id)
    )
    return tuple(_stored(row._asdict()) for row in rows)


def note(
    connection: sa.Connection, alert_id: int, *, at_ms: int, who: str, what: str, text: str = ""
) -> None:
    """Adds a line to an alert's history."""
    connection.execute(
        sa.insert(alert_history).values(
            alert_id=alert_id, at_utc_ms=at_ms, who=who, what=what, note=text
        )
    )


def conditions(connection: sa.Connection) -> dict[Key, Held]:
    """Returns what held at the last evaluation."""
    return {
        Key(row.rule_code, row.subject): Held(
            since_ms=int(row.since_utc_ms), level=Level(row.level), is_told=bool(row.is_told)
        )
        for row in connection.execute(sa.select(alert_conditions))
    }


def save_conditions(
    connection: sa.Connection, before: Mapping[Key, Held], after: Mapping[Key, Held]
) -> None:
    """Writes what has changed between two evaluations."""
    for key in before.keys() - after.keys():
        connection.execute(sa.delete(alert_conditions).where(*_is(key)))
    for key, held in after.items():
        if before.get(key) == held:
            continue
        values = {"since_utc_ms": held.since_ms, "level": int(held.level), "is_told": held.is_told}
        changed = connection.execute(sa.update(alert_conditions).where(*_is(key)).values(**values))
        if not changed.rowcount:
            connection.execute(
                sa.insert(alert_conditions).values(
                    rule_code=key.rule, subject=key.subject, **values
                )
            )


def forget_condition(connection: sa.Connection, key: Key) -> None:
    """Lets a condition that still holds be told again, because somebody resolved its alert."""
    connection.execute(sa.delete(alert_conditions).where(*_is(key)))


def changed_rules(connection: sa.Connection) -> tuple[Rule, ...]:
    """Returns the rules that somebody made or changed, by code."""
    rows = connection.execute(sa.select(alert_rules).order_by(alert_rules.c.code))
    return tuple(Rule.model_validate_json(row.body_json) for row in rows)


def save_rule(connection: sa.Connection, rule: Rule, *, by: str, now_s: int) -> None:
    """Keeps a rule in place of the one with its code."""
    values = {"body_json": rule.model_dump_json(), "changed_by": by, "changed_at_utc_s": now_s}
    changed = connection.execute(
        sa.update(alert_rules).where(alert_rules.c.code == rule.code).values(**values)
    )
    if not changed.rowcount:
        connection.execute(sa.insert(alert_rules).values(code=rule.code, **values))


def drop_rules(connection: sa.Connection, codes: Collection[str]) -> int:
    """Forgets rules that somebody made or changed; returns how many there were."""
    dropped = connection.execute(sa.delete(alert_rules).where(alert_rules.c.code.in_(codes)))
    return dropped.rowcount


def _is(key: Key) -> tuple[sa.ColumnElement[bool], ...]:
    return (alert_conditions.c.rule_code == key.rule, alert_conditions.c.subject == key.subject)


def _stored(values: Mapping[str, Any]) -> StoredAlert:
    return StoredAlert(
        id=values["id"],
        key=Key(values["rule_code"], values["subject"]),
        gateway=values["gateway"],
        state=AlertState(values["state"]),
        severity=Severity(values["severity"]),
        is_discreet=bool(values["is_discreet"]),
        fact=fact_from_json(values["fact_json"]),
        opened_at_utc_ms=values["opened_at_utc_ms"],
        last_at_utc_ms=values["last_at_utc_ms"],
        times=values["times"],
        silenced_until_utc_s=values["silenced_until_utc_s"],
        resolved_at_utc_ms=values["resolved_at_utc_ms"],
    )
