"""Roll-outs: the list, the form and its review, and one roll-out with every member, live."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import Response

from doorward.commands import CommandName
from doorward.ids import GatewayId
from doorward_controller.console import setting_words
from doorward_controller.console.i18n import mark
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.roll_out_order import (
    ROLLABLE,
    CommandOrder,
    ConfigurationOrder,
    Order,
    Selection,
)
from doorward_controller.domain.setting_lines import LinesError, parse_lines, settable_names
from doorward_controller.errors import InvalidError, NotFoundError
from doorward_controller.queries import policies, roll_outs
from doorward_controller.services import rolling_out, software
from doorward_controller.services.rolling_out import NewRollOut

router = APIRouter()

_PAGE_ROWS = 50
_HOUR_S, _MINUTE_S = 3600, 60
SETTINGS = "settings"
TITLE = mark("Release %(version)s")
BEFORE = "before"
"""In the list of releases: back to the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollOutForm:
    """What stands in the form, as it was typed."""

    title: str = ""
    what: str = SETTINGS
    lines: str = ""
    version: str = ""
    restart: bool = True
    zone: str = ""
    pattern: str = ""
    gateways: str = ""
    waves: str = "1, 10%"
    success_percent: str = "100"
    failure_percent: str = "0"
    rest_min: str = "6"
    hours: str = "24"


def form_of(
    *,
    title: Annotated[str, Form(max_length=200)] = "",
    what: Annotated[str, Form(max_length=40)] = SETTINGS,
    lines: Annotated[str, Form(max_length=20_000)] = "",
    version: Annotated[str, Form(max_length=32)] = "",
    restart: Annotated[str, Form(max_length=5)] = "",
    zone: Annotated[str, Form(max_length=64)] = "",
    pattern: Annotated[str, Form(max_length=64)] = "",
    gateways: Annotated[str, Form(max_length=50_000)] = "",
    waves: Annotated[str, Form(max_length=200)] = "",
    success_percent: Annotated[str, Form(max_length=10)] = "",
    failure_percent: Annotated[str, Form(max_length=10)] = "",
    rest_min: Annotated[str, Form(max_length=10)] = "",
    hours: Annotated[str, Form(max_length=10)] = "",
) -> RollOutForm:
    """Reads the form."""
    return RollOutForm(
        title=title.strip(),
        what=what,
        lines=lines,
        version=version,
        restart=bool(restart),
        zone=zone.strip(),
        pattern=pattern.strip(),
        gateways=gateways,
        waves=waves,
        success_percent=success_percent,
        failure_percent=failure_percent,
        rest_min=rest_min,
        hours=hours,
    )


Filled = Annotated[RollOutForm, Depends(form_of)]


@router.get("/roll-outs")
def roll_outs_page(visit: SignedIn, cursor: str | None = None) -> Response:
    """Shows the roll-outs, newest first."""
    visit.require(Action.READ_FLEET)
    page = roll_outs.page(visit.backend.store, cursor=cursor, limit=_PAGE_ROWS)
    return visit.page("roll_outs.html", page=page, cursor=cursor)


