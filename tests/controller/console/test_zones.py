"""Pages of somebody who is limited to a zone: nothing of the other one stands on them."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from doorward_controller.app import create_app
from doorward_controller.domain.permissions import LIMITABLE, Role, local_actor
from doorward_controller.queries import operators
from doorward_controller.services import accounts, sign_in
from doorward_controller.services.backend import Backend
from tests.controller.console.conftest import session_token, token_of
from tests.controller.console.test_pages import PAGES
from tests.fakes.operators import PASSWORD
from tests.fakes.running_server import UNREAD, running
from tests.fakes.two_zones import FAR, HERE, NEAR, THERE, TwoZones, ZoneThings, two_zones

MARKS = (FAR, THERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wing:
    """The site of two zones, and browsers of people who are limited to one or to none."""

    backend: Backend
    site: TwoZones
    address: str
    ends: ExitStack

    def browser(self, role: Role, *, limited: bool = True) -> httpx.Client:
        name = f"{role.value}-{'one' if limited else 'all'}"
        accounts.create_operator(
            self.backend, local_actor(), name=name, password=PASSWORD, role=role,
            zones=frozenset({HERE}) if limited else None,
        )  # fmt: skip
        client = httpx.Client(
            base_url=self.address, headers={"accept-language": "en"}, verify=UNREAD,
            trust_env=False, timeout=30,
        )  # fmt: skip
        token = session_token(self.backend, name)
        client.cookies.set(sign_in.COOKIE, token, domain="127.0.0.1")
        return self.ends.enter_context(client)


@pytest.fixture
def wing(sqlite_backend: Backend) -> Iterator[Wing]:
    site = two_zones(sqlite_backend)
    with running(create_app(sqlite_backend), sqlite_backend.feed) as at, ExitStack() as ends:
        yield Wing(backend=sqlite_backend, site=site, address=at, ends=ends)


def pages_of(things: ZoneThings, badge: str) -> tuple[str, ...]:
    """Every page of the table, and those of the things of a zone."""
    known = tuple(path.format(badge=badge).replace("/near", f"/{things.gateway}") for path in PAGES)
    return (
        *(path for path in known if "/far" not in path and not path.startswith("/demo")),
        f"/scans/{things.record}",
        "/scans?show=all",
        "/scans?show=events",
        f"/scans?gateway={things.gateway}",
        f"/scans?portal={things.gateway}-door",
        f"/scans?badge={badge}",
        f"/alerts/{things.alert}",
        f"/maintenance/orders/{things.order}",
        f"/maintenance/new?gateway={things.gateway}",
        f"/maintenance/new/components?gateway={things.gateway}",
        f"/devices?zone={things.zone}",
        f"/devices/{things.gateway}/life.xlsx",
        f"/devices/{things.gateway}/life.pdf",
        "/charts/times.json",
        "/inside/list",
        f"/inside/list?zone={things.zone}",
    )


@pytest.mark.parametrize("role", sorted(LIMITABLE))
def test_no_page_shows_what_is_in_another_zone(wing: Wing, role: Role) -> None:
    browser, wrong = wing.browser(role), []
    for path in pages_of(wing.site.there, wing.site.badge):
        answer = browser.get(path)
        assert answer.status_code in {200, 303, 403, 404}, (path, answer.status_code)
        asked = [mark for mark in MARKS if mark in path]
        # A refusal and a search repeat what was asked for.
        text = answer.text if answer.status_code == 200 else ""
        wrong += [f"{path}: {mark}" for mark in MARKS if mark in text and mark not in asked]
        if asked and "/scans?" not in path and "zone=" not in path:
            assert answer.status_code == 403, path
    assert wrong == []


def test_the_same_pages_show_it_to_who_has_the_site(wing: Wing) -> None:
    browser = wing.browser(Role.SECURITY, limited=False)
    seen = [
        path
        for path in pages_of(wing.site.there, wing.site.badge)
        if any(mark in browser.get(path).text for mark in MARKS if mark not in path)
    ]
    assert len(seen) > 25, seen


def test_pages_of_ones_own_zone_open_and_hold_no_link_that_is_refused(wing: Wing) -> None:
    """Whoever is limited is not led to doors that are shut."""
    browser = wing.browser(Role.SECURITY)
    for path in ("/", "/scans", "/gateways", f"/gateways/{NEAR}", "/devices", "/alerts",
                 "/postures", "/maintenance", "/inside", "/charts", "/permissions", "/account",
                 f"/maintenance/orders/{wing.site.here.order}",
                 f"/alerts/{wing.site.here.alert}", f"/scans/{wing.site.here.record}"):  # fmt: skip
        page = browser.get(path)
        assert page.status_code == 200, path
        links = {part.split('"')[0] for part in page.text.split('<a href="/')[1:]}
        for link in sorted(links):
            answer = browser.get(f"/{link}")
            assert answer.status_code != 403, f"{path} leads to /{link}"


def test_an_administrator_limits_an_account_and_is_told(wing: Wing) -> None:
    browser = wing.browser(Role.ADMIN, limited=False)
    accounts.create_operator(
        wing.backend, local_actor(), name="gus", password=PASSWORD, role=Role.GUARD
    )
    page = browser.get("/accounts/gus").text
    assert "Limit to zones" in page
    sent = {"csrf_token": token_of(page), "extent": "zones", "zones": [HERE, THERE]}
    answer = browser.post("/accounts/gus/zones", data=sent)
    assert answer.headers["location"] == "/accounts/gus?done=zones-changed"
    row = operators.one_operator(wing.backend.store, "gus")
    assert row is not None
    assert row.zones == (HERE, THERE)
    assert f"only in {HERE}, {THERE}" in browser.get("/accounts/gus").text
    for unclear in ({}, {"extent": "zones"}, {"extent": "site", "zones": HERE}):
        refused = browser.post("/accounts/gus/zones", data=unclear | {"csrf_token": token_of(page)})
        assert refused.status_code == 422, unclear
        row = operators.one_operator(wing.backend.store, "gus")
        assert row is not None
        assert row.zones == (HERE, THERE), "nobody gets the site by ticking nothing"
    sent = {"csrf_token": token_of(page), "extent": "site"}
    assert browser.post("/accounts/gus/zones", data=sent).status_code == 303
    row = operators.one_operator(wing.backend.store, "gus")
    assert row is not None
    assert row.zones is None


def test_a_role_of_the_whole_site_offers_no_zones(wing: Wing) -> None:
    browser = wing.browser(Role.ADMIN, limited=False)
    accounts.create_operator(
        wing.backend, local_actor(), name="ann", password=PASSWORD, role=Role.AUDITOR
    )
    page = browser.get("/accounts/ann").text
    assert "Limit to zones" not in page
    new = {
        "csrf_token": token_of(page),
        "name": "ben",
        "role": "auditor",
        "extent": "zones",
        "zones": HERE,
    }
    refused = browser.post("/accounts", data=new)
    assert refused.status_code == 409
    assert "This role serves the whole site" in refused.text
    assert operators.one_operator(wing.backend.store, "ben") is None


def test_a_token_is_limited_from_its_page(wing: Wing) -> None:
    browser = wing.browser(Role.GUARD)
    page = browser.get("/account/tokens").text
    assert f'value="{HERE}"' in page
    assert THERE not in page
    sent = {"csrf_token": token_of(page), "label": "x", "scope": "read_records", "zones": HERE}
    assert browser.post("/account/tokens", data=sent).status_code == 200
    assert f"only in {HERE}" in browser.get("/account/tokens").text
    sent |= {"zones": THERE}
    assert browser.post("/account/tokens", data=sent).status_code == 403
