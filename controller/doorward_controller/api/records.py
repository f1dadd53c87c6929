"""Records: search by cursor, one record, and what was put aside."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from doorward_controller.api.deps import BackendDep, Needs
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import quarantine_list, record_feed
from doorward_controller.queries.paging import MAX_LIMIT, Page
from doorward_controller.queries.quarantine_list import QuarantineRow
from doorward_controller.queries.record_feed import RecordFilter, RecordRow

router = APIRouter(tags=["records"])
reads = Depends(Needs(Action.READ_RECORDS))
inspects = Depends(Needs(Action.READ_QUARANTINE))

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Text = Annotated[str | None, Query(max_length=64)]
Moment = Annotated[int | None, Query(ge=0, le=2**53)]


@router.get("/records", dependencies=[reads])
def search(
    backend: BackendDep,
    gateway: Text = None,
    portal: Text = None,
    credential_id: Text = None,
    outcome: Text = None,
    reason: Text = None,
    kind: Text = None,
    from_utc_ms: Moment = None,
    to_utc_ms: Moment = None,
    cursor: Annotated[str | None, Query(max_length=128)] = None,
    limit: Limit = 50,
) -> Page[RecordRow]:
    """Records that fit every filter, newest first."""
    wanted = RecordFilter(
        gateway=gateway,
        portal=portal,
        credential_id=credential_id,
        outcome=outcome,
        reason=reason,
        kind=kind,
        from_utc_ms=from_utc_ms,
        to_utc_ms=to_utc_ms,
    )
    return record_feed.page(backend.store, wanted, cursor=cursor, limit=limit)


@router.get("/records/{record_id}", dependencies=[reads])
def shown(record_id: int, backend: BackendDep) -> RecordRow:
    """One record."""
    row = record_feed.record(backend.store, record_id) if 0 < record_id < 2**63 else None
    if row is None:
        raise NotFoundError(f"there is no record {record_id}", code="no_record")
    return row


@router.get("/quarantine", dependencies=[inspects])
def put_aside(
    backend: BackendDep,
    cursor: Annotated[str | None, Query(max_length=128)] = None,
    limit: Limit = 50,
) -> Page[QuarantineRow]:
    """What could not be read or trusted, newest first."""
    return quarantine_list.page(backend.store, cursor=cursor, limit=limit)
