"""How old the copies are, which were made, and which restores were tried."""

from fastapi import APIRouter, Depends

from doorward_controller.api.deps import BackendDep, Needs
from doorward_controller.domain.permissions import Action
from doorward_controller.services import backups
from doorward_controller.services.backups import Overview, Past

router = APIRouter(tags=["backups"], dependencies=[Depends(Needs(Action.READ_KEEPING))])


@router.get("/backups")
def show(backend: BackendDep) -> Overview:
    """How each place stands, and what lacks."""
    return backups.overview(backend)


@router.get("/backups/past")
def show_past(backend: BackendDep) -> Past:
    """The newest copies that were made or failed, and restores that were tried."""
    return backups.past(backend)
