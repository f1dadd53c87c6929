"""Commands: asked for, signed, sent, followed to their end, each step audited.

A command for a gateway that is away waits here and is sent at its birth, while its seconds last. It
is taken back only while it waits: what was sent may have been carried out.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence

import sqlalchemy as sa

from doorward import topics
from doorward.commands import (
    MAX_LIFETIME_S,
    MIN_LIFETIME_S,
    Command,
    CommandName,
    Forgive,
    arguments_of,
    parse_order,
    with_defaults,
)
from doorward.envelope import Kind, seal_envelope
from doorward.errors import MalformedError, UntrustedError
from doorward.ids import GatewayId
from doorward.outcomes import JobState
from doorward.sealing import open_attachment
from doorward.times import Instant, UtcSeconds
from doorward_controller.domain.permissions import Action, Actor, Extent
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services import command_outcomes, signing
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.store import commands, gateways
from doorward_controller.store.commands import StoredAttachment
from doorward_controller.store.gateways import Gateway, GatewayState

DEFAULT_LIFETIME_S = 30
ID_BYTES = 16
ASKED_AGAIN_S = 900
MOST_ASKED_AGAIN = 50
ON_ITS_WAY_MS = 5_000
GIVEN = "command_given"
"""Code of the refusal of an id that a command has."""

_DOORS = frozenset(
    {
        CommandName.OPEN_ONCE,
        CommandName.HOLD_OPEN,
        CommandName.SECURE,
        CommandName.POSTURE,
        CommandName.FORGIVE,
    }
)


def action_of(name: str) -> Action:
    """Returns the permission that a command needs; a name that is not known needs the least."""
    if name in _DOORS:
        return Action.OPEN_DOORS
    if name == CommandName.UPDATE_SOFTWARE:
        return Action.CONFIGURE_GATEWAY
    return Action.TAKE_PICTURE if name == CommandName.TAKE_PICTURE else Action.MAINTAIN_GATEWAY


def draw_id() -> str:
    """Returns an id that no command has."""
    return secrets.token_hex(ID_BYTES)


def check_order(name: str, arguments: Mapping[str, object]) -> None:
    """Raises InvalidError where no gateway would understand the command."""
    try:
        parse_order(name, with_defaults(name, arguments))
    except MalformedError as err:
        raise InvalidError(str(err), code="bad_command") from err


def send(
    backend: Backend,
    actor: Actor,
    *,
    gateway: str,
    name: str,
    arguments: Mapping[str, object],
    lifetime_s: int = DEFAULT_LIFETIME_S,
    command_id: str = "",
) -> str:
    """Has a gateway do something; returns the command's id.

    Args:
        backend: the controller's parts.
        actor: who asks.
        gateway: by name.
        name: of the command.
        arguments: those that have no default must be there.
        lifetime_s: how long it may still be carried out.
        command_id: one that `draw_id` gave, for who notes it before; given twice, it is refused.

    Raises:
        ActError: ForbiddenError, InvalidError, NotFoundError or ConflictError.
    """
    wires: list[tuple[str, bytes]] = []
    with act(
        backend, actor, action_of(name), name="command", subject=gateway[:32], placed=True
    ) as doing:
        found = _enrolled(doing.connection, backend.config.site, gateway)
        _check_place(doing, found, arguments)
        command = _draw(backend, actor, found, name, arguments, lifetime_s, doing.now, command_id)
        if command_id and commands.find(doing.connection, command_id) is not None:
            raise ConflictError(f"command {command_id} was given before", code=GIVEN)
        _check_portal(doing.connection, backend.config.site, found, command.portal)
        signer = signing.signer(backend, KeyUse.COMMAND, doing.connection)
        wire = seal_envelope(Kind.COMMAND, command.to_body(), [signer])
        commands.add(
            doing.connection,
            id=command.id,
            gateway_id=found.id,
            name=command.name.value,
            arguments_json=_json(arguments_of(command.order)),
            state=JobState.QUEUED.value,
            detail="",
            seq=0,
            findings_json="[]",
            asked_by=actor.name,
            asked_at_utc_ms=doing.now.utc_ms,
            expires_at_utc_s=command.expires_at,
            sent_at_utc_ms=doing.now.utc_ms if found.online else None,
            changed_at_utc_ms=doing.now.utc_ms,
            wire=wire,
        )
        if found.online:
            wires.append((command.id, wire))
        doing.detail.update(
            command=command.id, name=command.name.value, portal=command.portal or None
        )
        if isinstance(command.order, Forgive):
            doing.detail.update(credential=command.order.credential, zone=command.order.zone)
    _publish(backend, found.name, wires)
    command_outcomes.announce(backend, found.name, command.id, JobState.QUEUED)
    return command.id


def cancel(backend: Backend, actor: Actor, command_id: str) -> None:
    """Takes back a command that waits for its gateway.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    with backend.store.read() as connection:
        known = commands.find(connection, command_id)
    action = action_of(known.name) if known else Action.MAINTAIN_GATEWAY
    with act(
        backend, actor, action, name="cancel_command", subject=command_id[:32], placed=True
    ) as doing:
        found = commands.find(doing.connection, command_id, lock=True)
        if found is None:
            raise NotFoundError(f"there is no command {command_id[:40]!r}", code="no_command")
        doing.at_gateway(found.gateway_id)
        if found.sent_at_utc_ms is not None or not command_outcomes.change_state(
            doing.connection, found, JobState.CANCELED, doing.now
        ):
            raise ConflictError(
                f"command {command_id[:40]} was sent already; it is {found.state.value}",
                code="command_sent",
            )
        name = command_outcomes.gateway_of(doing.connection, found.gateway_id)
    command_outcomes.announce(backend, name, command_id, JobState.CANCELED)


