"""Ordered postures: lockdown, closed, free passage, for a portal, a zone or the site."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from doorward.policy import MAX_RANK, Posture
from doorward_controller.api.deps import ActorDep, BackendDep, NeedsSomewhere
from doorward_controller.api.versions import POSTURES, Changes, Shows
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.posture_orders import (
    MAX_STANDING,
    MIN_STANDING,
    PostureCause,
    PostureOrdered,
    Scope,
)
from doorward_controller.services import postures
from doorward_controller.services.postures import MAX_NOTE_CHARACTERS, NewOrder, PortalPosture

router = APIRouter(tags=["postures"])
reads = Depends(NeedsSomewhere(Action.READ_FLEET))


class OrderBody(BaseModel):
    """What is to be ordered."""

    scope: Scope
    place: str = Field(max_length=32)
    posture: Posture
    cause: PostureCause
    note: str = Field("", max_length=MAX_NOTE_CHARACTERS)
    pass_rank: Annotated[int, Field(ge=1, le=MAX_RANK)] | None = None
    standing: Annotated[int, Field(ge=MIN_STANDING, le=MAX_STANDING)] | None = None
    until_utc_s: Annotated[int, Field(ge=0, lt=2**40)] | None = None


class EndBody(BaseModel):
    """Why it ends before its time."""

    note: str = Field("", max_length=MAX_NOTE_CHARACTERS)


class PosturesBody(BaseModel):
    """The orders that count, and how each portal is to stand."""

    orders: list[PostureOrdered]
    portals: list[PortalPosture]
    ended: list[PostureOrdered]


@router.get("/postures", dependencies=[reads, Shows(POSTURES)])
def show_postures(backend: BackendDep, actor: ActorDep) -> PosturesBody:
    """What is ordered, and which gateways have it."""
    return PosturesBody(
        orders=list(postures.standing_orders(backend, actor.zones)),
        portals=list(postures.of_portals(backend, actor.zones)),
        ended=list(postures.ended_orders(backend, zones=actor.zones)),
    )


@router.post(
    "/postures",
    status_code=201,
    dependencies=[Depends(NeedsSomewhere(Action.SET_POSTURE)), Changes(POSTURES)],
)
def order_posture(body: OrderBody, backend: BackendDep, actor: ActorDep) -> PostureOrdered:
    """Orders one and tells the gateways."""
    return postures.order(backend, actor, NewOrder(**body.model_dump()))


@router.post(
    "/postures/{order_id}/end",
    status_code=204,
    dependencies=[Depends(NeedsSomewhere(Action.SET_POSTURE)), Changes(POSTURES)],
)
def end_posture(
    order_id: Annotated[str, Path(pattern="^[0-9a-f]{16}$")],
    body: EndBody,
    backend: BackendDep,
    actor: ActorDep,
) -> None:
    """Ends one before its time."""
    postures.end(backend, actor, order_id, body.note)
