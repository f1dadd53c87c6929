"""Scans: the live feed, the search, its export, and the page that says why one went as it did."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response, StreamingResponse

from doorward.reasons import REASON_TEXTS
from doorward_controller.console.names import names_of
from doorward_controller.console.scan_search import (
    WORDS,
    AskedForm,
    ScanSearch,
    Search,
    find_person,
    may_name,
    note_trace,
)
from doorward_controller.console.visit import GenuineSignedIn, SignedIn
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.exports import records as record_export
from doorward_controller.exports.records import ExportForm, ExportRequest
from doorward_controller.queries import credentials, devices, fleet_board, record_feed
from doorward_controller.services import by_hand

__all__ = ["PAGE_ROWS", "ScanSearch", "Search", "router"]

router = APIRouter()

PAGE_ROWS = 50


@router.get("/scans")
def scans_page(
    visit: SignedIn, search: Search, cursor: str | None = None, nobody: str = ""
) -> Response:
    """Shows the newest scans first and keeps adding to them."""
    visit.require_somewhere(Action.READ_RECORDS)
    store = visit.backend.store
    newest_id = record_feed.newest_id(store)
    page = record_feed.page(store, search.to_filter(visit), cursor=cursor, limit=PAGE_ROWS)
    note_trace(visit, search)
    gateways = fleet_board.gateways(store, visit.zones)
    return visit.page(
        "scans.html",
        search=search,
        chips=search.chips(visit),
        page=page,
        newest_id=newest_id,
        cursor=cursor,
        is_live=not cursor and not search.is_of_the_past,
        names=names_of(visit, (row.credential_id for row in page.items)),
        may_name=may_name(visit),
        is_nobody=bool(nobody),
        shows=WORDS,
        gateways=gateways,
        portals=[each.portal for zone in devices.tree(store, visit.zones) for each in zone.portals]
        if visit.zones is not None
        else sorted({portal for each in gateways for portal in each.portals}),
        reasons=REASON_TEXTS,
    )


@router.post("/scans/find")
def find_act(visit: GenuineSignedIn, asked: AskedForm) -> Response:
    """Leads to the search's own address; the name of a person stays out of it."""
    visit.require_somewhere(Action.READ_RECORDS)
    found = find_person(visit, asked)
    if found is None:
        return visit.go("/scans", **asked.search.named, nobody="1")
    return visit.go("/scans", **found.named)


@router.post("/scans/export")
def export_act(
    visit: GenuineSignedIn,
    asked: AskedForm,
    form: Annotated[str, Form()] = ExportForm.CSV.value,
    purpose: Annotated[str, Form()] = "",
) -> Response:
    """Hands out everything that fits as a file; who, what for and how much is in the log."""
    search = asked.search
    exported = record_export.export(
        visit.backend,
        visit.actor,
        ExportRequest(
            wanted=search.to_filter(visit), said=search.named, form=form, purpose=purpose
        ),
        visit.reader.zone,
    )
    return StreamingResponse(
        exported.chunks, media_type=exported.media_type, headers=exported.headers
    )


@router.get("/scans/{record_id}")
def scan_page(visit: SignedIn, record_id: int) -> Response:
    """Shows one scan and why it went as it did."""
    visit.require_somewhere(Action.READ_RECORDS)
    store = visit.backend.store
    row = record_feed.record(store, record_id, visit.zones)
    if row is None:
        raise NotFoundError(f"there is no record {record_id}")
    badge = credentials.credential(store, row.credential_id) if row.credential_id else None
    is_read = row.kind == "manual" and visit.may(Action.READ_PERSONAL)
    written = by_hand.read_written(visit.backend, visit.actor, record_id) if is_read else None
    return visit.page(
        "scan.html",
        row=row,
        badge=badge,
        written=written,
        names=names_of(visit, [row.credential_id]),
    )
