"""Wall screens: making and ending their addresses, and the screen itself.

The screen needs no sign-in, shows no person, and asks nobody but us.
"""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import JSONResponse, Response

from doorward.reasons import Severity
from doorward_controller.console.fleet_words import (
    SITE_CAUSES,
    condition_of,
    look,
    tongue_of,
)
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit, Visitor
from doorward_controller.domain.alert_texts import Fact, title_of
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import NotFoundError
from doorward_controller.queries import wall
from doorward_controller.queries.wall import WallTile
from doorward_controller.services import wall_screens
from doorward_controller.store import walls

router = APIRouter()

_DEFAULT_DAYS = 90
_FACTS_SHOWN = 3


@router.get("/walls")
def walls_page(visit: SignedIn) -> Response:
    """Shows the addresses that were made, without the addresses."""
    return _list(visit, made=None)


@router.post("/walls")
def add_act(
    visit: GenuineSignedIn,
    label: Annotated[str, Form()] = "",
    days: Annotated[int, Form()] = _DEFAULT_DAYS,
) -> Response:
    """Makes an address and shows it, this once."""
    made = wall_screens.add_screen(visit.backend, visit.actor, label=label, days=days)
    return _list(visit, made=f"{visit.request.base_url}wall/{made.token}")


@router.post("/walls/{screen_id}/revoke")
def revoke_act(visit: GenuineSignedIn, screen_id: int) -> Response:
    """Ends an address."""
    if not 0 < screen_id < 2**63:
        raise NotFoundError(f"there is no wall screen {screen_id}")
    wall_screens.revoke_screen(visit.backend, visit.actor, screen_id)
    return visit.go("/walls", done="saved")


@router.get("/wall/{token}")
def wall_page(visit: Visitor, token: str) -> Response:
    """The screen: a frame that fetches what it shows, and keeps it while we are away."""
    _require(visit, token)
    return visit.page("wall.html", board=_board(visit), path=f"/wall/{token}/board.json")


@router.get("/wall/{token}/board.json")
def wall_board(visit: Visitor, token: str) -> Response:
    """What the screen shows now."""
    _require(visit, token)
    return JSONResponse(_board(visit), headers={"Cache-Control": "no-store"})


def _require(visit: Visit, token: str) -> None:
    if wall_screens.resume(visit.backend, token) is None:
        raise NotFoundError("this address does not count, or no longer")


def _list(visit: Visit, made: str | None) -> Response:
    visit.require(Action.MANAGE_WALL)
    now_s = visit.reader.now_ms // 1000
    with visit.backend.store.read() as connection:
        screens = walls.all_screens(connection)
    states = {
        each.id: "revoked"
        if each.revoked_at_utc_s is not None
        else "open"
        if wall_screens.is_open(each, now_s)
        else "ended"
        for each in screens
    }
    return visit.page(
        "walls.html", screens=screens, states=states, made=made, default_days=_DEFAULT_DAYS
    )


def _board(visit: Visit) -> dict[str, object]:
    reader, translate = visit.reader, visit.reader.gettext
    found = wall.board(visit.backend.store, reader.now_ms)
    words = {each.value: _look(visit, "severity", each.value) for each in Severity}
    site = None
    if found.site is not None:
        site = {
            "text": translate(SITE_CAUSES[found.site.cause.value]),
            "since_ms": found.site.since_ms,
        }
    return {
        "now_ms": reader.now_ms,
        "newest_ms": found.newest_at_utc_ms,
        "site": site,
        "severities": words,
        "general": [
            {"severity": severity.value, "text": _title(visit, fact)}
            for severity, fact in found.general
        ],
        "tiles": [_tile(visit, tile) for tile in found.tiles],
    }


def _tile(visit: Visit, tile: WallTile) -> dict[str, object]:
    return {
        "name": tile.gateway,
        "labels": [label for label in tile.labels if label != tile.gateway],
        "severity": tile.severity.value,
        "state": _look(visit, "condition", condition_of(tile.now)),
        "stale": tile.now.is_away or tile.now.condition.value in {"unheard", "never_seen"},
        "since_ms": tile.now.since_ms if tile.now.is_away else None,
        "seen_ms": tile.last_seen_at_utc_ms,
        "facts": [_title(visit, fact) for fact in tile.facts[:_FACTS_SHOWN]],
    }


def _title(visit: Visit, fact: Fact) -> str:
    return title_of(fact, tongue_of(visit.reader))


def _look(visit: Visit, kind: str, state: str) -> dict[str, str]:
    shown = asdict(look(kind, state))
    translate = visit.reader.gettext
    return shown | {"word": translate(shown["word"])}
