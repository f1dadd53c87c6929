"""The audit log."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from doorward_controller.api.deps import BackendDep, Needs
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import audit_trail
from doorward_controller.queries.audit_trail import AuditFilter, AuditRow
from doorward_controller.queries.paging import MAX_LIMIT, Page
from doorward_controller.services import audit

router = APIRouter(tags=["audit"], dependencies=[Depends(Needs(Action.READ_AUDIT))])

Text = Annotated[str | None, Query(max_length=64)]


class VerificationBody(BaseModel):
    """Whether the log is unbroken, and if not, where it first breaks."""

    unbroken: bool
    entry: int | None = None
    problem: str | None = None


@router.get("/audit")
def listed(
    backend: BackendDep,
    actor: Text = None,
    action: Text = None,
    subject: Text = None,
    cursor: Annotated[str | None, Query(max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
) -> Page[AuditRow]:
    """Entries that fit every filter, newest first."""
    wanted = AuditFilter(actor=actor, action=action, subject=subject)
    return audit_trail.page(backend.store, wanted, cursor=cursor, limit=limit)


@router.get("/audit/verification")
def verify(backend: BackendDep) -> VerificationBody:
    """Follows the chain of hashes from the first entry to the last."""
    found = audit.verify(backend.store)
    if found is None:
        return VerificationBody(unbroken=True)
    return VerificationBody(unbroken=False, entry=found.id, problem=found.problem)
