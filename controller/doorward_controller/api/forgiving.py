"""Anti-passback that counted wrongly, forgiven for a person or for everybody at a zone."""

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from doorward_controller.api.commands import command_row
from doorward_controller.api.deps import ActorDep, BackendDep, NeedsSomewhere
from doorward_controller.domain.permissions import Action
from doorward_controller.queries.commands import CommandRow
from doorward_controller.services import forgiving

router = APIRouter(tags=["commands"])


class ForgivenBody(BaseModel):
    """Where either way is to fit next: a zone, or all of them."""

    zone: str = Field("", max_length=32)


@router.post(
    "/credentials/{credential_id}/forgive",
    status_code=202,
    dependencies=[Depends(NeedsSomewhere(Action.OPEN_DOORS))],
)
def forgive_person(
    credential_id: str, body: ForgivenBody, backend: BackendDep, actor: ActorDep
) -> CommandRow:
    """Forgives the holder of a credential; one gateway is told, follow that by its id."""
    given = forgiving.forgive_person(backend, actor, credential_id, body.zone)
    return command_row(backend, given)


@router.post(
    "/zones/{zone}/forgive",
    status_code=202,
    dependencies=[Depends(NeedsSomewhere(Action.OPEN_DOORS))],
)
def forgive_all(zone: str, backend: BackendDep, actor: ActorDep) -> CommandRow:
    """Forgives everybody at a zone, which counts as empty then."""
    return command_row(backend, forgiving.forgive_all(backend, actor, zone))
