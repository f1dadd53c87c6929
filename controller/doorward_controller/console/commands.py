"""What a gateway is told to do from its page, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward.commands import MAX_HOLD_S, MAX_LOG_LINES, CommandName
from doorward.policy import MAX_RANK, Posture
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import InvalidError, NotFoundError
from doorward_controller.queries import commands
from doorward_controller.queries.commands import CommandRow
from doorward_controller.services import commanding

router = APIRouter()

NEWEST_COMMANDS = 12
USUAL_HOLD = timedelta(minutes=15)
ELSEWHERE = frozenset({CommandName.FORGIVE, CommandName.UPDATE_SOFTWARE})
"""Who is forgiven is a matter of the person's own page, and software is rolled out."""
ON_THE_PAGE = tuple(name for name in CommandName if name not in ELSEWHERE)
"""What has a button here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """What a command's form holds; an empty text was left out."""

    portal: str = ""
    until: str = ""
    posture: str = ""
    rank: str = ""
    lines: str = ""
    epoch: str = ""
    first_seq: str = ""


@router.get("/gateways/{gateway}/commands/part")
def commands_part(visit: SignedIn, gateway: str) -> Response:
    """The commands to one gateway, newest first."""
    visit.require_gateway(Action.READ_FLEET, gateway)
    return visit.page("parts/commands.html", commands_of(visit, gateway))


@router.post("/gateways/{gateway}/commands")
def command_act(
    visit: GenuineSignedIn,
    gateway: str,
    *,
    name: Annotated[str, Form()] = "",
    portal: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
    posture: Annotated[str, Form()] = "",
    rank: Annotated[str, Form()] = "",
    lines: Annotated[str, Form()] = "",
    epoch: Annotated[str, Form()] = "",
    first_seq: Annotated[str, Form()] = "",
) -> Response:
    """Gives a command; its outcome appears on the page as it comes."""
    given = _Given(
        portal=portal,
        until=until,
        posture=posture,
        rank=rank,
        lines=lines,
        epoch=epoch,
        first_seq=first_seq,
    )
    commanding.send(
        visit.backend, visit.actor, gateway=gateway, name=name, arguments=_arguments(visit, given)
    )
    return visit.go(f"/gateways/{gateway}", done="commanded")


@router.post("/gateways/{gateway}/commands/{command_id}/cancel")
def cancel_act(visit: GenuineSignedIn, gateway: str, command_id: str) -> Response:
    """Takes back a command that waits for its gateway."""
    commanding.cancel(visit.backend, visit.actor, command_id)
    return visit.go(f"/gateways/{gateway}", done="taken-back")


@router.get("/gateways/{gateway}/commands/{command_id}/picture")
def picture_page(visit: SignedIn, gateway: str, command_id: str) -> Response:
    """Shows a picture; that it was looked at stands in the audit log."""
    visit.require_gateway(Action.READ_PERSONAL, gateway)
    row = _with_attachment(visit, gateway, command_id)
    return visit.page("command_picture.html", row=row)


@router.get("/gateways/{gateway}/commands/{command_id}/attachment")
def attachment(visit: SignedIn, gateway: str, command_id: str) -> Response:
    """What a command brought back: a log to keep, or a picture to look at. Each look is audited."""
    _with_attachment(visit, gateway, command_id)
    kind, plain = commanding.read_attachment(visit.backend, visit.actor, command_id)
    is_log = kind == "log"
    name = f'filename="{gateway}-{command_id[:8]}.{"log" if is_log else "jpg"}"'
    return Response(
        plain,
        media_type="text/plain; charset=utf-8" if is_log else "image/jpeg",
        headers={
            "Content-Disposition": f"{'attachment' if is_log else 'inline'}; {name}",
            "Cache-Control": "no-store",
        },
    )


def commands_of(visit: Visit, gateway: str) -> dict[str, object]:
    """Returns what the section shows: the newest commands, and which buttons this role has."""
    usual = visit.reader.local(visit.reader.now_ms) + USUAL_HOLD
    latest = visit.reader.local(visit.reader.now_ms + MAX_HOLD_S * 1000)
    return {
        "commands": commands.newest(visit.backend.store, gateway, NEWEST_COMMANDS),
        "command_gateway": gateway,
        "allowed": {
            name.value for name in ON_THE_PAGE if visit.may(commanding.action_of(name.value))
        },
        "cancelable": {
            name.value for name in CommandName if visit.may(commanding.action_of(name.value))
        },
        "postures": [posture.value for posture in Posture],
        "max_rank": MAX_RANK,
        "max_lines": MAX_LOG_LINES,
        "epochs": commands.epochs(visit.backend.store, gateway),
        "usual_until": usual.strftime("%Y-%m-%dT%H:%M"),
        "latest_until": latest.strftime("%Y-%m-%dT%H:%M"),
    }


def _with_attachment(visit: Visit, gateway: str, command_id: str) -> CommandRow:
    row = commands.command(visit.backend.store, command_id)
    if row is None or row.gateway != gateway or row.attachment is None:
        raise NotFoundError(f"command {command_id[:40]} brought nothing back")
    return row


def _arguments(visit: Visit, given: _Given) -> Mapping[str, object]:
    """Returns what was filled in; what does not belong to the command is refused by its name."""
    values: dict[str, object] = {
        "portal": given.portal,
        "posture": given.posture,
        "until": _until_utc_s(visit, given.until),
        "rank": _whole("rank", given.rank),
        "lines": _whole("lines", given.lines),
        "epoch": _whole("epoch", given.epoch, base=16),
        "first_seq": _whole("first_seq", given.first_seq),
    }
    return {name: value for name, value in values.items() if value not in {None, ""}}


def _until_utc_s(visit: Visit, text: str) -> int | None:
    """Returns a time on the site's clock as UTC seconds."""
    if not text:
        return None
    try:
        return visit.reader.utc_s_of(text)
    except ValueError as err:
        raise InvalidError(f"until is {text[:20]!r}, must be a time", code="bad_command") from err


def _whole(name: str, text: str, base: int = 10) -> int | None:
    if not text:
        return None
    try:
        return int(text, base)
    except ValueError as err:
        raise InvalidError(
            f"{name} is {text[:20]!r}, must be a whole number", code="bad_command"
        ) from err
