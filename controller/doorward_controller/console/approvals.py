"""Approvals: what waits for a second person, and what became of the rest."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward_controller.console import key_words, order_words
from doorward_controller.console.revocations import work_of
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.proposals import SENSITIVE, Proposal, why_not_decide
from doorward_controller.errors import ActError, NotFoundError
from doorward_controller.queries import proposals
from doorward_controller.services import proposing

router = APIRouter()

_SHOWN_CODES = 60


@router.get("/approvals")
def approvals_page(visit: SignedIn) -> Response:
    """Shows what waits, and what was decided."""
    return visit.page("approvals.html", _list(visit))


@router.get("/approvals/part")
def approvals_part(visit: SignedIn) -> Response:
    """The lists alone."""
    return visit.page("parts/approvals.html", _list(visit))


@router.get("/approvals/{proposal_id}")
def approval_page(visit: SignedIn, proposal_id: str) -> Response:
    """Shows one proposal, exactly as it will be carried out."""
    return _one(visit, proposal_id)


@router.post("/approvals/{proposal_id}/approve")
def approve_act(
    visit: GenuineSignedIn, proposal_id: str, note: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """Approves, and has it carried out at once."""
    found = proposals.find(visit.backend.store, proposal_id)
    if found is not None and found.kind in SENSITIVE:
        visit.require_fresh()
    try:
        proposing.approve(visit.backend, visit.actor, proposal_id, note)
    except ActError as err:
        return _one(visit, proposal_id, refusal=err)
    return visit.go(f"/approvals/{proposal_id}", done="approved")


@router.post("/approvals/{proposal_id}/refuse")
def refuse_act(
    visit: GenuineSignedIn, proposal_id: str, note: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """Refuses, with a reason."""
    try:
        proposing.refuse(visit.backend, visit.actor, proposal_id, note)
    except ActError as err:
        return _one(visit, proposal_id, refusal=err)
    return visit.go(f"/approvals/{proposal_id}", done="proposal-refused")


@router.post("/approvals/{proposal_id}/withdraw")
def withdraw_act(visit: GenuineSignedIn, proposal_id: str) -> Response:
    """Takes one's own proposal back."""
    proposing.withdraw(visit.backend, visit.actor, proposal_id)
    return visit.go(f"/approvals/{proposal_id}", done="proposal-withdrawn")


def _list(visit: Visit) -> dict[str, object]:
    visit.require(Action.APPROVE)
    store = visit.backend.store
    return {
        "ow": order_words,
        "waiting": proposals.waiting(store),
        "decided": proposals.decided(store),
        "is_mine": lambda each: _is_mine(visit, each),
    }


def _one(visit: Visit, proposal_id: str, refusal: ActError | None = None) -> Response:
    visit.require(Action.APPROVE)
    found = proposals.find(visit.backend.store, proposal_id)
    if found is None:
        raise NotFoundError(f"there is no proposal {proposal_id[:40]!r}")
    by = proposing.person_of(visit.actor)
    now_s = visit.reader.now_ms // 1000
    return visit.page(
        "approval.html",
        status_code=refusal.status if refusal else 200,
        ow=order_words,
        kw=key_words,
        proposal=found,
        is_mine=_is_mine(visit, found),
        may_decide=why_not_decide(found, by, now_s) is None,
        shown_codes=tuple(found.body.get("ids", ()))[:_SHOWN_CODES],
        refusal=refusal,
        work=work_of(visit),
    )


def _is_mine(visit: Visit, proposal: Proposal) -> bool:
    return proposal.proposer.is_same_as(proposing.person_of(visit.actor))
