"""Who is inside: how many at once, some people a page, and the whole list when all are wanted.

The whole list goes out while it is made: its first people can be read, and printed, before the
names of the last are opened.
"""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Form, Query
from fastapi.responses import Response

from doorward_controller.console.i18n import Reader
from doorward_controller.console.visit import GenuineSignedIn, SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.errors import ConflictError, NotFoundError
from doorward_controller.services import forgiving, muster, rules
from doorward_controller.services.muster import Wanted

PEOPLE_A_PAGE = 100
_MINUTE_MS = 60_000

router = APIRouter()


@router.get("/inside")
def inside_page(
    visit: SignedIn,
    zone: Annotated[str, Query(max_length=64)] = "",
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:
    """Counts everybody and lists some; each look is an audit entry."""
    return _page(visit, Wanted(zone=zone, cursor=cursor or None, limit=PEOPLE_A_PAGE))


@router.get("/inside/list")
def whole_list(visit: SignedIn, zone: Annotated[str, Query(max_length=64)] = "") -> Response:
    """Lists everybody, to be printed."""
    seen = muster.look(visit.backend, visit.actor, Wanted(zone=zone))
    return visit.stream(
        "inside_list.html", muster=seen, zone_name=zone, times=Times(reader=visit.reader)
    )


@router.get("/inside/forgive")
def back_to_list(visit: SignedIn) -> Response:
    """Who reloads after a refusal finds the list, not the form's address."""
    return visit.go("/inside")


@router.post("/inside/forgive")
def forgive_act(visit: GenuineSignedIn, zone: Annotated[str, Form(max_length=32)] = "") -> Response:
    """Lets everybody at a zone go either way next; a gateway that is connected tells the others."""
    visit.require_somewhere(Action.OPEN_DOORS)
    if zone not in rules.current(visit.backend).zones:
        raise NotFoundError(f"there is no zone {zone[:32]!r}", code="no_place")
    try:
        forgiving.forgive_all(visit.backend, visit.actor, zone)
    except ConflictError as err:
        return _page(visit, Wanted(limit=PEOPLE_A_PAGE), refusal=err)
    return visit.go("/inside", done="zone-forgiven")


def _page(visit: Visit, wanted: Wanted, refusal: ConflictError | None = None) -> Response:
    return visit.page(
        "inside.html",
        status_code=refusal.status if refusal else 200,
        muster=muster.look(visit.backend, visit.actor, wanted),
        wanted=wanted,
        times=Times(reader=visit.reader),
        refusal=refusal,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Times of thousands of people: those of one minute are the same text, made once.

    Only where it shows seconds, today, each has its own; that costs little.
    """

    reader: Reader
    _known: dict[int, str] = field(default_factory=dict)

    def text(self, at_ms: int) -> str:
        """Returns when somebody came in, as the reader's clock shows it."""
        if at_ms >= self.reader.start_of_day_ms:
            return self.reader.clock_time(at_ms)
        minute = at_ms // _MINUTE_MS
        if minute not in self._known:
            self._known[minute] = self.reader.clock_time(at_ms)
        return self._known[minute]
