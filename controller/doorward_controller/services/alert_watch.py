"""The look at everything in turn: how the fleet stands, what numbers say, who must be told next."""

from dataclasses import dataclass, field

import sqlalchemy as sa

from doorward.times import Instant
from doorward_controller.domain.alert_rules import (
    Evaluation,
    Facts,
    Rate,
    RateOf,
    Rule,
    RuleKind,
    Turn,
    Verdict,
    evaluate,
)
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.domain.fleet_state import Link
from doorward_controller.services import alerting
from doorward_controller.services.alerting import Raised
from doorward_controller.services.backend import Backend
from doorward_controller.store import alerts, devices, fleet_facts

HOUR_MS = 3_600_000
USUAL_DAYS = 7
RATES_EVERY_MS = 60_000

_Counted = dict[str, dict[RateOf, int]]


def begin(backend: Backend) -> None:
    """Notes that nothing can be heard yet: nobody is late because we have just been started."""
    with backend.store.write() as connection:
        now_ms = backend.clock.now().utc_ms
        devices.save_link(connection, Link(is_up=False, since_ms=now_ms))


def note_link(backend: Backend) -> None:
    """Keeps whether the broker is there, and since when."""
    is_up, now_ms = backend.publisher.connected, backend.clock.now().utc_ms
    with backend.store.read() as connection:
        held = devices.link(connection)
    if held.is_up != is_up:
        with backend.store.write() as connection:
            devices.save_link(connection, Link(is_up=is_up, since_ms=now_ms))


@dataclass(slots=True)
class AlertWatch:
    """Looks at everything. One thread uses one watch."""

    backend: Backend
    _usual: tuple[int, _Counted] = field(default=(-HOUR_MS, {}), init=False)
    _recent: tuple[int, _Counted] = field(default=(-HOUR_MS, {}), init=False)

    def turn(self) -> int:
        """Looks once; returns how many alerts were raised, ended or escalated."""
        now = self.backend.clock.now()
        note_link(self.backend)
        with self.backend.store.read() as connection:
            rules = alerting.rules(connection)
            before = alerts.conditions(connection)
            fleet = fleet_facts.fleet(connection, now.utc_ms)
            facts = self._facts(connection, rules, now)
            open_alerts = alerts.all_open(connection)
        found = evaluate(rules, facts, fleet, before, now.utc_ms)
        if not (found.verdicts or found.held != before or open_alerts):
            return 0
        with self.backend.store.write() as connection:
            changed = _carry_out(connection, rules, found, now)
            alerts.save_conditions(connection, before, found.held)
            changed += _escalate(connection, rules, now)
        if changed:
            alerting.announce(self.backend)
        return changed

    def _facts(
        self, connection: sa.Connection, rules: tuple[Rule, ...], now: Instant
    ) -> list[Facts]:
        health = fleet_facts.health_of_all(connection)
        wants_rates = any(rule.kind is RuleKind.RATE and rule.is_on for rule in rules)
        rates = self._rates(connection, now.utc_ms) if wants_rates else {}
        return [
            Facts(gateway=name, health=said, rates=rates.get(name, {}))
            for name, said in health.items()
        ]

    def _rates(self, connection: sa.Connection, now_ms: int) -> dict[str, dict[RateOf, Rate]]:
        """The last days are counted once an hour, the last hour once a minute."""
        hour_from = now_ms - HOUR_MS
        if now_ms - self._usual[0] >= HOUR_MS:
            from_ms = hour_from - USUAL_DAYS * 24 * HOUR_MS
            usual = fleet_facts.scans_between(connection, from_ms, hour_from)
            self._usual = (now_ms, usual)
        if now_ms - self._recent[0] >= RATES_EVERY_MS:
            # Clocks differ a little; what lies just ahead was scanned just now.
            recent = fleet_facts.scans_between(connection, hour_from, now_ms + HOUR_MS)
            self._recent = (now_ms, recent)
        usual, recent = self._usual[1], self._recent[1]
        return {
            name: {
                of: Rate(
                    last_hour=recent.get(name, {}).get(of, 0),
                    usual_hour=usual.get(name, {}).get(of, 0) / (USUAL_DAYS * 24),
                )
                for of in RateOf
            }
            for name in usual.keys() | recent.keys()
        }


def _carry_out(
    connection: sa.Connection, rules: tuple[Rule, ...], found: Evaluation, now: Instant
) -> int:
    by_code = {rule.code: rule for rule in rules}
    for verdict in found.verdicts:
        rule = by_code.get(verdict.key.rule)
        if verdict.turn is Turn.CLEAR:
            alerting.clear_alert(connection, verdict.key, rule, now)
        elif rule is not None:
            alerting.raise_alert(connection, _raised(rule, verdict), now)
    return len(found.verdicts)


def _raised(rule: Rule, verdict: Verdict) -> Raised:
    fact = Fact(
        kind=rule.kind,
        what=rule.what,
        place=verdict.key.subject,
        title=rule.title,
        value=verdict.value,
    )
    return Raised(
        rule=rule,
        subject=verdict.key.subject,
        gateway=verdict.gateway,
        severity=verdict.severity,
        fact=fact,
    )


def _escalate(connection: sa.Connection, rules: tuple[Rule, ...], now: Instant) -> int:
    by_code = {rule.code: rule for rule in rules}
    return sum(
        alerting.tell_due(connection, held, by_code.get(held.key.rule), now, about="escalated")
        for held in alerts.all_open(connection)
    )
