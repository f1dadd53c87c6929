"""Pages of a large site: what is looked for, a page at a time, and as many statements as ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from doorward_controller.console.overview import SHOWN_GATEWAYS
from doorward_controller.console.portal_choice import SHOWN
from doorward_controller.console.portal_search import PAGE_PORTALS, PortalSearch, find
from doorward_controller.domain.permissions import Role
from doorward_controller.queries.policies import PortalRow
from doorward_controller.services.backend import Backend
from tests.controller.console.conftest import Plant
from tests.fakes.enrolled import enrolled


def rows(count: int) -> list[PortalRow]:
    return [
        PortalRow(
            portal=f"door-{n:03}", zone="hall" if n % 2 else "yard", label="",
            gateway=f"gate-{n // 2:03}", options_json="{}",
        )
        for n in range(count)
    ]  # fmt: skip


def search(text: str = "", cursor: str | None = None) -> PortalSearch:
    return PortalSearch(text=text, cursor=cursor)


def test_portals_come_in_pages_to_the_end() -> None:
    every = rows(PAGE_PORTALS * 2 + 7)
    seen: list[str] = []
    cursor = None
    while True:
        page = find(every, search(cursor=cursor))
        seen += [each.portal for each in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [each.portal for each in every]


@pytest.mark.parametrize(
    ("text", "count"), [("DOOR-004", 1), ("yard", 6), ("gate-002", 2), ("nowhere", 0), (" ", 12)]
)
def test_portals_are_found_by_their_names_zones_and_gateways(text: str, count: int) -> None:
    found = find(rows(12), search(text))
    assert (found.found, len(found.rows), found.total) == (count, count, 12)


def test_few_portals_have_no_search_above_them() -> None:
    assert not find(rows(3), search()).has_search
    assert find(rows(3), search("x")).has_search


@contextmanager
def counting(backend: Backend) -> Iterator[list[str]]:
    """The statements that are carried out meanwhile."""
    said: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    engine = backend.store.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("path", ["/overview/part", "/policy", "/postures/part", "/keys/part"])
def test_more_gateways_cost_no_more_statements(plant: Plant, path: str) -> None:
    client = plant.signed_in(Role.SECURITY)
    counts = []
    for wave in range(2):
        for n in range(12):
            enrolled(plant.backend, f"more-{wave}-{n}")
        client.get(path)  # what is looked up once a process
        with counting(plant.backend) as said:
            assert client.get(path).status_code == 200
        counts.append(len(said))
    assert counts[0] == counts[1]


def test_the_overview_of_a_large_site_shows_those_in_need_and_counts_the_rest(
    plant: Plant,
) -> None:
    for n in range(2 * SHOWN_GATEWAYS):
        enrolled(plant.backend, f"silent-{n:02}")
    page = plant.signed_in(Role.SECURITY).get("/overview/part").text
    assert page.count('class="list-main" href="/gateways/') == SHOWN_GATEWAYS
    assert "need a look" in page
    assert "/gateways?condition=look" in page


PIECES = ("/policy/differences", "/policy/rerun")


@pytest.mark.parametrize("path", PIECES)
def test_a_piece_that_is_opened_by_its_address_is_a_whole_page(plant: Plant, path: str) -> None:
    client = plant.signed_in(Role.SECURITY)
    whole, piece = client.get(path), client.get(path, headers={"HX-Request": "true"})
    assert "<html" in whole.text
    assert "<html" not in piece.text
    assert 'href="/policy"' in whole.text


CHOICES = ("/postures", "/portals/choice", "/policy/rules/portals/near-door")


@pytest.mark.parametrize("path", CHOICES)
def test_a_form_of_a_large_site_holds_a_few_portals_and_finds_the_others(
    plant: Plant, path: str
) -> None:
    """A thousand portals in a form would be 100 kB of it, and nobody would read them."""
    for n in range(60):
        enrolled(plant.backend, f"more-{n:02}")
    client = plant.signed_in(Role.SECURITY)
    assert client.get(path).text.count('<label class="choice"><input') < 40
    found = client.get("/portals/choice", params={"choice_text": "more-17"}).text
    assert found.count('type="radio"') == 1
    assert 'name="portal" value="more-17' in found
    few = client.get("/portals/choice", params={"choice_zone": "site"}).text
    assert (few.count('type="radio"'), "type more of the name" in few) == (SHOWN, True)


def test_what_is_chosen_stays_while_others_are_looked_for(plant: Plant) -> None:
    for n in range(20):
        enrolled(plant.backend, f"more-{n:02}")
    asked = {"name": "interlock", "many": "1", "without": "near-door", "choice_text": "more-1"}
    found = plant.signed_in(Role.SECURITY).get(
        "/portals/choice", params=asked | {"interlock": "far-door"}
    )
    assert 'type="checkbox" name="interlock" value="far-door" checked' in found.text
    assert found.text.count('type="checkbox"') == SHOWN + 1
    assert 'value="near-door"' not in found.text
