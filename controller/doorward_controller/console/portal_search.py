"""Portals looked for by a text, a page at a time: for pages that list all of a large site's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, Protocol, TypeVar

from fastapi import Depends, Query

from doorward_controller.console.visit import query_of
from doorward_controller.queries.paging import part_of

PAGE_PORTALS = 50
FEW = 10
"""So many are seen at a glance: no search stands above them."""


class Placed(Protocol):
    """A portal with what it is found by."""

    @property
    def portal(self) -> str:
        """Its name."""
        ...

    @property
    def zone(self) -> str:
        """The zone that it guards."""
        ...

    @property
    def gateway(self) -> str:
        """Who serves it."""
        ...


Row = TypeVar("Row", bound=Placed)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalSearch:
    """Which portals to show.

    Attributes:
        text: stands in the name of the portal, its zone or its gateway.
        cursor: where the page before ended.
    """

    text: str
    cursor: str | None

    def query(self, **changed: str) -> str:
        """Returns the search as a query string, without its place."""
        return query_of({"text": self.text} | changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPortals(Generic[Row]):
    """A page of them.

    Attributes:
        total: all there are.
        found: those that fit.
    """

    rows: Sequence[Row]
    total: int
    found: int
    next_cursor: str | None
    search: PortalSearch

    @property
    def has_search(self) -> bool:
        """Whether there are more than somebody sees at a glance."""
        return self.total > FEW or bool(self.search.text)


def portal_search(
    text: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> PortalSearch:
    """Reads the search from the address."""
    return PortalSearch(text=text, cursor=cursor or None)


Search = Annotated[PortalSearch, Depends(portal_search)]
EVERY = PortalSearch(text="", cursor=None)


def find(portals: Iterable[Row], search: PortalSearch) -> FoundPortals[Row]:
    """Returns the page that is looked for. Raises InvalidError for a cursor that is none."""
    every = list(portals)
    fit = fitting(every, search)
    page = part_of(fit, lambda row: (row.portal,), cursor=search.cursor, limit=PAGE_PORTALS)
    return FoundPortals(
        rows=page.items,
        total=len(every),
        found=len(fit),
        next_cursor=page.next_cursor,
        search=search,
    )


def fitting(portals: Iterable[Row], search: PortalSearch) -> list[Row]:
    """Returns all those in whose name, zone or gateway the text stands."""
    wanted = search.text.strip().casefold()
    return [row for row in portals if any(wanted in each.casefold() for each in _names(row))]


def _names(row: Placed) -> tuple[str, str, str]:
    return row.portal, row.zone, row.gateway