def send_waiting(
    backend: Backend, connection: sa.Connection, gateway: Gateway, now: Instant
) -> Callable[[], None]:
    """Marks what waited for a gateway as sent; returns what sends it after the commit."""
    waiting = commands.waiting_for(connection, gateway.id, now.utc_s)
    if waiting:
        commands.mark_sent(connection, [each.id for each in waiting], now.utc_ms)
    wires = [(each.id, each.wire) for each in waiting]
    return lambda: _publish(backend, gateway.name, wires)


def ask_again(
    backend: Backend, connection: sa.Connection, gateway: Gateway, now: Instant
) -> Callable[[], None]:
    """Returns what sends commands again of whose end nothing was heard, to hear of it now.

    The broker keeps no outcome for intakes that are one of many, and nobody may have been there to
    hear it. A gateway answers a command that it knows with the outcome that it had, and one that
    came too late with that; a restart is left out, because a gateway without a trusted clock
    could take an old one for new.
    """
    sent = commands.unanswered(
        connection,
        gateway.id,
        expired_after_s=now.utc_s - ASKED_AGAIN_S,
        sent_before_ms=now.utc_ms - ON_ITS_WAY_MS,
        but=CommandName.RESTART.value,
        limit=MOST_ASKED_AGAIN,
    )
    wires = [(each.id, each.wire) for each in sent]
    return lambda: _publish(backend, gateway.name, wires)


def read_attachment(backend: Backend, actor: Actor, command_id: str) -> tuple[str, bytes]:
    """Opens what a command brought back: its kind, and the bytes. Each look is audited.

    Raises ForbiddenError, NotFoundError or ConflictError.
    """
    with backend.store.read() as connection:
        found = commands.attachment(connection, command_id)
    personal = found is None or found.is_personal
    action = Action.READ_PERSONAL if personal else Action.MAINTAIN_GATEWAY
    subject = command_id[:32]
    with act(backend, actor, action, name="read_attachment", subject=subject, placed=True) as doing:
        if found is None:
            raise NotFoundError(
                f"command {command_id[:40]!r} brought nothing back", code="no_attachment"
            )
        doing.at_gateway_named(found.gateway)
        doing.detail.update(kind=found.kind, gateway=found.gateway)
        try:
            plain = _opened(backend, doing.connection, found, command_id)
        except UntrustedError as err:
            raise ConflictError(str(err), code="attachment_unreadable") from err
    return found.kind, plain


def _opened(
    backend: Backend, connection: sa.Connection, found: StoredAttachment, command_id: str
) -> bytes:
    """Tries every key that gateways were ever given. Raises UntrustedError: none opens it."""
    problem = UntrustedError(f"attachment of command {command_id} does not open")
    for private in signing.intake_keys(backend, connection):
        try:
            return open_attachment(found.sealed, private, GatewayId(found.gateway), command_id)
        except UntrustedError as err:
            problem = err
    raise problem


def _enrolled(connection: sa.Connection, site: str, name: str) -> Gateway:
    found = gateways.find(connection, site, name)
    if found is None:
        raise NotFoundError(f"there is no gateway {name[:40]!r}", code="no_gateway")
    if found.state is GatewayState.REVOKED:
        raise ConflictError(f"gateway {name} is revoked", code="gateway_revoked")
    return found


def _draw(
    backend: Backend, actor: Actor, gateway: Gateway, name: str,
    arguments: Mapping[str, object], lifetime_s: int, now: Instant, command_id: str,
) -> Command:  # fmt: skip
    if not MIN_LIFETIME_S <= lifetime_s <= MAX_LIFETIME_S:
        raise InvalidError(
            f"lifetime_s is {lifetime_s}, must be {MIN_LIFETIME_S} to {MAX_LIFETIME_S}",
            code="bad_lifetime",
        )
    try:
        command = Command(
            site=backend.config.site,
            gateway=gateway.name,
            id=command_id or draw_id(),
            order=parse_order(name, with_defaults(name, arguments)),
            issued_at=UtcSeconds(now.utc_s),
            expires_at=UtcSeconds(now.utc_s + lifetime_s),
            by="local" if actor.operator_id is None else f"op-{actor.operator_id}",
        )
        command.check()
    except MalformedError as err:
        raise InvalidError(str(err), code="bad_command") from err
    return command


def _check_place(doing: Act, gateway: Gateway, arguments: Mapping[str, object]) -> None:
    """Raises ForbiddenError where the actor is limited to other zones.

    What names a portal concerns that one, what names a zone everybody there; the rest concerns all
    that the gateway serves.
    """
    portal, zone = arguments.get("portal"), arguments.get("zone")
    if isinstance(portal, str) and portal:
        doing.at_portal(portal)
    elif isinstance(zone, str) and zone:
        doing.at(frozenset({zone}))
    elif "credential" in arguments:
        doing.at(Extent.WHOLE_SITE)
    else:
        doing.at_gateway(gateway.id)


def _check_portal(connection: sa.Connection, site: str, gateway: Gateway, portal: str) -> None:
    served = {
        row.name for row in gateways.portals_of_site(connection, site)
        if row.gateway == gateway.name
    }  # fmt: skip
    if portal and portal not in served:
        raise InvalidError(
            f"gateway {gateway.name} has no portal {portal}; it has {', '.join(sorted(served))}",
            code="portal_elsewhere",
        )


def _publish(backend: Backend, gateway: GatewayId, wires: Sequence[tuple[str, bytes]]) -> None:
    for command_id, wire in wires:
        topic = topics.down(backend.config.site, gateway, topics.Down.COMMAND, command_id)
        backend.publisher.publish(topic, wire, retain=False)


def _json(values: Mapping[str, object]) -> str:
    return json.dumps(values, sort_keys=True)
