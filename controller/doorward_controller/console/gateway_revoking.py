"""Revoking a gateway: the page that asks once more, and the act."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward_controller.console import order_words
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.proposals import ProposalKind
from doorward_controller.errors import ActError, InvalidError, NotFoundError
from doorward_controller.queries import fleet_board
from doorward_controller.services import enrolment, proposing, second_person

router = APIRouter()


@router.get("/gateways/{gateway}/revoke")
def revoke_page(visit: SignedIn, gateway: str) -> Response:
    """Says what it means, and asks for the gateway's name."""
    visit.require(Action.REVOKE_GATEWAY)
    return _page(visit, gateway)


@router.post("/gateways/{gateway}/revoke")
def revoke_act(
    visit: GenuineSignedIn,
    gateway: str,
    name: Annotated[str, Form(max_length=100)] = "",
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Revokes it, or proposes to where the rule wants a second person."""
    visit.require(Action.REVOKE_GATEWAY)
    try:
        if name.strip() != gateway:
            raise InvalidError(
                f"the name is {name[:40]!r}, the gateway is {gateway}", code="name_differs"
            )
        if _needs_another(visit):
            proposal = proposing.propose_gateway(visit.backend, visit.actor, gateway, reason)
            target = f"/approvals/{proposal.id}" if visit.may(Action.APPROVE) else "/gateways"
            return visit.go(target, done="proposed")
        enrolment.revoke_gateway(visit.backend, visit.actor, gateway=gateway, reason=reason)
    except ActError as err:
        return _page(visit, gateway, refusal=err, reason=reason)
    return visit.go(f"/gateways/{gateway}", done="gateway-revoked")


def _page(
    visit: Visit, gateway: str, refusal: ActError | None = None, reason: str = ""
) -> Response:
    row = fleet_board.gateway(visit.backend.store, gateway)
    if row is None:
        raise NotFoundError(f"there is no gateway {gateway[:40]!r}")
    return visit.page(
        "gateway_revoke.html",
        status_code=refusal.status if refusal else 200,
        row=row,
        ow=order_words,
        needs_another=_needs_another(visit),
        refusal=refusal,
        reason=reason,
    )


def _needs_another(visit: Visit) -> bool:
    return second_person.stops(visit.backend, visit.actor, ProposalKind.REVOKE_GATEWAY)
