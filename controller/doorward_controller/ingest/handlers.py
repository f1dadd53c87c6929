"""Message type to service call, for everything that is not a batch of records."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from doorward.batches import Batch
from doorward.envelope import MAX_HEADER_BYTES
from doorward.errors import MalformedError
from doorward.messages import MAX_MESSAGE_BYTES, Birth, Health, Reported, State
from doorward.outcomes import MAX_OUTCOME_BYTES
from doorward.records import Outcome, RecordKind
from doorward.times import Instant
from doorward.topics import Up, UpTopic
from doorward_controller.domain.intake_reasons import QuarantineReason
from doorward_controller.services import command_outcomes, gateway_reports
from doorward_controller.services.backend import Backend
from doorward_controller.services.opening import OpenedRecord, Unfit, check_sender
from doorward_controller.store import gateways
from doorward_controller.store.gateways import Gateway


def check(kind: Up, wire: bytes, gateway: Gateway | None) -> Gateway | Unfit:
    """Returns the sender of a report when we listen to it and it is not too long."""
    most = MAX_OUTCOME_BYTES + MAX_HEADER_BYTES if kind is Up.OUTCOME else MAX_MESSAGE_BYTES
    if len(wire) > most:
        return Unfit(QuarantineReason.TOO_LARGE, f"{len(wire)} bytes, at most {most}")
    return check_sender(gateway)


def handle(
    backend: Backend, connection: sa.Connection, topic: UpTopic, wire: bytes, now: Instant
) -> Sequence[Callable[[], None]] | Unfit:
    """Notes a report within the caller's transaction.

    Returns:
        What is to be done after the commit, or why the report is to be put aside.
    """
    gateway = gateways.find(connection, topic.site, topic.gateway)
    if gateway is None:
        return Unfit(QuarantineReason.UNKNOWN_GATEWAY, "no gateway of this name is enrolled")
    report = gateway_reports.Reporter(backend, connection, gateway, now)
    try:
        match topic.kind:
            case Up.STATE:
                return report.state(State.from_wire(wire))
            case Up.BIRTH:
                return report.birth(Birth.from_wire(wire))
            case Up.REPORTED:
                return report.reported(Reported.from_wire(wire))
            case Up.HEALTH:
                return report.health(Health.from_wire(wire))
            case Up.OUTCOME:
                return command_outcomes.take(backend, connection, gateway, topic, wire, now)
            case _:
                return Unfit(QuarantineReason.BAD_TOPIC, f"nothing is expected on {topic.kind}")
    except MalformedError as err:
        return Unfit(QuarantineReason.MALFORMED, str(err))


def scan_event(gateway: Gateway, batch: Batch, opened: OpenedRecord) -> dict[str, object]:
    """Returns what the live feed says of one record."""
    said = opened.fields.get
    credential_id = said("credential_id")
    return {
        "gateway": gateway.name,
        "epoch": f"{batch.epoch:012x}",
        "seq": opened.seq,
        "portal": said("portal", ""),
        "at_utc_ms": said("utc_ms"),
        "kind": kind_name(opened.fields["kind"]),
        "outcome": _OUTCOMES.get(said("outcome", -1)),
        "reason": said("reason", ""),
        "credential_id": None if credential_id is None else credential_id.hex(),
        "late": "late" in opened.fields,
        "online": "online" in opened.fields,
    }


_OUTCOMES = {int(Outcome.DENY): "deny", int(Outcome.GRANT): "grant"}
_KINDS = {int(kind): kind.name.lower() for kind in RecordKind}


def kind_name(kind: int) -> str:
    """Returns the name of a record's kind, its number when a newer gateway knows more kinds."""
    return _KINDS.get(kind, str(kind))
