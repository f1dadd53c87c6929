"""Roll-outs: one command or one change of settings for many gateways, wave by wave."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from doorward.commands import CommandName
from doorward_controller.api.deps import ActorDep, BackendDep, Needs
from doorward_controller.api.paging import Paging
from doorward_controller.api.versions import ROLL_OUT, Changes, Shows
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.roll_out_order import (
    MAX_WAVES,
    CommandOrder,
    ConfigurationOrder,
    Order,
    Selection,
)
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import roll_outs
from doorward_controller.queries.paging import Page
from doorward_controller.queries.roll_outs import RollOutInFull, RollOutRow
from doorward_controller.services import rolling_out
from doorward_controller.services.rolling_out import NewRollOut

router = APIRouter(tags=["roll-outs"])
reads = Depends(Needs(Action.READ_FLEET))

Number = Annotated[int, Path(ge=1, lt=2**53)]
MAX_CHOSEN = 10_000


class SelectionBody(BaseModel):
    """Who takes part: whoever fits everything that is said; nothing said means every gateway."""

    zone: Annotated[str, Field(max_length=64)] = ""
    pattern: Annotated[
        str, Field(max_length=64, description="of the gateway's or a portal's name")
    ] = ""
    gateways: Annotated[list[str], Field(max_length=MAX_CHOSEN)] = []


class CommandOrderBody(BaseModel):
    """A command to each: `identify`, `self_test`, `restart` or `send_log`."""

    name: CommandName
    arguments: dict[str, str | int | None] = {}


class ConfigurationOrderBody(BaseModel):
    """A change of each one's settings; null takes a setting back to the installer's file."""

    changes: dict[str, Any]
    restart: bool = True


def _only(given: str, left_out: str) -> JsonDict:
    properties: JsonDict = {given: {"type": "object"}, left_out: {"type": "null"}}
    return {"required": [given], "properties": properties}


class RollOutBody(BaseModel):
    """What is rolled out, to whom, and how carefully. Either `command` or `configuration`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                _only("command", "configuration"),
                _only("configuration", "command"),
            ]
        }
    )

    title: str = Field(min_length=1, max_length=rolling_out.MAX_TITLE_CHARACTERS)
    command: CommandOrderBody | None = None
    configuration: ConfigurationOrderBody | None = None
    selection: SelectionBody = SelectionBody()
    waves: Annotated[list[str], Field(max_length=MAX_WAVES)] = []
    success_percent: Annotated[int, Field(ge=1, le=100)] = 100
    failure_percent: Annotated[int, Field(ge=0, le=100)] = 0
    rest_s: Annotated[int, Field(ge=0, le=rolling_out.MAX_REST_S)] = 0
    deadline_s: Annotated[
        int, Field(ge=rolling_out.MIN_DEADLINE_S, le=rolling_out.MAX_DEADLINE_S)
    ] = 86_400

    @model_validator(mode="after")
    def _has_one_order(self) -> "RollOutBody":
        if (self.command is None) == (self.configuration is None):
            raise ValueError("give either a command or a configuration")
        return self

    def to_new(self) -> NewRollOut:
        """Returns what the service takes."""
        return NewRollOut(
            title=self.title,
            order=self._order(),
            selection=Selection(
                zone=self.selection.zone,
                pattern=self.selection.pattern,
                gateways=frozenset(self.selection.gateways),
            ),
            waves=self.waves,
            success_percent=self.success_percent,
            failure_percent=self.failure_percent,
            rest_s=self.rest_s,
            deadline_s=self.deadline_s,
        )

    def _order(self) -> Order:
        if self.configuration is not None:
            return ConfigurationOrder(
                changes=self.configuration.changes, restart=self.configuration.restart
            )
        assert self.command is not None  # noqa: S101  # one of the two was given
        return CommandOrder(name=self.command.name, arguments=self.command.arguments)


class WaveBody(BaseModel):
    """A wave, and the gateways in it."""

    wave: int
    gateways: list[str]


@router.post("/roll-outs", status_code=201, dependencies=[Depends(Needs(Action.ROLL_OUT))])
def start(body: RollOutBody, backend: BackendDep, actor: ActorDep) -> RollOutInFull:
    """Begins a roll-out. Who takes part, and in which wave, is fixed now."""
    return shown(rolling_out.start(backend, actor, body.to_new()), backend)


@router.post("/roll-out-previews", dependencies=[Depends(Needs(Action.ROLL_OUT))])
def preview(body: RollOutBody, backend: BackendDep) -> list[WaveBody]:
    """Who would take part, wave by wave; begins nothing."""
    new = body.to_new()
    rolling_out.check(new)
    waves: dict[int, list[str]] = {}
    for gateway, wave in rolling_out.members_of(backend, new):
        waves.setdefault(wave, []).append(gateway)
    return [WaveBody(wave=wave, gateways=names) for wave, names in sorted(waves.items())]


@router.get("/roll-outs", dependencies=[reads])
def listed(backend: BackendDep, paging: Paging) -> Page[RollOutRow]:
    """Roll-outs, newest first."""
    return paging.given(roll_outs.page(backend.store, cursor=paging.cursor, limit=paging.limit))


@router.get("/roll-outs/{roll_out_id}", dependencies=[reads, Shows(ROLL_OUT)])
def shown(roll_out_id: Number, backend: BackendDep) -> RollOutInFull:
    """One roll-out and how far each member is."""
    found = roll_outs.roll_out(backend.store, roll_out_id)
    if found is None:
        raise NotFoundError(f"there is no roll-out {roll_out_id}", code="no_roll_out")
    return found


@router.post(
    "/roll-outs/{roll_out_id}/pause",
    dependencies=[Depends(Needs(Action.ROLL_OUT)), Changes(ROLL_OUT)],
)
def pause(roll_out_id: Number, backend: BackendDep, actor: ActorDep) -> RollOutInFull:
    """Holds a roll-out: nothing more is handed out until it is resumed."""
    rolling_out.pause(backend, actor, roll_out_id)
    return shown(roll_out_id, backend)


@router.post(
    "/roll-outs/{roll_out_id}/resume",
    dependencies=[Depends(Needs(Action.ROLL_OUT)), Changes(ROLL_OUT)],
)
def resume(roll_out_id: Number, backend: BackendDep, actor: ActorDep) -> RollOutInFull:
    """Lets a paused roll-out go on."""
    rolling_out.resume(backend, actor, roll_out_id)
    return shown(roll_out_id, backend)


@router.post(
    "/roll-outs/{roll_out_id}/abort",
    dependencies=[Depends(Needs(Action.ROLL_OUT)), Changes(ROLL_OUT)],
)
def abort(roll_out_id: Number, backend: BackendDep, actor: ActorDep) -> RollOutInFull:
    """Ends a roll-out; what was handed over stays where it is."""
    rolling_out.abort(backend, actor, roll_out_id)
    return shown(roll_out_id, backend)
