"""Who is inside: the list that is printed when everybody has to be found."""

from fastapi import APIRouter
from fastapi.responses import Response

from doorward_controller.console.visit import SignedIn
from doorward_controller.domain.permissions import Action
from doorward_controller.services import occupancy

router = APIRouter()


@router.get("/inside")
def inside_page(visit: SignedIn) -> Response:
    """Lists everybody by zone; each look is an audit entry."""
    visit.require(Action.READ_OCCUPANCY)
    return visit.page("inside.html", muster=occupancy.muster(visit.backend, visit.actor))
