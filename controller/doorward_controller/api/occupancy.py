"""How many are inside each zone, and who: the second is an entry in the audit log each time."""

from fastapi import APIRouter, Depends

from doorward_controller.api.deps import ActorDep, BackendDep, Needs
from doorward_controller.domain.permissions import Action
from doorward_controller.services import occupancy
from doorward_controller.services.occupancy import Muster, ZoneCount

router = APIRouter(tags=["occupancy"])
reads = Depends(Needs(Action.READ_OCCUPANCY))


@router.get("/occupancy", dependencies=[reads])
def counted(backend: BackendDep) -> tuple[ZoneCount, ...]:
    """How many are inside each zone, from what gateways recorded."""
    return occupancy.count(backend)


@router.get("/occupancy/people", dependencies=[Depends(Needs(Action.READ_OCCUPANCY))])
def listed(backend: BackendDep, actor: ActorDep) -> Muster:
    """Everybody inside, by zone; with names for who may read them."""
    return occupancy.muster(backend, actor)
