"""The audit log: search, copies, checkpoints to keep elsewhere, and whether it is unbroken."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from doorward_controller.api.deps import ActorDep, BackendDep, Needs
from doorward_controller.api.paging import Paging
from doorward_controller.domain.permissions import Action
from doorward_controller.exports import audit_log
from doorward_controller.queries import audit_trail, checkpoints
from doorward_controller.queries.audit_trail import AuditFilter, AuditRow
from doorward_controller.queries.checkpoints import CheckpointRow
from doorward_controller.queries.paging import Page
from doorward_controller.services import audit_check

router = APIRouter(tags=["audit"], dependencies=[Depends(Needs(Action.READ_AUDIT))])

Text = Annotated[str | None, Query(max_length=64)]
Moment = Annotated[int | None, Query(ge=0, le=2**53)]


class VerificationBody(BaseModel):
    """Whether the log is unbroken, and if not, where it first breaks and what to do.

    `vouched` is the last entry that a checkpoint vouches for; `entry` to `last_entry` are the
    numbers of the first wrong entry (a span where more cannot be said), or of a checkpoint.
    """

    unbroken: bool
    entries: int
    checkpoints: int
    vouched: int
    fault: str | None = None
    entry: int | None = None
    last_entry: int | None = None
    problem: str | None = None
    advice: str | None = None


def filter_of(
    actor: Text = None,
    action: Text = None,
    subject: Text = None,
    outcome: Text = None,
    refused: Annotated[bool | None, Query()] = None,  # by name, in an address
    from_utc_ms: Moment = None,
    to_utc_ms: Moment = None,
) -> AuditFilter:
    """Reads which entries are wanted."""
    return AuditFilter(
        actor=actor,
        action=action,
        subject=subject,
        outcome=outcome,
        is_refused=refused,
        from_utc_ms=from_utc_ms,
        to_utc_ms=to_utc_ms,
    )


Wanted = Annotated[AuditFilter, Depends(filter_of)]


@router.get("/audit")
def listed(
    backend: BackendDep,
    wanted: Wanted,
    paging: Paging,
) -> Page[AuditRow]:
    """Entries that fit every filter, newest first."""
    found = audit_trail.page(backend.store, wanted, cursor=paging.cursor, limit=paging.limit)
    return paging.given(found)


@router.get(
    "/audit/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}, "description": "Lines of JSON"}},
)
def exported(backend: BackendDep, actor: ActorDep, wanted: Wanted) -> Response:
    """Entries with their hashes as lines of JSON, oldest first; itself an entry."""
    lines = audit_log.lines(backend, actor, wanted)
    return StreamingResponse(lines, media_type="application/x-ndjson")


@router.get("/audit/checkpoints")
def signed(
    backend: BackendDep,
    paging: Paging,
) -> Page[CheckpointRow]:
    """Signed words about the log's end, newest first: keep them where nobody here can write."""
    found = checkpoints.page(backend.store, cursor=paging.cursor, limit=paging.limit)
    return paging.given(found)


@router.get("/audit/verification")
def verify(backend: BackendDep) -> VerificationBody:
    """Follows the chain of hashes from the first entry to the last, and every checkpoint."""
    found = audit_check.verify(backend.config, backend.store, backend.keys.audit.public)
    wrong = found.finding
    return VerificationBody(
        unbroken=wrong is None,
        entries=found.entries,
        checkpoints=found.checkpoints,
        vouched=found.vouched,
        fault=wrong.fault.value if wrong else None,
        entry=wrong.first if wrong else None,
        last_entry=wrong.last if wrong else None,
        problem=wrong.sentence if wrong else None,
        advice=wrong.advice if wrong else None,
    )
