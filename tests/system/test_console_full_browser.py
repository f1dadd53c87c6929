"""Every page of the console when it is full, in a real browser: accessible, fitting, in one tongue.

The site has thirty gateways and something on every page. Two of the combinations of width, language
and colours are looked at here; between them every width, language and scheme is there.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from doorward_controller.app import create_app
from doorward_controller.domain.permissions import Role
from doorward_controller.services import sign_in
from tests.fakes.furnished_site import Furnished, furnish
from tests.fakes.operators import NAMES, PASSWORD
from tests.fakes.running_server import running
from tests.system.accessibility import problems_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PAGES = {
    Role.SECURITY: (
        "/", "/scans", "/scans/3", "/charts", "/inside", "/alerts", "/alerts/{alert}",
        "/alert-rules", "/alert-rules/new", "/alert-rules/metric.temperature_mc",
        "/alert-rules/event.forced", "/alert-receivers", "/alert-receivers/1", "/gateways",
        "/gateways/north-gate", "/staff", "/badges/{badge}", "/policy", "/postures",
        "/revocations", "/revocations/{batch}", "/quarantine", "/account", "/account/password",
        "/account/second-factor", "/confirm", "/permissions", "/walls",
        "/policy/rules", "/policy/rules/site", "/policy/rules/calendar", "/policy/rules/grants/new",
        "/policy/rules/groups/one/staff", "/policy/rules/schedules/one/always", "/keys",
        "/keeping", "/backups",
    ),
    Role.ADMIN: (
        "/", "/gateways/north-gate", "/gateways/north-gate/configuration", "/roll-outs",
        "/roll-outs/new", "/roll-outs/{roll_out}", "/account/tokens", "/accounts", "/accounts/gus",
        "/enrolments", "/releases", "/webhooks",
    ),
    Role.ISSUER: ("/badges", "/badges/new", "/badges/{badge}", "/badges/{badge}/print"),
    Role.FACILITY: (
        "/devices", "/devices/north-gate/life", "/maintenance", "/maintenance?view=table",
        "/maintenance/orders/{order}", "/maintenance/new?gateway=north-gate", "/maintenance/plans",
        "/maintenance/plans/{plan}", "/maintenance/plans/new", "/maintenance/parts",
        "/maintenance/parts/{part}", "/maintenance/figures", "/maintenance/labels",
    ),
    Role.REVIEWER: ("/approvals", "/approvals/{proposal}"),
    Role.AUDITOR: ("/audit", "/scans"),
    Role.GUARD: ("/", "/inside"),
    Role.HOST: ("/", "/gateways"),
}  # fmt: skip
LOOKS = {
    "desk-english-dark": ("en-GB", (1440, 900), "dark"),
    "phone-chinese-light": ("zh-CN", (390, 844), "light"),
}
ENGLISH_STATES = re.compile(
    r"\b(Open|Closed|Waiting|Done|Late|Lost|None|True|False|undefined|null|camera|reader)\b"
)
"""Words of the product's own that a Chinese page must not show; names of people's making may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """The site, served, and a browser."""

    site: Furnished
    address: str
    browser: Browser
    open_ends: ExitStack

    def signed_in(self, role: Role, look: str) -> BrowserContext:
        language, (width, height), theme = LOOKS[look]
        context = self.browser.new_context(
            locale=language,
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
        )
        self.open_ends.callback(context.close)
        result = sign_in.sign_in(
            self.site.backend, name=NAMES[role], password=PASSWORD, client="127.0.0.1"
        )
        assert isinstance(result, sign_in.SignedIn)
        context.add_cookies([{"name": sign_in.COOKIE, "value": result.token, "url": self.address}])
        return context

    def path(self, template: str) -> str:
        return template.format(
            **{name: getattr(self.site, name) for name in Furnished.__dataclass_fields__}
        )


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[House]:
    site = furnish(tmp_path_factory.mktemp("furnished"))
    with running(create_app(site.backend), site.backend.feed) as address, ExitStack() as open_ends:
        yield House(site=site, address=address, browser=browser, open_ends=open_ends)
    site.backend.store.close()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("role", Role)
def test_every_page_of_a_full_site_is_accessible_and_fits(
    house: House, role: Role, look: str
) -> None:
    page = house.signed_in(role, look).new_page()
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda err: said.append(str(err)))
    found = {
        path: problems
        for template in PAGES[role]
        if (problems := _problems(house, page, path := house.path(template), look))
    }
    assert (found, said) == ({}, [])


def _problems(house: House, page: Page, path: str, look: str) -> list[str]:
    answer = page.goto(f"{house.address}{path}")
    assert answer is not None
    assert answer.status == 200, path
    problems = problems_of(page)
    if "chinese" in look:
        # Chips and column headings are the product's own words on every page.
        own = page.locator(".chip > span, th, dt, label > span").all_inner_texts()
        problems += [word for text in own for word in ENGLISH_STATES.findall(text)]
    return problems


def test_every_act_of_a_page_is_reached_by_keyboard_and_shows_where_one_is(house: House) -> None:
    """Tabbing through a full page meets every link, button and field, each with a visible ring."""
    page = house.signed_in(Role.SECURITY, "desk-english-dark").new_page()
    page.goto(f"{house.address}/postures")
    wanted = page.locator(
        "a[href]:visible, button:visible, summary:visible, select:visible, "
        "input:not([type=radio]):visible"
    ).count()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = set()
    for _ in range(wanted + 5):
        here = page.evaluate(
            """() => {
                const at = document.activeElement, style = getComputedStyle(at);
                at.dataset.met ||= String(document.querySelectorAll("[data-met]").length + 1);
                const ring = style.outlineStyle !== "none" || style.boxShadow !== "none";
                return [at.tagName, at.dataset.met, ring];
            }"""
        )
        if here[0] == "BODY":
            break
        assert here[2], f"{here} shows no ring"
        seen.add(here[1])
        page.keyboard.press("Tab")
    assert len(seen) >= wanted


def test_the_skip_link_leads_past_the_navigation(house: House) -> None:
    page = house.signed_in(Role.SECURITY, "desk-english-dark").new_page()
    page.goto(f"{house.address}/alerts")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
