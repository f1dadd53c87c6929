"""Quarantine: what arrived and could not be read or trusted, kept and shown."""

from fastapi import APIRouter
from fastapi.responses import Response

from doorward_controller.console.visit import SignedIn
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import quarantine_list

router = APIRouter()

_PAGE_ROWS = 50


@router.get("/quarantine")
def quarantine_page(visit: SignedIn, cursor: str | None = None) -> Response:
    """Shows the newest first, and how many there are of each reason."""
    visit.require(Action.READ_QUARANTINE)
    store = visit.backend.store
    return visit.page(
        "quarantine.html",
        page=quarantine_list.page(store, cursor=cursor, limit=_PAGE_ROWS),
        counts=quarantine_list.counts(store),
        cursor=cursor,
    )
