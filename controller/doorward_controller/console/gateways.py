"""Gateways: who is there, who is not and since when, and what each has applied."""

from collections.abc import Mapping

from fastapi import APIRouter
from fastapi.responses import Response

from doorward_controller.console.commands import commands_of
from doorward_controller.console.devices import parts_of
from doorward_controller.console.health_lines import health_lines
from doorward_controller.console.names import names_of
from doorward_controller.console.visit import SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import cut_offs, fleet_board, fleet_states, propagation, record_feed

router = APIRouter()

_NEWEST_ROWS = 20


@router.get("/gateways")
def gateways_page(visit: SignedIn) -> Response:
    """Shows every gateway."""
    visit.require(Action.READ_FLEET)
    return visit.page("gateways.html", _fleet(visit))


@router.get("/gateways/part")
def gateways_part(visit: SignedIn) -> Response:
    """The changing part of the list."""
    visit.require(Action.READ_FLEET)
    return visit.page("parts/gateways.html", _fleet(visit))


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


def _fleet(visit: Visit) -> dict[str, object]:
    store = visit.backend.store
    return {
        "gateways": fleet_board.gateways(store),
        "fleet": fleet_states.fleet(store, visit.reader.now_ms),
        "status": propagation.of_status(store),
        "bundle": propagation.of_bundle(store),
    }


def _one(visit: Visit, gateway: str) -> dict[str, object]:
    visit.require(Action.READ_FLEET)
    store = visit.backend.store
    row = fleet_board.gateway(store, gateway)
    if row is None:
        raise NotFoundError(f"there is no gateway {gateway}")
    rows: tuple[record_feed.RecordRow, ...] = ()
    if visit.may(Action.READ_RECORDS):
        narrow = record_feed.RecordFilter(gateway=gateway)
        rows = record_feed.page(store, narrow, cursor=None, limit=_NEWEST_ROWS).items
    return {
        "row": row,
        "cut_off": cut_offs.of_gateway(visit.backend, gateway),
        "fleet": fleet_states.fleet(store, visit.reader.now_ms),
        "last_record_at_utc_ms": record_feed.last_at_utc_ms(store, gateway),
        "health": health_lines(row.health, visit.reader),
        "health_words": _health_words(row.health),
        "rows": rows,
        "names": names_of(visit, (each.credential_id for each in rows)),
        "status": propagation.of_status(store),
        "bundle": propagation.of_bundle(store),
    }
