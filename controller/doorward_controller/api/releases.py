"""Releases of the software: which there are, who must still sign, and which gateway runs which."""

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from doorward.software import Part
from doorward_controller.api.deps import BackendDep, Needs
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import software as rows
from doorward_controller.queries.software import SoftwareRow
from doorward_controller.services import software

router = APIRouter(tags=["software"])
reads = Depends(Needs(Action.READ_FLEET))


class ReleaseBody(BaseModel):
    """One file of a release; `notes` by language."""

    part: Part
    version: str
    platform: str
    notes: dict[str, str]
    sha256: str
    length: int


class WaitingBody(BaseModel):
    """What waits for signatures."""

    role: str
    version: int
    signed: int
    needed: int


class ReleasesBody(BaseModel):
    """What gateways may fetch, what waits, and by role until when it is good."""

    releases: list[ReleaseBody]
    waiting: list[WaitingBody]
    expires: dict[str, datetime]


@router.get("/releases", dependencies=[reads])
def listed(backend: BackendDep) -> ReleasesBody:
    """The releases that enough people signed, newest first."""
    found = software.standing(backend)
    return ReleasesBody(
        releases=[
            ReleaseBody(
                part=each.release.part,
                version=str(each.release.version),
                platform=each.release.platform,
                notes=dict(each.release.notes),
                sha256=each.sha256,
                length=each.length,
            )
            for each in found.releases
        ],
        waiting=[
            WaitingBody(role=w.role, version=w.version, signed=w.signed, needed=w.needed)
            for w in found.waiting
        ],
        expires=found.expires,
    )


@router.get("/software", dependencies=[reads])
def at_gateways(backend: BackendDep) -> list[SoftwareRow]:
    """Which release each gateway runs, and where its update stands."""
    return list(rows.at_gateways(backend.store, backend.config.site))
