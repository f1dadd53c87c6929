"""Guards and technicians who sign in at the gateways' own pages. A PIN is shown once, here."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response

from doorward.staff import Ability
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import ConflictError, InvalidError
from doorward_controller.queries import staff as shown
from doorward_controller.queries import staff_spread
from doorward_controller.queries.staff_spread import Holding
from doorward_controller.services import staff
from doorward_controller.services.staff import NewPin

router = APIRouter()

ABILITIES = tuple(ability.name.lower() for ability in Ability if ability.name)
USUAL_DAYS = 180


@router.get("/staff")
def staff_page(visit: SignedIn) -> Response:
    """Shows who may sign in at the gateways."""
    return _page(visit)


@router.get("/staff/part")
def staff_part(visit: SignedIn) -> Response:
    """What changes by itself: which list each gateway goes by."""
    visit.require(Action.MANAGE_STAFF)
    return visit.page("parts/staff_spread.html", _spread(visit))


@router.post("/staff")
def add_act(
    visit: GenuineSignedIn,
    member_id: Annotated[str, Form(max_length=64)] = "",
    abilities: Annotated[list[str] | None, Form()] = None,
    last_day: Annotated[str, Form()] = "",
) -> Response:
    """Adds somebody; the answer is the only page that ever holds the PIN."""
    form = {
        "member_id": member_id.strip(),
        "abilities": tuple(abilities or ()),
        "last_day": last_day,
    }
    try:
        made = staff.add_member(
            visit.backend,
            visit.actor,
            member_id=member_id.strip(),
            abilities=_mask(abilities),
            not_after=_end_utc_s(visit, last_day),
        )
    except (InvalidError, ConflictError) as err:
        return _page(visit, form=form, refusal=err.code, message=err.message, status_code=422)
    return _page(visit, new_pin=made)


@router.post("/staff/{member_id}/pin")
def pin_act(visit: GenuineSignedIn, member_id: str) -> Response:
    """Draws a new PIN; the answer is the only page that ever holds it."""
    return _page(visit, new_pin=staff.new_pin(visit.backend, visit.actor, member_id))


@router.post("/staff/{member_id}/change")
def change_act(
    visit: GenuineSignedIn,
    member_id: str,
    abilities: Annotated[list[str] | None, Form()] = None,
    last_day: Annotated[str, Form()] = "",
) -> Response:
    """Says anew what somebody may do, and until when; the PIN stays."""
    staff.change_member(
        visit.backend,
        visit.actor,
        member_id,
        abilities=_mask(abilities),
        not_after=_end_utc_s(visit, last_day),
    )
    return visit.go("/staff", done="staff-changed")


@router.post("/staff/{member_id}/remove")
def remove_act(visit: GenuineSignedIn, member_id: str) -> Response:
    """Removes somebody; their sessions at the gateways end with the new list."""
    staff.remove_member(visit.backend, visit.actor, member_id)
    return visit.go("/staff", done="staff-removed")


def _page(
    visit: Visit,
    *,
    new_pin: NewPin | None = None,
    form: Mapping[str, object] | None = None,
    refusal: str = "",
    message: str = "",
    status_code: int = 200,
) -> Response:
    visit.require(Action.MANAGE_STAFF)
    _, members = shown.newest(visit.backend.store, visit.backend.config.site)
    today = visit.reader.local(visit.reader.now_ms).date()
    usual = (today + timedelta(days=USUAL_DAYS)).isoformat()
    return visit.page(
        "staff.html",
        _spread(visit),
        members=members,
        abilities=ABILITIES,
        new_pin=new_pin,
        form=form or {"member_id": "", "abilities": (), "last_day": usual},
        refusal=refusal,
        message=message,
        last_day_of={each.id: _last_day(visit, each.not_after) for each in members},
        now_s=visit.reader.now_ms // 1000,
        latest=(today + timedelta(days=staff.MAX_LIFETIME_S // 86_400 - 1)).isoformat(),
        status_code=status_code,
    )


def _spread(visit: Visit) -> dict[str, object]:
    """Returns what the card about the gateways shows: those with pages first, the behind first."""
    held = staff_spread.at_gateways(visit.backend.store, visit.backend.config.site)
    version, _ = shown.newest(visit.backend.store, visit.backend.config.site)
    keeping = [each for each in held if each.holding is not Holding.NO_PAGES]
    return {
        "version": version,
        "keeping": sorted(keeping, key=lambda each: each.holding is Holding.NEWEST),
        "without_pages": [each for each in held if each.holding is Holding.NO_PAGES],
        "Holding": Holding,
    }


def _mask(names: list[str] | None) -> Ability:
    """Returns the abilities; a name that nobody offered is none at all, which is refused."""
    known = {ability.name.lower(): ability for ability in Ability if ability.name}
    mask = Ability(0)
    for name in names or ():
        if name not in known:
            return Ability(0)
        mask |= known[name]
    return mask


def _last_day(visit: Visit, not_after: int) -> str:
    return visit.reader.local((not_after - 1) * 1000).date().isoformat()


def _end_utc_s(visit: Visit, last_day: str) -> int:
    """Returns the end of a day at the site."""
    try:
        day = datetime.fromisoformat(last_day).replace(tzinfo=visit.reader.zone)
        return int((day + timedelta(days=1)).timestamp())
    except (ValueError, OverflowError) as err:
        raise InvalidError(
            f"the last day is {last_day[:20]!r}, not a date", code="bad_end"
        ) from err
