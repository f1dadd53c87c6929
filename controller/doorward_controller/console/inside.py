"""Who is inside: the list that is printed when everybody has to be found."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import ConflictError, NotFoundError
from doorward_controller.services import forgiving, occupancy, rules

router = APIRouter()


@router.get("/inside")
def inside_page(visit: SignedIn) -> Response:
    """Lists everybody by zone; each look is an audit entry."""
    return _page(visit)


@router.get("/inside/forgive")
def back_to_list(visit: SignedIn) -> Response:
    """Who reloads after a refusal finds the list, not the form's address."""
    return visit.go("/inside")


@router.post("/inside/forgive")
def forgive_act(visit: GenuineSignedIn, zone: Annotated[str, Form(max_length=32)] = "") -> Response:
    """Lets everybody at a zone go either way next; a gateway that is connected tells the others."""
    visit.require(Action.OPEN_DOORS)
    if zone not in rules.current(visit.backend).zones:
        raise NotFoundError(f"there is no zone {zone[:32]!r}", code="no_place")
    try:
        forgiving.forgive_all(visit.backend, visit.actor, zone)
    except ConflictError as err:
        return _page(visit, refusal=err)
    return visit.go("/inside", done="zone-forgiven")


def _page(visit: Visit, refusal: ConflictError | None = None) -> Response:
    visit.require(Action.READ_OCCUPANCY)
    return visit.page(
        "inside.html",
        status_code=refusal.status if refusal else 200,
        muster=occupancy.muster(visit.backend, visit.actor),
        refusal=refusal,
    )
