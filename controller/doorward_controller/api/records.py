"""Records: search by cursor, counts, export, one record, and what was put aside."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from doorward_controller.api.deps import ActorDep, BackendDep, Needs, NeedsSomewhere
from doorward_controller.api.paging import Paging
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.exports import records as record_export
from doorward_controller.exports.records import ExportForm, ExportRequest
from doorward_controller.queries import quarantine_list, record_feed, record_summary
from doorward_controller.queries.paging import Page
from doorward_controller.queries.quarantine_list import QuarantineRow
from doorward_controller.queries.record_feed import RecordFilter, RecordRow
from doorward_controller.queries.record_filter import limited_to
from doorward_controller.queries.record_summary import Span, Summary
from doorward_controller.services import person_search, rules
from doorward_controller.services.backend import Backend

router = APIRouter(tags=["records"])
reads = Depends(NeedsSomewhere(Action.READ_RECORDS))
inspects = Depends(Needs(Action.READ_QUARANTINE))

Text = Annotated[str | None, Query(max_length=64)]
Moment = Annotated[int | None, Query(ge=0, le=2**53)]


Holders = Annotated[list[str] | None, Query(max_length=person_search.MAX_HOLDERS)]


class ExportBody(BaseModel):
    """What is to go out, as what, and what for; the search is as in `GET /records`."""

    form: ExportForm = ExportForm.CSV
    purpose: str = Field(min_length=1, max_length=record_export.MAX_PURPOSE)
    gateway: str | None = Field(None, max_length=64)
    portal: str | None = Field(None, max_length=64)
    credential_id: str | None = Field(None, max_length=64)
    holder_id: list[str] | None = Field(None, max_length=person_search.MAX_HOLDERS)
    outcome: str | None = Field(None, max_length=64)
    reason: str | None = Field(None, max_length=64)
    kind: str | None = Field(None, max_length=64)
    from_utc_ms: int | None = Field(None, ge=0, le=2**53)
    to_utc_ms: int | None = Field(None, ge=0, le=2**53)


@router.get("/records", dependencies=[reads])
def search(
    backend: BackendDep,
    actor: ActorDep,
    paging: Paging,
    gateway: Text = None,
    portal: Text = None,
    credential_id: Text = None,
    holder_id: Holders = None,
    outcome: Text = None,
    reason: Text = None,
    kind: Text = None,
    from_utc_ms: Moment = None,
    to_utc_ms: Moment = None,
) -> Page[RecordRow]:
    """Records that fit every filter, newest first.

    `POST /holders/find` gives the ids of people by name. A search for one person, or for one badge,
    is an entry in the audit log.
    """
    person_search.note_search(backend, actor, holders=holder_id or (), badge=credential_id or "")
    wanted = RecordFilter(
        gateway=gateway,
        portal=portal,
        credential_id=credential_id,
        credential_ids=_badges(backend, holder_id),
        outcome=outcome,
        reason=reason,
        kind=kind,
        from_utc_ms=from_utc_ms,
        to_utc_ms=to_utc_ms,
    )
    theirs = limited_to(backend.store, wanted, actor.zones)
    found = record_feed.page(backend.store, theirs, cursor=paging.cursor, limit=paging.limit)
    return paging.given(found)


def _badges(backend: Backend, holder_ids: list[str] | None) -> tuple[str, ...] | None:
    return None if holder_ids is None else person_search.badges_of(backend, holder_ids)


@router.get("/records/summary", dependencies=[reads])
def counted(
    backend: BackendDep,
    actor: ActorDep,
    from_utc_ms: Annotated[int, Query(ge=0, le=2**53)],
    to_utc_ms: Annotated[int, Query(ge=0, le=2**53)],
) -> Summary:
    """Scans per hour (per day in a long span), per portal, and refusals by reason; in UTC."""
    span = Span(from_utc_ms=from_utc_ms, to_utc_ms=to_utc_ms)
    return record_summary.summary(backend.store, span, zones=actor.zones)


@router.post(
    "/records/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {}}, "description": "The file"}},
    dependencies=[Depends(NeedsSomewhere(Action.EXPORT_RECORDS))],
)
def exported(body: ExportBody, backend: BackendDep, actor: ActorDep) -> Response:
    """Everything that fits as CSV or XLSX; who, what for and how much is in the audit log."""
    plain = body.model_dump(exclude={"form", "purpose", "holder_id"}, exclude_none=True)
    said = {name: str(value) for name, value in plain.items()}
    if body.holder_id is not None:
        said["holder"] = ",".join(body.holder_id)[:400]
    request = ExportRequest(
        wanted=RecordFilter(**plain, credential_ids=_badges(backend, body.holder_id)),
        said=said,
        form=body.form.value,
        purpose=body.purpose,
    )
    zone = ZoneInfo(rules.current(backend).time_zone)
    out = record_export.export(backend, actor, request, zone)
    return StreamingResponse(out.chunks, media_type=out.media_type, headers=out.headers)


@router.get("/records/{record_id}", dependencies=[reads])
def shown(record_id: int, backend: BackendDep, actor: ActorDep) -> RecordRow:
    """One record."""
    is_number = 0 < record_id < 2**63
    row = record_feed.record(backend.store, record_id, actor.zones) if is_number else None
    if row is None:
        raise NotFoundError(f"there is no record {record_id}", code="no_record")
    return row


@router.get("/quarantine", dependencies=[inspects])
def put_aside(
    backend: BackendDep,
    paging: Paging,
) -> Page[QuarantineRow]:
    """What could not be read or trusted, newest first."""
    found = quarantine_list.page(backend.store, cursor=paging.cursor, limit=paging.limit)
    return paging.given(found)
