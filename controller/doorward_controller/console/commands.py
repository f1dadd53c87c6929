"""What a gateway is told to do from its page, and what became of it."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward.commands import CommandName
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import commands
from doorward_controller.services import commanding

router = APIRouter()

NEWEST_COMMANDS = 8
ON_THE_PAGE = (
    CommandName.OPEN_ONCE,
    CommandName.IDENTIFY,
    CommandName.SELF_TEST,
    CommandName.RESTART,
)
"""What has a button; the rest is for programs, and for pages to come."""


@router.get("/gateways/{gateway}/commands/part")
def commands_part(visit: SignedIn, gateway: str) -> Response:
    """The commands to one gateway, newest first."""
    visit.require(Action.READ_FLEET)
    return visit.page("parts/commands.html", commands_of(visit, gateway))


@router.post("/gateways/{gateway}/commands")
def command_act(
    visit: GenuineSignedIn,
    gateway: str,
    name: Annotated[str, Form()] = "",
    portal: Annotated[str, Form()] = "",
) -> Response:
    """Gives a command; its outcome appears on the page as it comes."""
    arguments = {"portal": portal} if portal else {}
    commanding.send(visit.backend, visit.actor, gateway=gateway, name=name, arguments=arguments)
    return visit.go(f"/gateways/{gateway}", done="commanded")


def commands_of(visit: Visit, gateway: str) -> dict[str, object]:
    """Returns what the section shows: the newest commands, and which buttons this role has."""
    return {
        "commands": commands.newest(visit.backend.store, gateway, NEWEST_COMMANDS),
        "allowed": {
            name.value for name in ON_THE_PAGE if visit.may(commanding.action_of(name.value))
        },
    }
