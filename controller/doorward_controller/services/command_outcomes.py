"""What becomes of commands: what gateways say of them, and those of which nothing more is heard."""

import json
from collections.abc import Callable, Sequence

import sqlalchemy as sa

from doorward.envelope import Kind, parse_envelope, verify_with_key
from doorward.errors import MalformedError, UntrustedError
from doorward.ids import GatewayId
from doorward.outcomes import TERMINAL, JobState, Outcome, Party, next_state
from doorward.times import Instant
from doorward.topics import UpTopic
from doorward_controller.domain.intake_reasons import QuarantineReason
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.errors import ControllerError
from doorward_controller.services import audit
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind
from doorward_controller.services.opening import Unfit
from doorward_controller.store import commands, gateways
from doorward_controller.store.commands import StoredCommand
from doorward_controller.store.gateways import Gateway

WORD_WITHIN_S = 15
"""A gateway that was sent a command says a word before it expires; words take their time, too."""

END_WITHIN_S = 180
"""What was begun ends within this after its expiry; a restart takes longest."""

_CLOCKWORK = Actor(name="time", role=Role.ADMIN)
"""Who is named in the audit log where a command ends because its time is over."""

After = Sequence[Callable[[], None]]


def take(
    backend: Backend,
    connection: sa.Connection,
    gateway: Gateway,
    topic: UpTopic,
    wire: bytes,
    now: Instant,
) -> After | Unfit:
    """Notes what a gateway says of a command within the caller's transaction.

    An older word, or one that the command's state no longer gives way to, changes nothing.

    Returns:
        What is to be done after the commit, or why the message is to be put aside.
    """
    try:
        outcome = _verified(wire, gateway.record_key)
    except MalformedError as err:
        return Unfit(QuarantineReason.MALFORMED, str(err))
    except UntrustedError as err:
        return Unfit(QuarantineReason.BAD_SIGNATURE, str(err))
    said = (outcome.site, outcome.gateway, outcome.id)
    if said != (topic.site, topic.gateway, topic.message_id):
        return Unfit(QuarantineReason.WRONG_SENDER, f"is from {'/'.join(said)}")
    found = commands.find(connection, outcome.id, lock=True)
    if found is None or found.gateway_id != gateway.id:
        return Unfit(QuarantineReason.UNKNOWN_COMMAND, f"command {outcome.id} is not one of ours")
    return _note(backend, connection, gateway, found, outcome, now)


def expire(backend: Backend) -> int:
    """Ends what nothing more will be heard of; returns how many commands that were."""
    now = backend.clock.now()
    times = {
        "unsent_s": now.utc_s,
        "sent_s": now.utc_s - WORD_WITHIN_S,
        "begun_s": now.utc_s - END_WITHIN_S,
    }
    with backend.store.read() as connection:
        if not commands.overdue(connection, **times):
            return 0
    ended = []
    with backend.store.write() as connection:
        for each in commands.overdue(connection, **times):
            if change_state(connection, each, JobState.TIMED_OUT, now, detail=_why_over(each)):
                name = gateway_of(connection, each.gateway_id)
                _audit(connection, _CLOCKWORK, name, each, JobState.TIMED_OUT, now)
                ended.append((name, each.id))
    for name, command_id in ended:
        announce(backend, name, command_id, JobState.TIMED_OUT)
    return len(ended)


def _verified(wire: bytes, record_key: bytes) -> Outcome:
    envelope = parse_envelope(wire)
    if envelope.kind is not Kind.OUTCOME:
        raise MalformedError(f"expected an outcome, this is a {envelope.kind}")
    verify_with_key(envelope, record_key)
    return Outcome.from_body(envelope.body)


def change_state(
    connection: sa.Connection, found: StoredCommand, to: JobState, now: Instant, detail: str = ""
) -> bool:
    """Changes a command's state on our own word; says whether its state gave way to it."""
    if found.state is to or next_state(found.state, to, Party.CONTROLLER) is not to:
        return False
    values = {"state": to.value, "detail": detail, "changed_at_utc_ms": now.utc_ms}
    return commands.change(connection, found.id, found.state, **values)


def gateway_of(connection: sa.Connection, gateway_id: int) -> GatewayId:
    """Returns the name of a command's gateway."""
    name = gateways.name_of(connection, gateway_id)
    if name is None:
        raise ControllerError(f"there is no gateway number {gateway_id}")
    return name


def announce(backend: Backend, gateway: str, command_id: str, state: JobState) -> None:
    """Tells whoever looks that a command is in another state now."""
    data = {"gateway": gateway, "command": command_id, "state": state.value}
    backend.feed.announce(EventKind.COMMAND, data)


def _note(
    backend: Backend,
    connection: sa.Connection,
    gateway: Gateway,
    found: StoredCommand,
    outcome: Outcome,
    now: Instant,
) -> After:
    state = next_state(found.state, outcome.state, Party.GATEWAY)
    if outcome.seq <= found.seq or state is found.state:
        return ()
    findings = [[each.what, each.is_good, each.detail] for each in outcome.findings]
    commands.change(
        connection,
        found.id,
        found.state,
        state=state.value,
        seq=outcome.seq,
        detail=outcome.detail,
        findings_json=json.dumps(findings),
        sent_at_utc_ms=found.sent_at_utc_ms or now.utc_ms,
        changed_at_utc_ms=now.utc_ms,
    )
    if outcome.attachment is not None:
        commands.keep_attachment(connection, found.id, outcome.attachment, now.utc_ms)
    if state in TERMINAL:
        actor = Actor(name=f"gateway {gateway.name}", role=Role.ADMIN)
        _audit(connection, actor, gateway.name, found, state, now)
    return (lambda: announce(backend, gateway.name, found.id, state),)


def _why_over(command: StoredCommand) -> str:
    if command.state is JobState.IN_PROGRESS:
        return "begun, and nothing more was heard"
    return "never sent" if command.sent_at_utc_ms is None else "sent, and nothing was heard"


def _audit(
    connection: sa.Connection,
    actor: Actor,
    gateway: str,
    command: StoredCommand,
    state: JobState,
    now: Instant,
) -> None:
    audit.append(
        connection,
        now.utc_ms,
        actor,
        "command_outcome",
        subject=gateway,
        outcome=state.value,
        detail={"command": command.id, "name": command.name, "asked_by": command.asked_by},
    )
