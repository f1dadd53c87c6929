"""Portals chosen in a form: by zone first, then by what somebody types, a few at a time.

A large site has thousands of them: a form that listed all would be heavy and nobody would read it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from doorward_controller.console.i18n import mark
from doorward_controller.console.portal_search import FEW, PortalSearch, fitting
from doorward_controller.console.visit import SignedIn, Visit
from doorward_controller.domain.permissions import Action
from doorward_controller.queries import policies
from doorward_controller.queries.policies import PortalRow

router = APIRouter()

SHOWN = 8
"""So many fit on a phone above the keyboard and are read at a glance."""

_NAMES = frozenset({"portal", "interlock"})
_Text = Annotated[str, Query(max_length=100)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalChoice:
    """What can be chosen.

    Attributes:
        name: of the form's field.
        is_many: several may be chosen.
        rows: those that are shown: first the chosen ones.
        total: how many the reader has.
        more: so many fit that are not shown.
    """

    name: str
    is_many: bool
    chosen: tuple[str, ...]
    rows: tuple[PortalRow, ...]
    zones: tuple[str, ...]
    zone: str
    text: str
    total: int
    more: int

    @property
    def has_search(self) -> bool:
        """Whether there are more than somebody sees at a glance."""
        return self.total > FEW


def choice_of(
    visit: Visit,
    name: str,
    chosen: Iterable[str] = (),
    *,
    is_many: bool = False,
    zone: str = "",
    text: str = "",
    without: str = "",
) -> PortalChoice:
    """Returns what the reader can choose: portals of their zones."""
    every = [row for row in portals_of(visit) if row.portal != without]
    ticked = tuple(dict.fromkeys(chosen))
    found = fitting(
        (row for row in every if not zone or row.zone == zone), PortalSearch(text=text, cursor=None)
    )
    first = [row for row in every if row.portal in ticked]
    others = [row for row in found if row.portal not in ticked]
    most = FEW if len(every) <= FEW else SHOWN
    return PortalChoice(
        name=name,
        is_many=is_many,
        chosen=ticked,
        rows=(*first, *others[:most]),
        zones=tuple(sorted({row.zone for row in every})),
        zone=zone,
        text=text,
        total=len(every),
        more=max(0, len(others) - most),
    )


def portals_of(visit: Visit) -> Sequence[PortalRow]:
    """Returns the portals of the reader's zones, by name."""
    every = policies.all_portals(visit.backend.store)
    return [row for row in every if visit.zones is None or row.zone in visit.zones]


@router.get("/portals/choice")
def choice_part(
    visit: SignedIn,
    name: str = "portal",
    many: str = "",
    without: _Text = "",
    choice_text: _Text = "",
    choice_zone: _Text = "",
    portal: Annotated[list[str] | None, Query(max_length=200)] = None,
    interlock: Annotated[list[str] | None, Query(max_length=200)] = None,
) -> Response:
    """The portals that fit what was typed, those first that are chosen."""
    visit.require_somewhere(Action.READ_FLEET)
    choice = choice_of(
        visit,
        name if name in _NAMES else "portal",
        (interlock if name == "interlock" else portal) or (),
        is_many=bool(many),
        zone=choice_zone,
        text=choice_text,
        without=without,
    )
    return visit.piece(
        "parts/portal_choice_rows.html",
        title=mark("Portals"),
        back=("/postures", mark("Postures")),
        choice=choice,
    )
