"""How a gateway should be set, how it is, how the two differ; what was before, and the form."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response
from starlette.datastructures import FormData
from starlette.requests import Request

from doorward.commands import CommandName
from doorward.outcomes import JobState
from doorward.settable import Shape
from doorward_controller.console import setting_words
from doorward_controller.console.i18n import mark
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.settings_form import Group, faults_of, fields_of, read_fields
from doorward_controller.errors import InvalidError, NotFoundError
from doorward_controller.queries import commands, configurations, fleet_board
from doorward_controller.queries.configurations import ConfigurationRow, ReportedRow, TwinState
from doorward_controller.services import commanding, configuring

router = APIRouter()

_RECENT_COMMANDS = 100
_CAMERA = "camera "
"""What a self-test calls a camera, before its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceLine:
    """One setting on both sides; None where that side leaves it to the installer's file."""

    name: str
    desired: str | None
    in_force: str | None
    is_different: bool


async def raw_form(request: Request) -> FormData:
    """Returns the fields of a form whose names are not known beforehand."""
    return await request.form(max_fields=2000)


@router.get("/gateways/{gateway}/configuration")
def configuration_page(visit: SignedIn, gateway: str, camera: str = "") -> Response:
    """Shows both sides, what was before, and the form."""
    row = _row(visit, gateway)
    groups = _form(visit, row, camera)
    return visit.page("configuration.html", _context(visit, row), groups=groups, note="")


@router.get("/gateways/{gateway}/configuration/part")
def configuration_part(visit: SignedIn, gateway: str) -> Response:
    """What changes by itself: how far the configuration has come, and the differences."""
    return visit.page("parts/configuration.html", _context(visit, _row(visit, gateway)))


@router.get("/gateways/{gateway}/configuration/history")
def configuration_history(visit: SignedIn, gateway: str) -> Response:
    """Every version that was desired."""
    context = _context(visit, _row(visit, gateway))
    return visit.piece(
        "parts/configuration_history.html",
        title=mark("Configurations of before"),
        back=(f"/gateways/{gateway}/configuration", mark("Configuration")),
        is_card=True,
        **context,
    )


@router.post("/gateways/{gateway}/configuration")
def desire_act(
    visit: GenuineSignedIn,
    gateway: str,
    form: Annotated[FormData, Depends(raw_form)],
    note: Annotated[str, Form(max_length=configuring.MAX_NOTE_CHARACTERS)] = "",
) -> Response:
    """Hands what the form says over to the gateway, whole."""
    visit.require_gateway(Action.CONFIGURE_GATEWAY, gateway)
    row = _row(visit, gateway)
    cameras = {name.split(".")[1] for name in form if name.startswith("camera.")}
    groups = _form(visit, row, *cameras)
    settings, groups = read_fields(groups, lambda name: [str(v) for v in form.getlist(name)])
    refusal = ""
    if any(faults_of(groups)):
        refusal = "faults"
    elif row.desired is not None and settings == row.desired.settings:
        refusal = "unchanged"
    if not refusal:
        try:
            configuring.desire(
                visit.backend, visit.actor, gateway=gateway, settings=settings, note=note
            )
        except InvalidError as err:
            refusal = err.message
    if refusal:
        context = _context(visit, row) | {"groups": groups, "note": note, "refusal": refusal}
        return visit.page("configuration.html", context, status_code=422)
    return visit.go(f"/gateways/{gateway}/configuration", done="desired")


@router.post("/gateways/{gateway}/configuration/apply")
def apply_act(visit: GenuineSignedIn, gateway: str) -> Response:
    """Restarts the gateway, so that what it took counts."""
    commanding.send(
        visit.backend, visit.actor, gateway=gateway, name=CommandName.RESTART.value, arguments={}
    )
    return visit.go(f"/gateways/{gateway}/configuration", done="restarting")


@router.post("/gateways/{gateway}/configuration/back")
def back_act(
    visit: GenuineSignedIn, gateway: str, version: Annotated[int, Form(ge=0, lt=2**53)] = 0
) -> Response:
    """Desires again what an earlier version said."""
    configuring.go_back(visit.backend, visit.actor, gateway=gateway, version=version)
    return visit.go(f"/gateways/{gateway}/configuration", done="desired")


def _row(visit: Visit, gateway: str) -> ConfigurationRow:
    visit.require_gateway(Action.READ_FLEET, gateway)
    row = configurations.configuration(visit.backend.store, gateway)
    if row is None:
        raise NotFoundError(f"there is no gateway {gateway[:40]}")
    return row


def _context(visit: Visit, row: ConfigurationRow) -> dict[str, object]:
    lines = tuple(_lines(row))
    return {
        "row": row,
        "standing": _standing(visit, row),
        "lines": lines,
        "versions": configurations.versions(visit.backend.store, row.gateway),
        "may_configure": visit.may(Action.CONFIGURE_GATEWAY),
        "may_restart": visit.may(Action.MAINTAIN_GATEWAY),
        "restart_s": _last_restart_s(visit, row.gateway),
        "setting_words": setting_words,
        "Shape": Shape,
        "refusal": "",
        "note_max": configuring.MAX_NOTE_CHARACTERS,
    }


def _standing(visit: Visit, row: ConfigurationRow) -> str:
    """Returns the word for where the newest version stands."""
    if row.state is TwinState.IN_FORCE and _is_on_trial(visit, row.reported):
        return "on_trial"
    if row.state is TwinState.REJECTED and row.desired is not None:
        return "taken_back" if row.reported.taken_back == row.desired.version else "rejected"
    return row.state.value


def _is_on_trial(visit: Visit, reported: ReportedRow) -> bool:
    """By the gateway's word, or by the time where its software does not tell."""
    if reported.on_trial is not None:
        return reported.on_trial
    until_s = reported.trial_until_utc_s
    return until_s is not None and visit.reader.now_ms < until_s * 1000


def _lines(row: ConfigurationRow) -> Iterator[DifferenceLine]:
    desired = dict(row.desired.settings) if row.desired else {}
    in_force = dict(row.reported.settings or {})
    for name in sorted({*desired, *in_force}):
        yield DifferenceLine(
            name=name,
            desired=_shown(desired, name),
            in_force=_shown(in_force, name),
            is_different=name in row.differences,
        )


def _shown(settings: Mapping[str, Any], name: str) -> str | None:
    if name not in settings:
        return None
    value = settings[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _form(visit: Visit, row: ConfigurationRow, *cameras: str) -> tuple[Group, ...]:
    """Returns the form's fields; cameras are those that a self-test has named, or a person has."""
    found = fleet_board.gateway(visit.backend.store, row.gateway)
    tested = (
        finding.what.removeprefix(_CAMERA)
        for command in commands.newest(visit.backend.store, row.gateway, _RECENT_COMMANDS)
        for finding in command.findings
        if finding.what.startswith(_CAMERA)
    )
    named = (name for name in cameras if name and name.replace("-", "").isalnum())
    return fields_of(
        dict(row.desired.settings) if row.desired else {},
        cameras={*tested, *named},
        portals=found.portals if found else (),
    )


def _last_restart_s(visit: Visit, gateway: str) -> int | None:
    """Returns how long the gateway's last restart took, None where none is known."""
    for row in commands.newest(visit.backend.store, gateway, _RECENT_COMMANDS):
        if row.name == CommandName.RESTART and row.state is JobState.SUCCEEDED:
            return max(1, round((row.changed_at_utc_ms - (row.sent_at_utc_ms or 0)) / 1000))
    return None
