"""A large fleet's pages: as many statements as a small one's, searched, and a page at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa

from doorward_controller.console.devices import MAX_NEW, MAX_WHOLE_TREE
from doorward_controller.console.gateways import PAGE_ROWS
from doorward_controller.domain.permissions import Actor, Role, local_actor
from doorward_controller.services import wall_screens
from doorward_controller.services.alert_watch import AlertWatch
from doorward_controller.services.devices import Adoption, add_component, adopt
from doorward_controller.store.devices import NewComponent
from doorward_controller.store.session import Store
from tests.controller.console.conftest import Plant
from tests.fakes.fed_gateway import FedGateway

FACILITY = Actor(name="fay", role=Role.FACILITY)
SMALL, LARGE = 10, 60
PAGES = (
    "/",
    "/overview/part",
    "/gateways",
    "/gateways?text=gate&condition=look",
    "/gateways/part",
    "/gateways/near",
    "/gateways/near/part",
    "/devices",
    "/devices?zone=site",
    "/alerts",
    "/policy",
    "/policy/part",
    "/postures",
    "/postures/part",
    "/maintenance",
    "/maintenance/figures",
    "/roll-outs/new",
    "/staff",
    "/scans",
    "/badges",
    "/approvals",
    "/walls",
)

READER = {
    "/roll-outs/new": Role.ADMIN,
    "/maintenance": Role.FACILITY,
    "/maintenance/figures": Role.FACILITY,
}
"""Who asks for what security does not."""


@dataclass
class Statements:
    """What a database was asked."""

    texts: list[str] = field(default_factory=list)

    @contextmanager
    def of(self, store: Store) -> Iterator[None]:
        """Notes statements as long as it is open."""
        self.texts = []

        def note(_c: object, _u: object, text: str, *_: object) -> None:
            self.texts.append(text)

        sa.event.listen(store.engine, "before_cursor_execute", note)
        try:
            yield
        finally:
            sa.event.remove(store.engine, "before_cursor_execute", note)


def grow(plant: Plant, first: int, until: int, *, is_adopted: bool = True) -> None:
    """Adds gateways that have connected, said how they are, and hold a component."""
    for number in range(first, until):
        one = FedGateway(plant.backend, f"gate-{number:03d}")
        one.enrol(f"Hall {number}")
        one.connect()
        one.report_health(pending=number % 3)
        if number % 4 == 0:
            one.connect(online=False)
        if is_adopted:
            adopt(plant.backend, FACILITY, one.name, Adoption(portals={}))
            camera = NewComponent(kind="camera", maker="Acme", model="X", serial=f"SN-{number}")
            add_component(plant.backend, FACILITY, one.name, camera)


@pytest.fixture
def wall(plant: Plant) -> str:
    screen = wall_screens.add_screen(plant.backend, local_actor(), label="hall", days=1)
    return f"/wall/{screen.token}"


def test_no_page_asks_more_of_the_database_for_more_gateways(plant: Plant, wall: str) -> None:
    store, statements = plant.backend.store, Statements()
    readers = {role: plant.signed_in(role) for role in (Role.SECURITY, *READER.values())}
    counted: dict[str, list[int]] = {}
    for first, until in ((0, SMALL), (SMALL, LARGE)):
        grow(plant, first, until)
        for path in (*PAGES, wall):
            client = readers[READER.get(path, Role.SECURITY)]
            client.get(path)  # what is remembered for a while is remembered in both
            with statements.of(store):
                answer = client.get(path)
            assert answer.status_code == 200, path
            counted.setdefault(path, []).append(len(statements.texts))
    more = {path: counts for path, counts in counted.items() if counts[1] > counts[0]}
    assert not more, "statements with few and with many gateways"
    assert all(counts[0] > 0 for counts in counted.values()), "nothing was counted"


def test_the_look_for_alerts_asks_no_more_for_more_gateways(plant: Plant) -> None:
    statements, counted = Statements(), []
    watch = AlertWatch(plant.backend)
    for first, until in ((0, SMALL), (SMALL, LARGE)):
        grow(plant, first, until)
        watch.turn()
        with statements.of(plant.backend.store):
            watch.turn()
        counted.append(len(statements.texts))
    assert counted[1] <= counted[0]


def test_gateways_come_a_page_at_a_time_and_all_of_them_once(plant: Plant) -> None:
    grow(plant, 0, LARGE)
    client = plant.signed_in(Role.SECURITY)
    seen: list[str] = []
    path = "/gateways"
    for _ in range(5):
        page = client.get(path).text
        seen += [line.split('"')[1] for line in page.split("<tr id=")[1:]]
        following = [part for part in page.split('href="') if "cursor=" in part.split('"')[0]]
        if not following:
            break
        path = following[-1].split('"')[0].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == LARGE + 2
    assert len(seen) > PAGE_ROWS


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("text=gate-007", {"gate-007"}),
        ("text=HALL+12", {"gate-012"}),
        ("text=gate-00&condition=look", {"gate-000", "gate-004", "gate-008"}),
        ("text=gate-00&condition=on_time", {f"gate-00{n}" for n in (1, 2, 3, 5, 6, 7, 9)}),
        ("text=nowhere", set()),
    ],
)
def test_gateways_are_found_by_name_and_state(plant: Plant, query: str, expected: set[str]) -> None:
    grow(plant, 0, 15)
    plant.backend.clock.pass_s(60)  # type: ignore[attr-defined]
    for path in ("/gateways", "/gateways/part"):
        page = plant.signed_in(Role.SECURITY).get(f"{path}?{query}").text
        rows = {line.split('"')[1] for line in page.split("<tr id=")[1:]}
        assert rows == {f"gateway-{name}" for name in expected}
        assert ("No gateway fits" in page) == (not expected)


def test_large_site_opens_one_zone_or_what_is_looked_for(plant: Plant) -> None:
    grow(plant, 0, MAX_WHOLE_TREE + 1)
    client = plant.signed_in(Role.FACILITY)
    whole = client.get("/devices").text
    assert "gate-003" not in whole
    assert "/devices?zone=site" in whole
    assert "gate-003" in client.get("/devices?zone=site").text
    found = client.get("/devices?text=sn-17").text
    assert "gate-017" in found
    assert "gate-003" not in found
    assert "Nothing fits these filters" in client.get("/devices?text=nowhere").text


def test_new_gateways_are_adopted_some_at_a_time(plant: Plant) -> None:
    grow(plant, 0, MAX_NEW + 5, is_adopted=False)
    page = plant.signed_in(Role.FACILITY).get("/devices").text
    assert page.count('action="/devices/adopt/') == MAX_NEW
    assert "7 more wait" in page
