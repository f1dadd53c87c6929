"""Claims by which gateways ask for certificates, and the certificates that they have."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Fresh, Needs, NeedsGateway
from doorward_controller.api.gateways import Name, PortalBody
from doorward_controller.api.paging import Paging
from doorward_controller.domain.enrolment_claims import (
    CertificateState,
    ClaimState,
    EnrolmentClaim,
    GatewayCertificate,
)
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import enrolments, fleet_board
from doorward_controller.queries.paging import Page
from doorward_controller.services import claims
from doorward_controller.services.enrolment import MAX_PORTALS, NewPortal

router = APIRouter(tags=["enrolments"])
enrols = Depends(Needs(Action.ENROL_GATEWAY))
reads_one = Depends(NeedsGateway(Action.READ_FLEET))


class ClaimBody(BaseModel):
    """For which gateway. A replacement keeps the portals that it has."""

    gateway: Name
    portals: Annotated[list[PortalBody], Field(max_length=MAX_PORTALS)] = []
    is_replacement: bool = False


class NewClaimBody(BaseModel):
    """What was made. The texts are shown this once: `text` is for a QR code, `typed` for hands."""

    id: str
    text: str
    typed: str
    ask_by_utc_s: int


class CodeBody(BaseModel):
    """The code that a person saw at both ends."""

    code: Annotated[str, Field(max_length=40)]


class ClaimRow(BaseModel):
    """A claim and how far it is."""

    id: str
    gateway: str
    is_replacement: bool
    state: ClaimState
    made_by: str
    made_at_utc_ms: int
    ends_at_utc_s: int
    code: str
    guard: str
    software: str
    asked_from: str
    asked_at_utc_ms: int | None
    other_tries: int
    decided_by: str
    decided_at_utc_ms: int | None
    serial: str
    fetched_at_utc_ms: int | None


class CertificateRow(BaseModel):
    """A certificate for the broker."""

    serial: str
    state: CertificateState
    sha256: str
    confirmed_by: str
    renews: str
    issued_at_utc_ms: int
    due_at_utc_s: int
    not_after_utc_s: int
    used_at_utc_ms: int | None
    end_at_utc_s: int | None
    end_reason: str
    listed_at_utc_ms: int | None


@router.get("/enrolments", dependencies=[enrols])
def listed(backend: BackendDep, paging: Paging) -> Page[ClaimRow]:
    """Claims, the newest first."""
    now_s = backend.clock.now().utc_s
    found = enrolments.page(backend.store, cursor=paging.cursor, limit=paging.limit)
    rows = tuple(_row(each, now_s) for each in found.items)
    return paging.given(Page(items=rows, next_cursor=found.next_cursor))


@router.post("/enrolments", status_code=201, dependencies=[enrols, Fresh])
def make(body: ClaimBody, backend: BackendDep, actor: ActorDep) -> NewClaimBody:
    """Lets one gateway ask for a certificate, once and within minutes."""
    made = claims.make_claim(
        backend,
        actor,
        gateway=body.gateway,
        portals=[NewPortal(**dict(portal)) for portal in body.portals],
        is_replacement=body.is_replacement,
    )
    return NewClaimBody(
        id=made.id,
        text=made.claim.to_text(),
        typed=made.claim.to_typed(),
        ask_by_utc_s=made.ask_by_utc_s,
    )


@router.get("/enrolments/{claim_id}", dependencies=[enrols])
def shown(claim_id: str, backend: BackendDep) -> ClaimRow:
    """One claim; with `code` once a gateway has asked."""
    found = enrolments.claim(backend.store, claim_id)
    if found is None:
        raise NotFoundError(f"there is no claim {claim_id[:40]!r}", code="no_claim")
    return _row(found, backend.clock.now().utc_s)


@router.post("/enrolments/{claim_id}/confirm", status_code=204, dependencies=[enrols, Fresh])
def confirm(claim_id: str, body: CodeBody, backend: BackendDep, actor: ActorDep) -> None:
    """Has the certificate signed, after the code was compared with the gateway's own."""
    claims.confirm_claim(backend, actor, claim_id, code=body.code)


@router.post("/enrolments/{claim_id}/refuse", status_code=204, dependencies=[enrols])
def refuse(claim_id: str, backend: BackendDep, actor: ActorDep) -> None:
    """Refuses the gateway that asked."""
    claims.refuse_claim(backend, actor, claim_id)


@router.post("/enrolments/{claim_id}/withdraw", status_code=204, dependencies=[enrols])
def withdraw(claim_id: str, backend: BackendDep, actor: ActorDep) -> None:
    """Takes a claim back that nobody has asked with."""
    claims.withdraw_claim(backend, actor, claim_id)


@router.get("/gateways/{gateway}/certificates", dependencies=[reads_one])
def certificates(gateway: str, backend: BackendDep, paging: Paging) -> Page[CertificateRow]:
    """A gateway's certificates, newest first; none for one that got its files by hand."""
    if fleet_board.gateway(backend.store, gateway) is None:
        raise NotFoundError(f"there is no gateway {gateway[:40]!r}", code="no_gateway")
    now_s = backend.clock.now().utc_s
    found = enrolments.certificates_of(backend.store, backend.config.site, gateway)
    rows = [_certificate(each, now_s) for each in found]
    return paging.part_of(rows, lambda row: (-row.issued_at_utc_ms, row.serial))


def _row(claim: EnrolmentClaim, now_s: int) -> ClaimRow:
    fields = {name: getattr(claim, name) for name in ClaimRow.model_fields if name != "state"}
    return ClaimRow(**fields, state=claim.state_at(now_s))


def _certificate(each: GatewayCertificate, now_s: int) -> CertificateRow:
    fields = {name: getattr(each, name) for name in CertificateRow.model_fields if name != "state"}
    return CertificateRow(**fields, state=each.state_at(now_s))
