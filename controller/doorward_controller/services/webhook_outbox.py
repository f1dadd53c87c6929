"""What happened, written down for webhooks in the transaction in which it happened.

So nothing is told that was rolled back, and nothing is lost when the process dies after the
commit. Nothing is written while nobody wants to know.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from doorward.records import Outcome
from doorward_controller.domain.webhook_events import Data, EventType, told_by
from doorward_controller.store import gateways, webhooks
from doorward_controller.store.alerts import StoredAlert
from doorward_controller.store.intake import RecordInsert

_OF_LOST = "state.lost"
_SCANS = {
    int(Outcome.GRANT): EventType.SCAN_GRANTED,
    int(Outcome.DENY): EventType.SCAN_REFUSED,
}


def note(connection: sa.Connection, event: EventType, data: Data, at_ms: int) -> None:
    """Writes an event for those who want to know of it."""
    to = [id_ for id_, wanted in webhooks.listening(connection) if event.value in wanted]
    if to:
        webhooks.add_event(connection, type_=event.value, at_ms=at_ms, data=data, to=to)


def note_act(
    connection: sa.Connection,
    act: str,
    subject: str,
    detail: Mapping[str, str | int | bool | None],
    at_ms: int,
) -> None:
    """Writes what an act that was done tells others of."""
    told = told_by(act, subject, detail)
    if told is not None:
        note(connection, *told, at_ms)


def note_alert(
    connection: sa.Connection, event: EventType, held: StoredAlert | None, at_ms: int
) -> None:
    """Writes that an alert began or ended; of discreet ones nobody outside learns."""
    if held is None or held.is_discreet:
        return
    data: Data = {
        "alert": held.id,
        "rule": held.key.rule,
        "subject": held.key.subject,
        "severity": held.severity.value,
    }
    note(connection, event, data, at_ms)
    if held.key.rule == _OF_LOST:
        is_over = event is EventType.ALERT_RESOLVED
        turned = EventType.GATEWAY_BACK if is_over else EventType.GATEWAY_LOST
        note(connection, turned, {"gateway": held.key.subject}, at_ms)


def note_scans(connection: sa.Connection, rows: Sequence[RecordInsert], at_ms: int) -> None:
    """Writes an event for each new record of a decision."""
    decided = [row for row in rows if row.outcome in _SCANS]
    wanted = webhooks.listening(connection) if decided else ()
    asked = {event for _, events in wanted for event in events}
    told = [row for row in decided if _type(row).value in asked]
    names = {id_: gateways.name_of(connection, id_) for id_ in {row.gateway_id for row in told}}
    for row in told:
        event = _type(row)
        data: Data = {
            "gateway": names[row.gateway_id],
            "portal": row.portal,
            "epoch": f"{row.epoch:012x}",
            "seq": row.seq,
            "at_utc_ms": row.at_utc_ms,
            "reason": row.reason,
            "credential": row.credential_id.hex() if row.credential_id else None,
        }
        to = [id_ for id_, events in wanted if event.value in events]
        webhooks.add_event(connection, type_=event.value, at_ms=at_ms, data=data, to=to)


def _type(row: RecordInsert) -> EventType:
    return _SCANS[row.outcome if row.outcome is not None else -1]
