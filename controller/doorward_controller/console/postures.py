"""How portals are ordered to stand: lockdown, closed, free passage; who has it by now."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward.policy import MAX_RANK, Posture
from doorward_controller.console import order_words, portal_choice, portal_search
from doorward_controller.console.portal_search import EVERY, PortalSearch, Search
from doorward_controller.console.revocations import when_of
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.posture_orders import (
    MAX_STANDING,
    USUAL_STANDING,
    PostureCause,
    Scope,
)
from doorward_controller.errors import ActError, InvalidError
from doorward_controller.services import postures, rules
from doorward_controller.services.postures import MAX_NOTE_CHARACTERS, NewOrder

router = APIRouter()

MINUTES = (15, 30, 60, 120, 240, 480)
Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entered:
    """What stands in the form; after a refusal as it was sent."""

    where: str
    portal: str = ""
    zone: str = ""
    posture: str = Posture.CLOSED.value
    cause: str = ""
    note: str = ""
    minutes: str = "60"
    until: str = ""
    pass_rank: str = ""
    standing: str = ""


_FIRST = _Entered(where=Scope.PORTAL.value)


@router.get("/postures")
def postures_page(visit: SignedIn, search: Search) -> Response:
    """Shows what is ordered, and the forms."""
    return _page(visit, search)


@router.get("/postures/part")
def postures_part(visit: SignedIn, search: Search) -> Response:
    """The changing part."""
    return visit.page("parts/postures.html", _context(visit, search))


@router.post("/postures")
def order_act(
    visit: GenuineSignedIn,
    where: Text,
    posture: Annotated[Posture, Form()],
    cause: Annotated[PostureCause, Form()],
    note: Text = "",
    minutes: Text = "",
    until: Text = "",
    pass_rank: Text = "",
    standing: Text = "",
    portal: Text = "",
    zone: Text = "",
    choice_text: Text = "",
) -> Response:
    """Orders a posture; every gateway is told at once."""
    portal = portal or choice_text.strip()
    entered = _Entered(
        where=where, portal=portal, zone=zone, posture=posture.value, cause=cause.value, note=note,
        minutes=minutes, until=until, pass_rank=pass_rank, standing=standing,
    )  # fmt: skip
    try:
        scope, place = _place(visit, entered)
        wanted = NewOrder(
            scope=scope,
            place=place,
            posture=posture,
            cause=cause,
            note=note,
            pass_rank=_number(pass_rank) if posture is Posture.LOCKDOWN else None,
            standing=_number(standing),
            until_utc_s=_until(visit, minutes, until),
        )
        postures.order(visit.backend, visit.actor, wanted)
    except ActError as err:
        return _page(visit, refusal=err, entered=entered)
    return visit.go("/postures", done="posture-ordered")


@router.post("/postures/{order_id}/end")
def end_act(visit: GenuineSignedIn, order_id: str, note: Text = "") -> Response:
    """Ends an order before its time."""
    postures.end(visit.backend, visit.actor, order_id, note)
    return visit.go("/postures", done="posture-ended")


def _place(visit: Visit, entered: _Entered) -> tuple[Scope, str]:
    """Returns what an order is for. Raises InvalidError where none was chosen."""
    places = {
        Scope.PORTAL: entered.portal,
        Scope.ZONE: entered.zone,
        Scope.SITE: visit.backend.config.site,
    }
    scope = next((each for each in places if each.value == entered.where), None)
    if scope is None or not places[scope]:
        raise InvalidError(f"{entered.where[:40]!r} says no place", code="place_missing")
    return scope, places[scope]


def _page(
    visit: Visit,
    search: PortalSearch = EVERY,
    refusal: ActError | None = None,
    entered: _Entered = _FIRST,
) -> Response:
    return visit.page(
        "postures.html",
        _context(visit, search),
        status_code=refusal.status if refusal else 200,
        refusal=refusal,
        entered=entered,
        choice=portal_choice.choice_of(visit, "portal", filter(None, (entered.portal,))),
        zones=[
            zone
            for zone in rules.current(visit.backend).zones
            if visit.zones is None or zone in visit.zones
        ],
        postures=[each.value for each in Posture],
        causes=[each.value for each in PostureCause],
        minutes=MINUTES,
        ranks=range(1, MAX_RANK + 1),
        standings=range(1, MAX_STANDING + 1),
        usual=USUAL_STANDING,
        note_max=MAX_NOTE_CHARACTERS,
    )


def _context(visit: Visit, search: PortalSearch) -> dict[str, object]:
    visit.require_somewhere(Action.READ_FLEET)
    every = postures.of_portals(visit.backend, visit.zones)
    return {
        "ow": order_words,
        "orders": postures.standing_orders(visit.backend, visit.zones),
        "portals": portal_search.find(every, search),
        "ended": postures.ended_orders(visit.backend, limit=10, zones=visit.zones),
    }


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _until(visit: Visit, minutes: str, until: str) -> int | None:
    if until:
        return when_of(visit, until)
    after = _number(minutes)
    return None if after is None else visit.backend.clock.now().utc_s + after * 60
