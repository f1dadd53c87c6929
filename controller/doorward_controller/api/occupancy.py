"""How many are inside each zone, and who: the second is an entry in the audit log each time."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from doorward_controller.api.deps import ActorDep, BackendDep, NeedsSomewhere
from doorward_controller.domain.cursors import MAX_LIMIT
from doorward_controller.domain.permissions import Action
from doorward_controller.services import muster, occupancy
from doorward_controller.services.muster import Muster, Wanted
from doorward_controller.services.occupancy import ZoneCount

router = APIRouter(tags=["occupancy"])
reads = Depends(NeedsSomewhere(Action.READ_OCCUPANCY))


@router.get("/occupancy", dependencies=[reads])
def counted(backend: BackendDep, actor: ActorDep) -> tuple[ZoneCount, ...]:
    """How many are inside each zone, from what gateways recorded."""
    return occupancy.within(occupancy.count(backend), actor.zones)


@router.get("/occupancy/people", dependencies=[reads])
def listed(
    backend: BackendDep,
    actor: ActorDep,
    zone: Annotated[str, Query(max_length=64)] = "",
    cursor: Annotated[str | None, Query(max_length=300)] = None,
    limit: Annotated[int | None, Query(ge=1, le=MAX_LIMIT)] = None,
) -> Muster:
    """Everybody inside, by zone; names for who may read them. With `limit`, a part at a time."""
    return muster.muster(backend, actor, Wanted(zone=zone, cursor=cursor, limit=limit))
