"""How long what is kept, what is held, what went when and what goes next."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from doorward_controller.console.i18n import mark
from doorward_controller.console.revocations import when_of
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.keeping import MAX_REASON, MIN_REASON, Kind
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import ActError, InvalidError
from doorward_controller.services import holders, keeping
from doorward_controller.services.keeping import NewHold

router = APIRouter()
_NUMBER = re.compile("[0-9a-f]{16}")
Text = Annotated[str, Form(max_length=400)]

KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "records": (
            mark("Scan records"),
            mark("Scans, passages, events, and what guards registered by hand."),
        ),
        "people": (
            mark("Names of people"),
            mark(
                "Name, contact, numbers of whoever's last code has ended: their key is destroyed."
            ),
        ),
        "pictures": (
            mark("Pictures and logs"),
            mark("What gateways sent back when they were asked to."),
        ),
        "quarantine": (
            mark("Quarantine"),
            mark("Messages that could not be read or trusted."),
        ),
        "alerts": (
            mark("Alerts that are over"),
            mark("With who handled them, and to whom they were sent."),
        ),
    }
)


@router.get("/keeping")
def keeping_page(visit: SignedIn, count: Annotated[str, Query(max_length=1)] = "") -> Response:
    """Shows all of it; with `count`, how much would go now as well."""
    return _page(visit, is_counted=bool(count))


@router.post("/keeping/times")
def time_act(visit: GenuineSignedIn, kind: Annotated[Kind, Form()], days: Text = "") -> Response:
    """Changes how long a kind is kept."""
    try:
        keeping.set_time(visit.backend, visit.actor, kind, int(days) if days.isdecimal() else 0)
    except InvalidError as err:
        return _page(visit, refusal=err)
    return visit.go("/keeping", done="saved")


@router.post("/keeping/holds")
def hold_act(
    visit: GenuineSignedIn, reason: Text = "", holder: Text = "", begin: Text = "", end: Text = ""
) -> Response:
    """Places a hold."""
    try:
        wanted = NewHold(
            reason=reason,
            holder_id=_person(visit, holder.strip()),
            from_utc_ms=_ms(visit, begin),
            to_utc_ms=_ms(visit, end),
        )
        keeping.place_hold(visit.backend, visit.actor, wanted)
    except ActError as err:
        if err.status in {401, 403}:
            raise
        return _page(visit, refusal=err)
    return visit.go("/keeping", done="hold-placed")


@router.post("/keeping/holds/{hold_id}/end")
def end_act(visit: GenuineSignedIn, hold_id: int) -> Response:
    """Ends a hold."""
    keeping.end_hold(visit.backend, visit.actor, hold_id)
    return visit.go("/keeping", done="hold-ended")


def _person(visit: Visit, text: str) -> str | None:
    """Returns the number of the one person who is called so, or has that contact or number."""
    if not text or _NUMBER.fullmatch(text):
        return text or None
    found: set[str] = set()
    for field in ("name", "contact", "identity"):
        found |= set(holders.find_holders(visit.backend, visit.actor, **{field: text}))
    if len(found) > 1:
        raise InvalidError("several people are called that", code="many_holders")
    return found.pop() if found else text[:40]


def _ms(visit: Visit, text: str) -> int | None:
    at_s = when_of(visit, text)
    return None if at_s is None else 1000 * at_s


def _page(visit: Visit, refusal: ActError | None = None, *, is_counted: bool = False) -> Response:
    visit.require(Action.READ_KEEPING)
    return visit.page(
        "keeping.html",
        status_code=refusal.status if refusal else 200,
        kept=keeping.show(visit.backend, visit.actor),
        due=keeping.preview(visit.backend, visit.actor) if is_counted else None,
        refusal=refusal,
        kinds=KINDS,
        reason_least=MIN_REASON,
        reason_most=MAX_REASON,
    )
