"""Gateways: who is there, who is not and since when, and what each has applied."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from doorward_controller.console.commands import commands_of
from doorward_controller.console.devices import parts_of
from doorward_controller.console.fleet_words import condition_of
from doorward_controller.console.health_lines import health_lines
from doorward_controller.console.names import names_of
from doorward_controller.console.visit import SignedIn, Visit, query_of
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import (
    cut_offs,
    enrolments,
    fleet_board,
    fleet_states,
    propagation,
    record_feed,
    software,
)
from doorward_controller.queries.paging import part_of
from doorward_controller.queries.record_filter import limited_to

router = APIRouter()

PAGE_ROWS = 50
LOOK = "look"
IN_ORDER = frozenset({"on_time", "revoked"})
_NEWEST_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSearch:
    """Which gateways to show.

    Attributes:
        text: stands in the name of the gateway or of a portal of it.
        condition: how they stand, as pages call it; `LOOK` for all that somebody should look at.
        cursor: where the page before ended.
    """

    text: str
    condition: str
    cursor: str | None

    def query(self, **changed: str) -> str:
        """Returns the search as a query string, without its place."""
        return query_of({"text": self.text, "condition": self.condition} | changed)


def fleet_search(
    text: Annotated[str, Query(max_length=100)] = "",
    condition: Annotated[str, Query(max_length=20)] = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> FleetSearch:
    """Reads the search from the address."""
    return FleetSearch(text=text, condition=condition, cursor=cursor or None)


Search = Annotated[FleetSearch, Depends(fleet_search)]


@router.get("/gateways")
def gateways_page(visit: SignedIn, search: Search) -> Response:
    """Shows the gateways that are looked for, a page of them at a time."""
    visit.require_somewhere(Action.READ_FLEET)
    return visit.page("gateways.html", _fleet(visit, search))


@router.get("/gateways/part")
def gateways_part(visit: SignedIn, search: Search) -> Response:
    """The changing part of the list."""
    visit.require_somewhere(Action.READ_FLEET)
    return visit.page("parts/gateways.html", _fleet(visit, search))


@router.get("/gateways/{gateway}")
def gateway_page(visit: SignedIn, gateway: str) -> Response:
    """Shows one gateway."""
    return visit.page(
        "gateway.html",
        _one(visit, gateway) | commands_of(visit, gateway) | parts_of(visit, gateway),
    )


@router.get("/gateways/{gateway}/part")
def gateway_part(visit: SignedIn, gateway: str) -> Response:
    """The changing part of one gateway's page."""
    return visit.page("parts/gateway.html", _one(visit, gateway))


def _health_words(health: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Returns what the last health message says in words: camera and clock, by name."""
    found = ((name, health.get(name)) for name in ("camera", "clock"))
    return tuple((name, value) for name, value in found if isinstance(value, str) and value)


def _fleet(visit: Visit, search: FleetSearch) -> dict[str, object]:
    store = visit.backend.store
    fleet = fleet_states.fleet(store, visit.reader.now_ms, visit.zones)
    names = fleet_board.names(store, visit.zones)
    stands = {each.gateway: condition_of(fleet.of(each.gateway)) for each in names}
    found = [
        each
        for each in names
        if each.fits(search.text) and _is_wanted(stands[each.gateway], search.condition)
    ]
    page = part_of(found, lambda row: (row.gateway,), cursor=search.cursor, limit=PAGE_ROWS)
    return {
        "gateways": fleet_board.some(store, [each.gateway for each in page.items]),
        "search": search,
        "next_cursor": page.next_cursor,
        "total": len(names),
        "found": len(found),
        "counts": Counter(stands.values()),
        "fleet": fleet,
        "status": propagation.of_status(store, zones=visit.zones),
        "bundle": propagation.of_bundle(store, zones=visit.zones),
    }


def _is_wanted(stand: str, condition: str) -> bool:
    if condition == LOOK:
        return stand not in IN_ORDER
    return not condition or stand == condition


def _one(visit: Visit, gateway: str) -> dict[str, object]:
    visit.require_gateway(Action.READ_FLEET, gateway)
    store = visit.backend.store
    row = fleet_board.gateway(store, gateway)
    if row is None:
        raise NotFoundError(f"there is no gateway {gateway}")
    rows: tuple[record_feed.RecordRow, ...] = ()
    if visit.may(Action.READ_RECORDS):
        narrow = limited_to(store, record_feed.RecordFilter(gateway=gateway), visit.zones)
        rows = record_feed.page(store, narrow, cursor=None, limit=_NEWEST_ROWS).items
    return {
        "row": row,
        "software": software.at_gateway(store, visit.backend.config.site, gateway),
        "certificates": enrolments.certificates_of(store, visit.backend.config.site, gateway),
        "cut_off": cut_offs.of_gateway(visit.backend.store, visit.backend.config.site, gateway),
        "fleet": fleet_states.fleet(store, visit.reader.now_ms, visit.zones),
        "last_record_at_utc_ms": record_feed.last_at_utc_ms(store, gateway),
        "health": health_lines(row.health, visit.reader),
        "health_words": _health_words(row.health),
        "rows": rows,
        "names": names_of(visit, (each.credential_id for each in rows)),
        "status": propagation.of_status(store, zones=visit.zones),
        "bundle": propagation.of_bundle(store, zones=visit.zones),
    }
