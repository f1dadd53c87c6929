"""Raising and ending alerts: by events as they are stored, and by a look at everything in turn.

An alert, its history and the deliveries that follow from it are written in one transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.events import Passage
from doorward.reasons import Severity
from doorward.records import RecordKind
from doorward.times import Instant
from doorward_controller.domain.alert_defaults import CLEARED_BY, default_rules
from doorward_controller.domain.alert_life import REOPEN_S, AlertState, due_receivers
from doorward_controller.domain.alert_rules import (
    RANKS,
    Key,
    Rule,
    RuleKind,
    on_event,
)
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.domain.device_changes import DeviceChange
from doorward_controller.domain.webhook_events import EventType
from doorward_controller.services import webhook_outbox
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.store import alerts, gateways, receivers
from doorward_controller.store.alerts import StoredAlert
from doorward_controller.store.intake import RecordInsert

After = Sequence[Callable[[], None]]
PROGRAM = ""
"""Who did it, in an alert's history, when nobody did."""

QUIET = Severity.NORMAL
_DEFAULTS = default_rules()
_WATCHED_KINDS = frozenset({RecordKind.PASSAGE, RecordKind.EVENT, RecordKind.CLOCK})
_ENDS: Mapping[str, frozenset[str]] = {
    end: frozenset(begin for begin, over in CLEARED_BY.items() if over == end)
    for end in CLEARED_BY.values()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """Something to tell of: once, or several times at once."""

    rule: Rule
    subject: str
    gateway: str
    severity: Severity
    fact: Fact
    times: int = 1


def rules(connection: sa.Connection) -> tuple[Rule, ...]:
    """Returns the rules that count: the program's own, with what somebody changed or added."""
    changed = {rule.code: rule for rule in alerts.changed_rules(connection)}
    own = [changed.pop(rule.code, rule) for rule in _DEFAULTS]
    return (*own, *changed.values())


def note_changes(
    backend: Backend,
    connection: sa.Connection,
    gateway: str,
    found: Sequence[DeviceChange],
    now: Instant,
) -> After:
    """Raises what a device's changes call for; returns what to do after the commit."""
    if not found:
        return ()
    known = rules(connection)
    for change in found:
        rule = on_event(known, RuleKind.CHANGE, change.kind.value, gateway)
        if rule is None:
            continue
        fact = Fact(
            kind=rule.kind,
            what=rule.what,
            place=gateway,
            title=rule.title,
            before=change.before,
            after=change.after,
        )
        raise_alert(connection, _raised(rule, gateway, gateway, fact), now)
    return (lambda: announce(backend),)


def note_records(
    backend: Backend, connection: sa.Connection, rows: Iterable[RecordInsert], now: Instant
) -> After:
    """Raises and ends what new records call for; returns what to do after the commit."""
    watched = [
        row for row in rows if row.kind in _WATCHED_KINDS and row.reason != Passage.ENTERED.value
    ]
    if not watched:
        return ()
    known = rules(connection)
    names = {id_: gateways.name_of(connection, id_) for id_ in {r.gateway_id for r in watched}}
    waiting: dict[Key, Raised] = {}
    for row in watched:
        gateway = names[row.gateway_id] or ""
        subject = f"{gateway}/{row.portal}" if row.portal else gateway
        for key in _ended_by(known, row.reason, subject):
            if key in waiting:
                raise_alert(connection, waiting.pop(key), now)
            clear_alert(connection, key, _rule_of(known, key), now)
        rule = on_event(known, RuleKind.EVENT, row.reason, gateway)
        if rule is not None:
            key = Key(rule.code, subject)
            before = waiting.get(key)
            waiting[key] = _event(rule, subject, gateway, row, before.times if before else 0)
    for raised in waiting.values():
        raise_alert(connection, raised, now)
    return (lambda: announce(backend),)


def raise_alert(connection: sa.Connection, raised: Raised, now: Instant) -> int:
    """Opens an alert, opens a recent one again, or counts one that is open; returns its number."""
    key = Key(raised.rule.code, raised.subject)
    held = alerts.live(connection, key)
    if held is not None:
        _count_again(connection, held, raised, now)
        return held.id
    recent = alerts.resolved_since(connection, key, now.utc_ms - REOPEN_S * 1000)
    if recent is not None:
        _open_again(connection, recent, raised, now)
        alert_id = recent.id
    else:
        alert_id = alerts.add(
            connection,
            key,
            raised.fact,
            gateway=raised.gateway,
            severity=raised.severity,
            is_discreet=raised.rule.is_discreet,
            now_ms=now.utc_ms,
        )
        if raised.times > 1:
            alerts.change(connection, alert_id, times=raised.times)
        alerts.note(connection, alert_id, at_ms=now.utc_ms, who=PROGRAM, what="opened")
    opened = alerts.find(connection, alert_id)
    webhook_outbox.note_alert(connection, EventType.ALERT_OPENED, opened, now.utc_ms)
    tell_due(connection, opened, raised.rule, now, about="opened")
    return alert_id


def clear_alert(connection: sa.Connection, key: Key, rule: Rule | None, now: Instant) -> None:
    """Ends the alert of a condition that is over; one that needs a person only learns of it."""
    held = alerts.live(connection, key)
    if held is None:
        return
    if rule is not None and rule.needs_person:
        alerts.note(connection, held.id, at_ms=now.utc_ms, who=PROGRAM, what="over")
        return
    resolve(connection, held, who=PROGRAM, now=now)


def resolve(
    connection: sa.Connection, held: StoredAlert, *, who: str, now: Instant, text: str = ""
) -> None:
    """Ends an alert; whoever was told of it is told."""
    alerts.change(
        connection,
        held.id,
        state=AlertState.RESOLVED.value,
        live_key=None,
        resolved_at_utc_ms=now.utc_ms,
        resolved_by=who,
    )
    alerts.note(connection, held.id, at_ms=now.utc_ms, who=who, what="resolved", text=text)
    webhook_outbox.note_alert(connection, EventType.ALERT_RESOLVED, held, now.utc_ms)
    for receiver_id in receivers.told_of(connection, held.id, held.opened_at_utc_ms):
        _queue(connection, held, receiver_id, "resolved", now)


def tell_due(
    connection: sa.Connection,
    held: StoredAlert | None,
    rule: Rule | None,
    now: Instant,
    *,
    about: str,
) -> int:
    """Queues deliveries to whoever is to be told by now; returns how many."""
    if held is None or held.state is not AlertState.OPEN:
        return 0
    if held.silenced_until_utc_s > now.utc_s:
        return 0
    due = due_receivers(
        rule,
        receivers.ladder(connection),
        severity=held.severity,
        is_discreet=held.is_discreet,
        waited_ms=now.utc_ms - held.opened_at_utc_ms,
        told=receivers.told_of(connection, held.id, held.opened_at_utc_ms),
    )
    for receiver_id in due:
        _queue(connection, held, receiver_id, about, now)
    if due and about == "escalated":
        alerts.note(connection, held.id, at_ms=now.utc_ms, who=PROGRAM, what=about)
    return len(due)


def announce(backend: Backend) -> None:
    """Says that something about alerts changed; what it is, only those learn who may."""
    backend.feed.announce(EventKind.ALERT, {})


def _raised(rule: Rule, subject: str, gateway: str, fact: Fact, times: int = 1) -> Raised:
    return Raised(
        rule=rule,
        subject=subject,
        gateway=gateway,
        severity=rule.severity,
        fact=fact,
        times=times,
    )


def _event(rule: Rule, subject: str, gateway: str, row: RecordInsert, times: int) -> Raised:
    place = gateway if row.portal in {"", gateway} else f"{gateway} · {row.portal}"
    fact = Fact(
        kind=rule.kind,
        what=rule.what,
        place=place,
        title=rule.title,
        happened_at_utc_ms=row.at_utc_ms,
    )
    return _raised(rule, subject, gateway, fact, times + 1)


def _ended_by(known: Sequence[Rule], reason: str, subject: str) -> list[Key]:
    begun = _ENDS.get(reason, frozenset())
    return [
        Key(rule.code, subject)
        for rule in known
        if begun and rule.kind is RuleKind.EVENT and rule.what in begun
    ]


def _rule_of(known: Sequence[Rule], key: Key) -> Rule | None:
    return next((rule for rule in known if rule.code == key.rule), None)


def _count_again(
    connection: sa.Connection, held: StoredAlert, raised: Raised, now: Instant
) -> None:
    """A condition that got worse is told to those whom it concerns now; a repetition is counted."""
    is_worse = RANKS[raised.severity] > RANKS[held.severity]
    is_milder = RANKS[raised.severity] < RANKS[held.severity]
    alerts.change(
        connection,
        held.id,
        times=held.times + raised.times,
        last_at_utc_ms=now.utc_ms,
        severity=raised.severity.value,
        fact_json=alerts.fact_to_json(raised.fact),
    )
    what = "worse" if is_worse else "milder" if is_milder else "again"
    alerts.note(connection, held.id, at_ms=now.utc_ms, who=PROGRAM, what=what)
    if is_worse:
        tell_due(connection, alerts.find(connection, held.id), raised.rule, now, about="worse")


def _open_again(
    connection: sa.Connection, recent: StoredAlert, raised: Raised, now: Instant
) -> None:
    alerts.change(
        connection,
        recent.id,
        state=AlertState.OPEN.value,
        live_key=alerts.live_key(recent.key),
        severity=raised.severity.value,
        fact_json=alerts.fact_to_json(raised.fact),
        opened_at_utc_ms=now.utc_ms,
        last_at_utc_ms=now.utc_ms,
        times=recent.times + raised.times,
        acknowledged_at_utc_ms=None,
        acknowledged_by="",
        resolved_at_utc_ms=None,
        resolved_by="",
    )
    alerts.note(connection, recent.id, at_ms=now.utc_ms, who=PROGRAM, what="reopened")


def _queue(
    connection: sa.Connection, held: StoredAlert, receiver_id: int, about: str, now: Instant
) -> None:
    receivers.queue(
        connection,
        receiver_id=receiver_id,
        alert_id=held.id,
        about=about,
        once_key=f"{held.id}:{held.opened_at_utc_ms}:{about}:{receiver_id}",
        now_ms=now.utc_ms,
    )
