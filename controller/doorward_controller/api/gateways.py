"""Gateways: the fleet's state, enrolment, revocation, and what a new gateway must be given."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Needs, NeedsGateway, NeedsSomewhere
from doorward_controller.api.paging import Paging
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.rule_book import PortalOptions
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import cut_offs, fleet_board
from doorward_controller.queries.fleet_board import GatewayRow
from doorward_controller.queries.paging import Page
from doorward_controller.services import enrolment, provisioning
from doorward_controller.services.enrolment import NewPortal

router = APIRouter(tags=["gateways"])
reads = Depends(NeedsSomewhere(Action.READ_FLEET))
reads_one = Depends(NeedsGateway(Action.READ_FLEET))

Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]


class PortalBody(BaseModel):
    """A portal of a new gateway."""

    portal: Name
    zone: Name
    label: str = Field("", max_length=100)
    options: PortalOptions = PortalOptions()


class EnrolmentBody(BaseModel):
    """A new gateway."""

    gateway: Name
    record_key: Hex32
    portals: list[PortalBody]
    certificate_sha256: Annotated[str, Field(pattern=r"^([0-9a-fA-F]{64})?$")] = ""


class ReasonBody(BaseModel):
    """Why something is done."""

    reason: str = Field(max_length=500)


class CutOffBody(BaseModel):
    """How far it is: refused at intake, listed (its certificate as well), ended (its connection).

    `problem` is what keeps the controller from going on, in words for whoever runs the broker.
    """

    stage: Literal["refused", "listed", "ended"]
    asked_at_utc_ms: int
    listed_at_utc_ms: int | None
    ended_at_utc_ms: int | None
    problem: str


class ProvisioningBody(BaseModel):
    """What a gateway trusts from its first minute; hex."""

    site: str
    keyring: str
    intake_key: Hex32
    control_key: Hex32


@router.get("/gateways", dependencies=[reads])
def listed(backend: BackendDep, actor: ActorDep, paging: Paging) -> Page[GatewayRow]:
    """Gateways with their states, by name."""
    rows = fleet_board.gateways(backend.store, actor.zones)
    return paging.part_of(rows, lambda row: (row.gateway,))


@router.get("/gateways/{gateway}", dependencies=[reads_one])
def shown(gateway: str, backend: BackendDep) -> GatewayRow:
    """One gateway."""
    row = fleet_board.gateway(backend.store, gateway)
    if row is None:
        raise NotFoundError(f"there is no gateway {gateway[:40]!r}", code="no_gateway")
    return row


@router.post("/gateways", status_code=201, dependencies=[Depends(Needs(Action.ENROL_GATEWAY))])
def enrol(body: EnrolmentBody, backend: BackendDep, actor: ActorDep) -> GatewayRow:
    """Lets a gateway speak from now on."""
    enrolment.enrol_gateway(
        backend,
        actor,
        gateway=body.gateway,
        record_key=bytes.fromhex(body.record_key),
        portals=[NewPortal(**dict(portal)) for portal in body.portals],
        certificate_sha256=body.certificate_sha256,
    )
    return shown(body.gateway, backend)


@router.post(
    "/gateways/{gateway}/revoke",
    status_code=204,
    dependencies=[Depends(Needs(Action.REVOKE_GATEWAY))],
)
def revoke(gateway: str, body: ReasonBody, backend: BackendDep, actor: ActorDep) -> None:
    """Refuses whatever the gateway says from now on; the broker shuts it out within a minute."""
    enrolment.revoke_gateway(backend, actor, gateway=gateway, reason=body.reason)


@router.get("/gateways/{gateway}/cut-off", dependencies=[reads_one])
def cut_off(gateway: str, backend: BackendDep) -> CutOffBody:
    """How far a revoked gateway is shut out of the broker."""
    found = cut_offs.of_gateway(backend.store, backend.config.site, gateway)
    if found is None:
        raise NotFoundError(f"gateway {gateway[:40]!r} was not revoked", code="not_revoked")
    return CutOffBody(
        stage=found.stage.value,
        asked_at_utc_ms=found.asked_at_utc_ms,
        listed_at_utc_ms=found.listed_at_utc_ms,
        ended_at_utc_ms=found.ended_at_utc_ms,
        problem=found.problem,
    )


@router.get("/provisioning", dependencies=[Depends(Needs(Action.ENROL_GATEWAY))])
def provision(backend: BackendDep) -> ProvisioningBody:
    """What a new gateway must be given."""
    given = provisioning.provision(backend)
    return ProvisioningBody(
        site=given.site,
        keyring=given.keyring.hex(),
        intake_key=given.intake_key.hex(),
        control_key=given.control_key.hex(),
    )
