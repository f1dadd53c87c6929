"""Proposals: what one person proposes and another one decides on."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Needs, fresh_of
from doorward_controller.api.paging import Paging
from doorward_controller.api.revocations import RevocationBody
from doorward_controller.api.versions import PROPOSAL, Changes, Shows
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.proposals import MAX_REASON_CHARACTERS, SENSITIVE, Proposal
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import proposals
from doorward_controller.queries.paging import Page
from doorward_controller.services import key_withdrawal, proposing

router = APIRouter(tags=["proposals"])
reads = Depends(Needs(Action.APPROVE))
ProposalId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON_CHARACTERS)]


class ProposalBody(BaseModel):
    """One proposal; the body is what will be done, exactly."""

    id: str
    kind: str
    subject: str
    body: dict[str, Any]
    body_sha256: str
    reason: str
    state: str
    proposed_by: str
    proposed_at_utc_s: int
    expires_at_utc_s: int
    decided_by: str
    decided_at_utc_s: int | None
    note: str
    outcome: dict[str, Any]


class ProposeRelease(BaseModel):
    """To release the newest rules."""

    reason: Reason


class ProposeGateway(BaseModel):
    """To revoke a gateway."""

    gateway: str
    reason: Reason


class ProposeWithdrawal(BaseModel):
    """To withdraw a key of the site, by its 8 hex digits."""

    key: Annotated[str, Field(pattern="^[0-9a-f]{8}$")]
    reason: Annotated[str, Field(min_length=1, max_length=key_withdrawal.MAX_NOTE_CHARACTERS)]


class ProposeRevocation(RevocationBody):
    """To revoke, suspend or restore codes."""

    reason: Reason


class Decision(BaseModel):
    """What another person decides."""

    decision: Literal["approve", "refuse"]
    note: str = Field("", max_length=MAX_REASON_CHARACTERS)


@router.get("/proposals", dependencies=[reads])
def list_proposals(
    backend: BackendDep, paging: Paging, waiting: Annotated[bool | None, Query()] = None
) -> Page[ProposalBody]:
    """Proposals, the newest first: those that wait for a decision, the others, or all."""
    found = proposals.page(
        backend.store, is_waiting=waiting, cursor=paging.cursor, limit=paging.limit
    )
    bodies = tuple(_body(each) for each in found.items)
    return paging.given(Page(items=bodies, next_cursor=found.next_cursor))


@router.get("/proposals/{proposal_id}", dependencies=[reads, Shows(PROPOSAL)])
def show_proposal(proposal_id: ProposalId, backend: BackendDep) -> ProposalBody:
    """One proposal."""
    found = proposals.find(backend.store, proposal_id)
    if found is None:
        raise NotFoundError(f"there is no proposal {proposal_id}", code="no_proposal")
    return _body(found)


@router.post(
    "/proposals/policy-release",
    status_code=201,
    dependencies=[Depends(Needs(Action.RELEASE_POLICY))],
)
def propose_release(body: ProposeRelease, backend: BackendDep, actor: ActorDep) -> ProposalBody:
    """Proposes to release the newest edition of the rules."""
    return _body(proposing.propose_release(backend, actor, body.reason))


@router.post(
    "/proposals/revocation", status_code=201, dependencies=[Depends(Needs(Action.REVOKE_IN_BULK))]
)
def propose_revocation(
    body: ProposeRevocation, backend: BackendDep, actor: ActorDep
) -> ProposalBody:
    """Proposes to change the codes that are chosen now."""
    return _body(
        proposing.propose_codes(backend, actor, body.selection(), body.order(), body.reason)
    )


@router.post(
    "/proposals/gateway-revocation",
    status_code=201,
    dependencies=[Depends(Needs(Action.REVOKE_GATEWAY))],
)
def propose_gateway(body: ProposeGateway, backend: BackendDep, actor: ActorDep) -> ProposalBody:
    """Proposes to revoke a gateway."""
    return _body(proposing.propose_gateway(backend, actor, body.gateway, body.reason))


@router.post(
    "/proposals/key-withdrawal",
    status_code=201,
    dependencies=[Depends(Needs(Action.MANAGE_KEYS))],
)
def propose_withdrawal(
    body: ProposeWithdrawal, backend: BackendDep, actor: ActorDep
) -> ProposalBody:
    """Proposes to withdraw a key, with every code that it signed."""
    return _body(proposing.propose_withdrawal(backend, actor, body.key, body.reason))


@router.post(
    "/proposals/{proposal_id}/decision",
    dependencies=[Depends(Needs(Action.APPROVE)), Changes(PROPOSAL)],
)
def decide(
    proposal_id: ProposalId,
    body: Decision,
    request: Request,
    backend: BackendDep,
    actor: ActorDep,
) -> ProposalBody:
    """Approves, and has it carried out at once, or refuses. Never one's own."""
    if body.decision == "approve":
        found = proposals.find(backend.store, proposal_id)
        if found is not None and found.kind in SENSITIVE:
            fresh_of(request, backend)
        return _body(proposing.approve(backend, actor, proposal_id, body.note))
    proposing.refuse(backend, actor, proposal_id, body.note)
    return show_proposal(proposal_id, backend)


@router.post(
    "/proposals/{proposal_id}/withdraw",
    dependencies=[
        Depends(
            Needs(
                Action.RELEASE_POLICY,
                Action.REVOKE_IN_BULK,
                Action.REVOKE_GATEWAY,
                Action.MANAGE_KEYS,
            )
        )
    ],
)
def withdraw(proposal_id: ProposalId, backend: BackendDep, actor: ActorDep) -> ProposalBody:
    """Takes one's own proposal back."""
    proposing.withdraw(backend, actor, proposal_id)
    return show_proposal(proposal_id, backend)


def _body(proposal: Proposal) -> ProposalBody:
    return ProposalBody(
        id=proposal.id,
        kind=proposal.kind.value,
        subject=proposal.subject,
        body=dict(proposal.body),
        body_sha256=proposal.body_sha256,
        reason=proposal.reason,
        state=proposal.state.value,
        proposed_by=proposal.proposer.name,
        proposed_at_utc_s=proposal.proposed_at_utc_s,
        expires_at_utc_s=proposal.expires_at_utc_s,
        decided_by=proposal.decided_by,
        decided_at_utc_s=proposal.decided_at_utc_s,
        note=proposal.note,
        outcome=dict(proposal.outcome),
    )
