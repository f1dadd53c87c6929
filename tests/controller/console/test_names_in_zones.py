"""Names for people of each role and limit: on pages, in files, by search, and by program.

Two people were seen, each in one of two zones. Whoever is limited to a zone learns of the other's
person nothing by any way, and by every way what the live page says of their own.
"""

import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import openpyxl  # type: ignore[import-untyped]
import pytest

from doorward_controller.app import create_app
from doorward_controller.domain.permissions import LIMITABLE, Role, Zones, local_actor
from doorward_controller.queries import credentials
from doorward_controller.services import accounts, sign_in
from doorward_controller.services.backend import Backend
from tests.controller.console.conftest import issue, session_token, token_of
from tests.fakes.operators import PASSWORD
from tests.fakes.running_server import UNREAD, running
from tests.fakes.two_zones import HERE, THERE, TwoZones, two_zones

ADA, MEI = "Ada Lovelace", "Mei Lin"
PEOPLE = (ADA, MEI)
"""Ada was seen here, Mei there."""
WHOLE: Zones = None
BOTH, ONE, OTHER, NONE = frozenset(PEOPLE), frozenset({ADA}), frozenset({MEI}), frozenset[str]()

Names = frozenset[str]
TABLE: tuple[tuple[Role, Zones, Names, Names, Names, Names], ...] = (
    # role, limited to, and the names: live page, files, search on the page, search by program
    (Role.SECURITY, WHOLE, BOTH, BOTH, BOTH, BOTH),
    (Role.SECURITY, frozenset({HERE}), ONE, ONE, ONE, ONE),
    (Role.SECURITY, frozenset({THERE}), OTHER, OTHER, OTHER, OTHER),
    (Role.SECURITY, frozenset({HERE, THERE}), BOTH, BOTH, BOTH, BOTH),
    (Role.SECURITY, frozenset({"site"}), NONE, NONE, NONE, NONE),
    (Role.REVIEWER, WHOLE, BOTH, NONE, BOTH, BOTH),
    (Role.ISSUER, WHOLE, NONE, NONE, NONE, BOTH),
    (Role.AUDITOR, WHOLE, NONE, NONE, NONE, NONE),
    (Role.ADMIN, WHOLE, NONE, NONE, NONE, NONE),
    *(
        (role, zones, NONE, NONE, NONE, NONE)
        for role in (Role.GUARD, Role.FACILITY, Role.HOST)
        for zones in (WHOLE, frozenset({HERE}))
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The site of two zones with a person in each."""

    backend: Backend
    things: TwoZones
    address: str
    ends: ExitStack
    holders: dict[str, str]

    def asking(self, role: Role, zones: Zones) -> tuple[httpx.Client, httpx.Client]:
        """Returns a browser and a program of somebody."""
        accounts.create_operator(
            self.backend, local_actor(), name="kim", password=PASSWORD, role=role, zones=zones
        )
        browser, program = (
            self.ends.enter_context(
                httpx.Client(
                    base_url=self.address, headers={"accept-language": "en"}, verify=UNREAD,
                    trust_env=False, timeout=30,
                )
            )
            for _ in range(2)
        )  # fmt: skip
        token = session_token(self.backend, "kim")
        browser.cookies.set(sign_in.COOKIE, token, domain="127.0.0.1")
        key = accounts.create_token(
            self.backend, local_actor(), operator="kim", label="t", lifetime_s=3600
        )
        program.headers["Authorization"] = f"Bearer {key}"
        return browser, program


@pytest.fixture
def site(sqlite_backend: Backend) -> Iterator[Site]:
    things = two_zones(sqlite_backend)
    holders = {}
    for name, place in ((ADA, things.here), (MEI, things.there)):
        badge = issue(sqlite_backend, name)
        place.fed.scan("granted", badge)
        holders[name] = credentials.holders_of(sqlite_backend.store, [badge])[badge]
    with running(create_app(sqlite_backend), sqlite_backend.feed) as at, ExitStack() as ends:
        yield Site(backend=sqlite_backend, things=things, address=at, ends=ends, holders=holders)


def names_in(text: str) -> Names:
    return frozenset(name for name in PEOPLE if name in text)


def on_the_live_page(browser: httpx.Client) -> Names:
    return names_in(browser.get("/scans").text)


def in_a_file(browser: httpx.Client, form: str) -> Names:
    sent = {"csrf_token": token_of(browser.get("/account").text), "form": form, "purpose": "audit"}
    return names_in(_text_of(browser.post("/scans/export", data=sent), form))


def in_a_file_by_program(program: httpx.Client, form: str) -> Names:
    sent = {"form": form, "purpose": "audit"}
    return names_in(_text_of(program.post("/api/v1/records/export", json=sent), form))


def by_search(site: Site, browser: httpx.Client) -> Names:
    """Whom the search finds by name, and what stands above the list that it leads to."""
    found = set()
    for name in PEOPLE:
        sent = {"csrf_token": token_of(browser.get("/account").text), "person": name}
        answer = browser.post("/scans/find", data=sent)
        if answer.status_code == 303 and site.holders[name] in answer.headers["location"]:
            found.add(name)
    return frozenset(found)


def by_number(site: Site, browser: httpx.Client) -> Names:
    """Which names somebody reads who has the numbers of both people."""
    pages = (browser.get("/scans", params={"holder": each}) for each in site.holders.values())
    return frozenset().union(*(names_in(page.text) for page in pages))


def by_program(site: Site, program: httpx.Client) -> Names:
    found = set()
    for name in PEOPLE:
        answer = program.post("/api/v1/holders/find", json={"name": name})
        if answer.status_code == 200 and site.holders[name] in answer.json():
            found.add(name)
    return frozenset(found)


@pytest.mark.parametrize(("role", "zones", "live", "files", "search", "program"), TABLE)
def test_a_name_stands_where_the_live_page_shows_it_and_nowhere_else(
    site: Site, role: Role, zones: Zones, live: Names, files: Names, search: Names, program: Names
) -> None:
    browser, client = site.asking(role, zones)
    seen = {
        "live": on_the_live_page(browser),
        "csv": in_a_file(browser, "csv"),
        "xlsx": in_a_file(browser, "xlsx"),
        "csv by program": in_a_file_by_program(client, "csv"),
        "xlsx by program": in_a_file_by_program(client, "xlsx"),
        "search": by_search(site, browser),
        "number": by_number(site, browser),
        "program": by_program(site, client),
    }
    wanted = dict.fromkeys(("csv", "xlsx", "csv by program", "xlsx by program"), files)
    assert seen == {
        "live": live, **wanted, "search": search, "number": live, "program": program
    }  # fmt: skip


def test_every_role_and_every_limit_is_in_the_table() -> None:
    assert {(role, zones is None) for role, zones, *_ in TABLE} == {
        *((role, True) for role in Role),
        *((role, False) for role in LIMITABLE),
    }


def _text_of(answer: httpx.Response, form: str) -> str:
    """Returns what stands in the cells; nothing of a refusal."""
    if answer.status_code != 200:
        assert answer.status_code == 403
        return ""
    if form == "csv":
        rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""))
        return "\n".join(cell for row in rows for cell in row)
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    cells = (cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row)
    return "\n".join(str(cell) for cell in cells)