@router.get("/roll-outs/new")
def new_page(
    visit: SignedIn,
    what: Annotated[str, Query(max_length=40)] = SETTINGS,
    version: Annotated[str, Query(max_length=32)] = "",
    gateways: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """Shows the form, empty but for what the page before said."""
    visit.require(Action.ROLL_OUT)
    title = visit.reader.gettext(TITLE) % {"version": version} if version else ""
    form = RollOutForm(title=title, what=what, version=version, gateways=gateways)
    return _form_page(visit, form)


@router.post("/roll-outs/new")
def review_act(visit: GenuineSignedIn, form: Filled) -> Response:
    """Shows who would take part in which wave, before anything begins."""
    visit.require(Action.ROLL_OUT)
    try:
        new = _new(form)
        rolling_out.check(new)
        placed = rolling_out.members_of(visit.backend, new)
    except LinesError as err:
        return _form_page(visit, form, lines_error=err)
    except InvalidError as err:
        return _form_page(visit, form, refusal=err)
    return visit.page("roll_out_review.html", form=form, new=new, waves=_by_wave(placed))


@router.post("/roll-outs")
def start_act(visit: GenuineSignedIn, form: Filled) -> Response:
    """Begins the roll-out and shows it."""
    try:
        number = rolling_out.start(visit.backend, visit.actor, _new(form))
    except LinesError as err:
        return _form_page(visit, form, lines_error=err)
    except InvalidError as err:
        return _form_page(visit, form, refusal=err)
    return visit.go(f"/roll-outs/{number}", done="rolling-out")


@router.get("/roll-outs/{number}")
def roll_out_page(visit: SignedIn, number: int) -> Response:
    """Shows one roll-out."""
    return visit.page("roll_out.html", _one(visit, number))


@router.get("/roll-outs/{number}/part")
def roll_out_part(visit: SignedIn, number: int) -> Response:
    """What changes by itself: how far every member is."""
    return visit.page("parts/roll_out.html", _one(visit, number))


@router.post("/roll-outs/{number}/pause")
def pause_act(visit: GenuineSignedIn, number: int) -> Response:
    """Holds it."""
    rolling_out.pause(visit.backend, visit.actor, number)
    return visit.go(f"/roll-outs/{number}", done="roll-out-paused")


@router.post("/roll-outs/{number}/resume")
def resume_act(visit: GenuineSignedIn, number: int) -> Response:
    """Lets it go on."""
    rolling_out.resume(visit.backend, visit.actor, number)
    return visit.go(f"/roll-outs/{number}", done="rolling-out")


@router.post("/roll-outs/{number}/abort")
def abort_act(visit: GenuineSignedIn, number: int) -> Response:
    """Ends it."""
    rolling_out.abort(visit.backend, visit.actor, number)
    return visit.go(f"/roll-outs/{number}", done="roll-out-aborted")


def _one(visit: Visit, number: int) -> Mapping[str, object]:
    visit.require(Action.READ_FLEET)
    found = roll_outs.roll_out(visit.backend.store, number) if 0 < number < 2**53 else None
    if found is None:
        raise NotFoundError(f"there is no roll-out {number}")
    return {"row": found.roll_out, "members": found.members, "is_settings": _is_settings(found)}


def _is_settings(found: roll_outs.RollOutInFull) -> bool:
    return isinstance(found.roll_out.order, ConfigurationOrder)


def _form_page(
    visit: Visit,
    form: RollOutForm,
    *,
    refusal: InvalidError | None = None,
    lines_error: LinesError | None = None,
) -> Response:
    zones = sorted({portal.zone for portal in policies.all_portals(visit.backend.store)})
    return visit.page(
        "roll_out_new.html",
        form=form,
        refusal=refusal,
        faults=lines_error.faults if lines_error else (),
        zones=zones,
        rollable=[name.value for name in ROLLABLE],
        names=settable_names(),
        releases=software.versions(visit.backend),
        title_max=rolling_out.MAX_TITLE_CHARACTERS,
        setting_words=setting_words,
        status_code=422 if refusal or lines_error else 200,
    )


def _new(form: RollOutForm) -> NewRollOut:
    """Returns what the form asks for. Raises InvalidError or LinesError."""
    chosen = form.gateways.replace(",", " ").split()
    waves = [wave.strip() for wave in form.waves.split(",") if wave.strip()]
    return NewRollOut(
        title=form.title,
        order=_order(form),
        selection=Selection(
            zone=form.zone, pattern=form.pattern, gateways=frozenset(map(GatewayId, chosen))
        ),
        waves=waves,
        success_percent=_whole("success_percent", form.success_percent),
        failure_percent=_whole("failure_percent", form.failure_percent),
        rest_s=_whole("rest", form.rest_min) * _MINUTE_S,
        deadline_s=_whole("hours", form.hours) * _HOUR_S,
    )


def _order(form: RollOutForm) -> Order:
    if form.what == SETTINGS:
        return ConfigurationOrder(changes=parse_lines(form.lines), restart=form.restart)
    if form.what not in set(ROLLABLE):
        raise InvalidError(f"{form.what[:40]} cannot be rolled out", code="not_for_many")
    if form.what == CommandName.UPDATE_SOFTWARE:
        version = "" if form.version == BEFORE else form.version
        arguments: dict[str, str | int | None] = {"version": version, "until": 0}
        return CommandOrder(name=CommandName.UPDATE_SOFTWARE, arguments=arguments)
    return CommandOrder(name=CommandName(form.what))


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as err:
        raise InvalidError(f"{name} is {text!r}, must be a whole number", code="not_whole") from err


def _by_wave(placed: tuple[tuple[GatewayId, int], ...]) -> dict[int, list[str]]:
    waves: dict[int, list[str]] = {}
    for name, wave in placed:
        waves.setdefault(wave, []).append(name)
    return waves
