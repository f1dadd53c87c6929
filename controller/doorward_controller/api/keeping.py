"""How long what is kept, what is held, what went when, and what would go now."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Needs
from doorward_controller.domain.keeping import MAX_REASON, MIN_REASON, Kind
from doorward_controller.domain.permissions import Action
from doorward_controller.services import keeping
from doorward_controller.services.keeping import Keeping, NewHold

router = APIRouter(tags=["keeping"])
reads = Depends(Needs(Action.READ_KEEPING))
manages = Depends(Needs(Action.MANAGE_KEEPING))


class DaysBody(BaseModel):
    """How long a kind is kept from now on."""

    days: Annotated[int, Field(ge=1, le=3_650)]


class HoldBody(BaseModel):
    """What is to be held: everything, a time, a person, or a person's time."""

    reason: Annotated[str, Field(min_length=MIN_REASON, max_length=MAX_REASON)]
    holder_id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")] | None = None
    from_utc_ms: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    to_utc_ms: Annotated[int, Field(ge=0, lt=2**53)] | None = None


class HoldMade(BaseModel):
    """The number of a new hold."""

    id: int


class DueBody(BaseModel):
    """How much of each kind would go if a run began now."""

    counts: dict[Kind, int]


@router.get("/keeping", dependencies=[reads])
def show_keeping(backend: BackendDep, actor: ActorDep) -> Keeping:
    """How long what is kept, the holds, the runs."""
    return keeping.show(backend, actor)


@router.get("/keeping/due", dependencies=[reads])
def show_due(backend: BackendDep, actor: ActorDep) -> DueBody:
    """What would go now; nothing does."""
    return DueBody(counts=dict(keeping.preview(backend, actor)))


@router.put("/keeping/times/{kind}", status_code=204, dependencies=[manages])
def set_time(kind: Kind, body: DaysBody, backend: BackendDep, actor: ActorDep) -> None:
    """Keeps a kind so many days from now on."""
    keeping.set_time(backend, actor, kind, body.days)


@router.post("/keeping/holds", status_code=201, dependencies=[manages])
def place_hold(body: HoldBody, backend: BackendDep, actor: ActorDep) -> HoldMade:
    """Stops what is covered from going, at once."""
    return HoldMade(id=keeping.place_hold(backend, actor, NewHold(**body.model_dump())))


@router.post("/keeping/holds/{hold_id}/end", status_code=204, dependencies=[manages])
def end_hold(
    hold_id: Annotated[int, Path(ge=1, lt=2**63)], backend: BackendDep, actor: ActorDep
) -> None:
    """Ends a hold."""
    keeping.end_hold(backend, actor, hold_id)
