"""Listings page by page: the same two parameters, and the next page's address as a Link."""

from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request, Response

from doorward_controller.domain.cursors import MAX_LIMIT, Place
from doorward_controller.queries import paging
from doorward_controller.queries.paging import Page

Row = TypeVar("Row")


class Paged:
    """Where a listing goes on, and how much of it is wanted."""

    def __init__(
        self,
        request: Request,
        response: Response,
        cursor: Annotated[
            str | None, Query(max_length=200, description="`next_cursor` of the page before")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
    ) -> None:
        """Read from the request."""
        self.cursor = cursor
        self.limit = limit
        self._request = request
        self._response = response

    def given(self, page: Page[Row]) -> Page[Row]:
        """Returns the page, and says in `Link` where the next one is."""
        if page.next_cursor is not None:
            url = self._request.url.include_query_params(cursor=page.next_cursor)
            self._response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return page

    def part_of(self, rows: Iterable[Row], place: Callable[[Row], Place]) -> Page[Row]:
        """Returns a page of a list that is short enough to be at hand, in the order of places."""
        return self.given(paging.part_of(rows, place, cursor=self.cursor, limit=self.limit))


Paging = Annotated[Paged, Depends()]
