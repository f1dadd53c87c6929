"""Scans: the live feed, its filters, and the page that says why one scan went as it did."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from doorward.reasons import REASON_TEXTS
from doorward_controller.console.names import names_of
from doorward_controller.console.visit import SignedIn, query_of
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import credentials, fleet_board, record_feed
from doorward_controller.services import by_hand

router = APIRouter()

PAGE_ROWS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSearch:
    """What the reader asked to see; an empty text is "any"."""

    gateway: str = ""
    outcome: str = ""
    reason: str = ""
    badge: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether anything is left out."""
        return bool(self.query)

    @property
    def query(self) -> str:
        """The search as a query string."""
        return query_of(
            {
                "gateway": self.gateway,
                "outcome": self.outcome,
                "reason": self.reason,
                "badge": self.badge,
            }
        )

    def to_filter(self) -> record_feed.RecordFilter:
        """Returns the same for the store."""
        return record_feed.RecordFilter(
            gateway=self.gateway or None,
            outcome=self.outcome or None,
            reason=self.reason or None,
            credential_id=self.badge.strip().lower() or None,
            kinds=("scan", "manual"),
        )


def search_of(
    gateway: str = "", outcome: str = "", reason: str = "", badge: str = ""
) -> ScanSearch:
    """Reads the search from the address."""
    return ScanSearch(
        gateway=gateway[:32], outcome=outcome[:8], reason=reason[:64], badge=badge[:32]
    )


Search = Annotated[ScanSearch, Depends(search_of)]


@router.get("/scans")
def scans_page(visit: SignedIn, search: Search, cursor: str | None = None) -> Response:
    """Shows the newest scans first and keeps adding to them."""
    visit.require(Action.READ_RECORDS)
    store = visit.backend.store
    newest_id = record_feed.newest_id(store)
    page = record_feed.page(store, search.to_filter(), cursor=cursor, limit=PAGE_ROWS)
    return visit.page(
        "scans.html",
        search=search,
        page=page,
        newest_id=newest_id,
        cursor=cursor,
        names=names_of(visit, (row.credential_id for row in page.items)),
        gateways=fleet_board.gateways(store),
        reasons=REASON_TEXTS,
    )


@router.get("/scans/{record_id}")
def scan_page(visit: SignedIn, record_id: int) -> Response:
    """Shows one scan and why it went as it did."""
    visit.require(Action.READ_RECORDS)
    store = visit.backend.store
    row = record_feed.record(store, record_id)
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
