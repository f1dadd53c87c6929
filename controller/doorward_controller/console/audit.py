"""The audit log: every change, every refused attempt, every look at personal data."""

from fastapi import APIRouter
from fastapi.responses import Response

from doorward_controller.console.visit import GenuineSignedIn, SignedIn
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import audit_trail
from doorward_controller.services import audit

router = APIRouter()

_PAGE_ROWS = 50


@router.get("/audit")
def audit_page(visit: SignedIn, cursor: str | None = None) -> Response:
    """Shows the newest entries first."""
    visit.require(Action.READ_AUDIT)
    page = audit_trail.page(visit.backend.store, cursor=cursor, limit=_PAGE_ROWS)
    return visit.page("audit.html", page=page, cursor=cursor, checked=False, problem=None)


@router.post("/audit/verify")
def verify_act(visit: GenuineSignedIn) -> Response:
    """Recomputes the chain of hashes and says whether it holds."""
    visit.require(Action.READ_AUDIT)
    store = visit.backend.store
    page = audit_trail.page(store, cursor=None, limit=_PAGE_ROWS)
    return visit.page(
        "audit.html", page=page, cursor=None, checked=True, problem=audit.verify(store)
    )
