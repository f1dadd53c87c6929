"""Alerts on the site's own parts: raised while something is so, ended when it is so no longer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import sqlalchemy as sa

from doorward.health import Level, level_of
from doorward.reasons import Severity
from doorward_controller.domain.alert_rules import Key, Rule
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.services import alerting
from doorward_controller.services.alerting import Raised
from doorward_controller.services.backend import Backend
from doorward_controller.store import alerts

_SEVERITIES: Mapping[Level, Severity] = MappingProxyType(
    {Level.WARNING: Severity.WARNING, Level.ALARM: Severity.ALARM}
)
_LEVELS = {severity: level for level, severity in _SEVERITIES.items()}


def settle(
    backend: Backend, connection: sa.Connection, key: Key, place: str, *, is_so: bool
) -> bool:
    """Raises the alert of this key while something is so, or ends it; says whether it did either.

    `place` is what the alert names.
    """
    rule = _rule_of(connection, key)
    level = Level.OK
    if is_so and rule is not None:
        level = Level.ALARM if rule.severity is Severity.ALARM else Level.WARNING
    return _settle(backend, connection, _About(key, rule, place, None), level)


def settle_number(
    backend: Backend, connection: sa.Connection, key: Key, place: str, value: int
) -> bool:
    """The same for a number with bounds: raised, made graver or milder, or ended."""
    rule = _rule_of(connection, key)
    level = Level.OK
    if rule is not None:
        held = alerts.live(connection, key)
        before = _LEVELS.get(held.severity, Level.OK) if held is not None else Level.OK
        level = level_of(rule.bounds.limits(), value, before)
    return _settle(backend, connection, _About(key, rule, place, value), level)


class _About(NamedTuple):
    key: Key
    rule: Rule | None
    place: str
    value: int | None


def _settle(backend: Backend, connection: sa.Connection, about: _About, level: Level) -> bool:
    now, held = backend.clock.now(), alerts.live(connection, about.key)
    if about.rule is None or level is Level.OK:
        alerting.clear_alert(connection, about.key, about.rule, now)
        return held is not None
    rule, by_bounds = about.rule, about.value is not None
    severity = _SEVERITIES[level] if by_bounds else rule.severity
    if held is not None and (not by_bounds or held.severity is severity):
        return False
    fact = Fact(
        kind=rule.kind, what=rule.what, place=about.place, title=rule.title, value=about.value
    )
    raised = Raised(rule=rule, subject=about.key.subject, gateway="", severity=severity, fact=fact)
    alerting.raise_alert(connection, raised, now)
    return True


def _rule_of(connection: sa.Connection, key: Key) -> Rule | None:
    known = alerting.rules(connection)
    return next((each for each in known if each.code == key.rule and each.is_on), None)
