"""Commands and configurations: asked for here, followed here."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import BaseModel, Field

from doorward.commands import MAX_LIFETIME_S, MIN_LIFETIME_S, CommandName
from doorward_controller.api.deps import (
    ActorDep,
    BackendDep,
    NeedsGateway,
    NeedsSomewhere,
    check_gateway,
)
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import CONFIGURATION, Changes, Shows
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import commands, configurations
from doorward_controller.queries.commands import CommandRow
from doorward_controller.queries.configurations import ConfigurationRow, VersionRow
from doorward_controller.queries.paging import Page
from doorward_controller.services import commanding, configuring
from doorward_controller.services.backend import Backend

router = APIRouter(tags=["commands"])
reads = Depends(NeedsGateway(Action.READ_FLEET))

MEDIA_TYPES = {"log": "text/plain; charset=utf-8", "picture": "image/jpeg"}


class CommandBody(BaseModel):
    """What a gateway is to do.

    `open_once`, `secure` and `take_picture` take `portal`; `hold_open` takes `portal` and `until`
    (UTC seconds); `posture` takes `portal`, `posture`, and may take `until` and `rank`; `identify`
    may take `portal`; `send_log` may take `lines`; `resend_records` takes `epoch` and `first_seq`;
    `forgive` takes `credential` (16 hex digits), `zone`, or both.
    """

    name: CommandName
    arguments: dict[str, str | int | None] = {}
    lifetime_s: Annotated[int, Field(ge=MIN_LIFETIME_S, le=MAX_LIFETIME_S)] = (
        commanding.DEFAULT_LIFETIME_S
    )


class DesiredBody(BaseModel):
    """How a gateway should be set: everything that differs from the installer's file."""

    settings: dict[str, Any]
    note: str = Field("", max_length=configuring.MAX_NOTE_CHARACTERS)


class BackBody(BaseModel):
    """An earlier version; 0 is the installer's file alone."""

    version: Annotated[int, Field(ge=0, lt=2**53)]


@router.post(
    "/gateways/{gateway}/commands",
    status_code=202,
    dependencies=[
        Depends(NeedsGateway(Action.MAINTAIN_GATEWAY, Action.OPEN_DOORS, Action.TAKE_PICTURE))
    ],
)
def send(gateway: str, body: CommandBody, backend: BackendDep, actor: ActorDep) -> CommandRow:
    """Has a gateway do something, once and within seconds; follow it by its id."""
    command_id = commanding.send(
        backend,
        actor,
        gateway=gateway,
        name=body.name.value,
        arguments=body.arguments,
        lifetime_s=body.lifetime_s,
    )
    return command_row(backend, command_id)


@router.get("/gateways/{gateway}/commands", dependencies=[reads])
def listed(
    gateway: str,
    backend: BackendDep,
    paging: Paging,
) -> Page[CommandRow]:
    """What a gateway was told, newest first."""
    return paging.given(
        commands.page(backend.store, gateway, cursor=paging.cursor, limit=paging.limit)
    )


@router.get("/commands/{command_id}", dependencies=[Depends(NeedsSomewhere(Action.READ_FLEET))])
def shown(command_id: str, backend: BackendDep, actor: ActorDep) -> CommandRow:
    """One command and what became of it."""
    row = command_row(backend, command_id)
    check_gateway(backend, actor, Action.READ_FLEET, row.gateway)
    return row


def command_row(backend: Backend, command_id: str) -> CommandRow:
    """Returns a command for who has just given or changed it. Raises NotFoundError."""
    row = commands.command(backend.store, command_id)
    if row is None:
        raise NotFoundError(f"there is no command {command_id[:40]!r}", code="no_command")
    return row


@router.post(
    "/commands/{command_id}/cancel",
    dependencies=[
        Depends(NeedsSomewhere(Action.MAINTAIN_GATEWAY, Action.OPEN_DOORS, Action.TAKE_PICTURE))
    ],
)
def cancel(command_id: str, backend: BackendDep, actor: ActorDep) -> CommandRow:
    """Takes back a command that waits for its gateway; what was sent cannot be taken back."""
    commanding.cancel(backend, actor, command_id)
    return command_row(backend, command_id)


@router.get(
    "/commands/{command_id}/attachment",
    response_class=Response,
    dependencies=[Depends(NeedsSomewhere(Action.MAINTAIN_GATEWAY, Action.READ_PERSONAL))],
)
def attachment(command_id: str, backend: BackendDep, actor: ActorDep) -> Response:
    """What a command brought back. Each look is audited; a picture is personal data."""
    kind, plain = commanding.read_attachment(backend, actor, command_id)
    return Response(
        plain,
        media_type=MEDIA_TYPES[kind],
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


@router.get("/gateways/{gateway}/configuration", dependencies=[reads, Shows(CONFIGURATION)])
def configuration(gateway: str, backend: BackendDep) -> ConfigurationRow:
    """How a gateway should be set, how it says that it is, and how the two differ."""
    row = configurations.configuration(backend.store, gateway)
    if row is None:
        raise NotFoundError(f"there is no gateway {gateway[:40]!r}", code="no_gateway")
    return row


@router.put(
    "/gateways/{gateway}/configuration",
    dependencies=[
        Depends(NeedsGateway(Action.CONFIGURE_GATEWAY)),
        Changes(CONFIGURATION, needed=True),
    ],
)
def configure(
    gateway: str, body: DesiredBody, backend: BackendDep, actor: ActorDep
) -> ConfigurationRow:
    """Says how a gateway should be set; what it does not take, it rejects whole."""
    configuring.desire(backend, actor, gateway=gateway, settings=body.settings, note=body.note)
    return configuration(gateway, backend)


@router.get("/gateways/{gateway}/configurations", dependencies=[reads])
def configuration_versions(gateway: str, backend: BackendDep, paging: Paging) -> Page[VersionRow]:
    """Every version that was desired of a gateway, newest first, and what each changed."""
    configuration(gateway, backend)
    return paging.given(
        configurations.versions_page(
            backend.store, gateway, cursor=paging.cursor, limit=paging.limit
        )
    )


@router.post(
    "/gateways/{gateway}/configuration/back",
    dependencies=[Depends(NeedsGateway(Action.CONFIGURE_GATEWAY)), Changes(CONFIGURATION)],
)
def go_back(gateway: str, body: BackBody, backend: BackendDep, actor: ActorDep) -> ConfigurationRow:
    """Desires again what an earlier version said; it gets a version of its own."""
    configuring.go_back(backend, actor, gateway=gateway, version=body.version)
    return configuration(gateway, backend)
