"""The console in a real browser: a badge is issued, used, revoked, and its refusal arrives live.

The gateway is fed by hand, the rest is real: server, database, intake, Chromium. Every test also
fails on an error in the browser's console, a breach of the content policy, or a request to another
host.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from doorward_controller import wiring
from doorward_controller.app import create_app
from doorward_controller.clock import SystemClock
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.queries import credentials, policies
from doorward_controller.services import accounts
from doorward_controller.services.backend import Backend
from tests.controller.conftest import make_config
from tests.fakes.demo_controls import FakeDemoControls
from tests.fakes.fed_gateway import FedGateway
from tests.fakes.running_server import running
from tests.system.accessibility import problems_of

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
DESK, PHONE = (1440, 900), (390, 844)

WORDS = {
    "en-GB": {
        "issue": "Issue a badge",
        "granted": "Granted",
        "refused": "This code was revoked.",
        "applied": "Applied at 1 of 2 gateways",
        "unreachable": "unreachable since",
        "all": "Applied at all 2 gateways",
    },
    "zh-CN": {
        "issue": "签发通行证",
        "granted": "放行",
        "refused": "此码已被吊销。",
        "applied": "已在 1 / 2 个网关生效",
        "unreachable": "失联自",
        "all": "已在全部 2 个网关生效",
    },
}


@dataclass(slots=True)
class Desk:
    """A site and the browsers that look at it."""

    backend: Backend
    near: FedGateway
    far: FedGateway
    demo: FakeDemoControls
    address: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    def open(
        self, name: str, language: str = "en-GB", size: tuple[int, int] = DESK, theme: str = "light"
    ) -> Page:
        """Returns a page in which `name` has signed in."""
        context = self.browser.new_context(
            locale=language,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if theme == "dark" else "light",
        )
        page = context.new_page()
        self._listen(page)
        page.goto(f"{self.address}/sign-in")
        page.fill("#name", name)
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        page.wait_for_url(f"{self.address}/")
        return page

    def _listen(self, page: Page) -> None:
        said = self.complaints.append
        page.on(
            "console",
            lambda line: said(line.text) if line.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda err: said(f"script: {err}"))
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((f"{self.address}/", "data:"))
                else said(f"asked another host: {asked.url}")
            ),
        )


@pytest.fixture
def desk(tmp_path: Path, browser: Browser) -> Iterator[Desk]:
    config, clock = make_config(tmp_path / "data"), SystemClock()
    wiring.initialise(config, clock)
    backend = wiring.open_backend(config, clock=clock)
    for role, name in ((Role.ISSUER, "ivy"), (Role.SECURITY, "sam"), (Role.AUDITOR, "ann")):
        accounts.create_operator(backend, local_actor(), name=name, password=PASSWORD, role=role)
    near, far = FedGateway(backend, "near"), FedGateway(backend, "far")
    for gateway in (near, far):
        gateway.enrol()
        gateway.connect()
    demo = FakeDemoControls(credential_id="0" * 16)
    with running(create_app(backend, demo), backend.feed) as address:
        made = Desk(backend, near, far, demo, address, browser)
        yield made
        for context in browser.contexts:
            context.close()
    backend.store.close()
    assert made.complaints == []


@pytest.mark.parametrize(
    ("language", "size", "theme"), [("en-GB", DESK, "light"), ("zh-CN", PHONE, "dark")]
)
def test_a_badge_is_issued_used_revoked_and_its_refusal_arrives_without_reloading(
    desk: Desk, language: str, size: tuple[int, int], theme: str
) -> None:
    words = WORDS[language]
    issuer = desk.open("ivy", language, size, theme)
    badge = issue(issuer, words["issue"], "Grace Hopper")
    guard = desk.open("sam", language, size, theme)
    guard.goto(f"{desk.address}/scans")
    guard.evaluate("window.isStillTheSamePage = true")

    desk.near.scan("granted", badge)
    first = guard.locator("#feed tr").first
    expect(first).to_contain_text(words["granted"])
    expect(first).to_contain_text("Grace Hopper")

    desk.far.connect(online=False)
    revoke(issuer)
    row = credentials.credential(desk.backend.store, badge)
    assert row is not None
    assert row.state == "revoked"
    desk.near.apply(status=row.status_seq)
    expect(issuer.get_by_text(words["applied"])).to_be_visible()
    expect(issuer.get_by_text(words["unreachable"])).to_be_visible()

    desk.near.scan("revoked", badge)
    expect(guard.locator("#feed tr").first).to_contain_text(words["refused"])
    expect(guard.locator("#feed tr")).to_have_count(2)

    desk.far.connect()
    desk.far.apply(status=row.status_seq)
    expect(issuer.get_by_text(words["all"])).to_be_visible()
    assert guard.evaluate("window.isStillTheSamePage")


def test_what_changes_while_a_part_rests_is_shown_at_the_end_of_its_rest(desk: Desk) -> None:
    issuer = desk.open("ivy")
    badge = issue(issuer, "Issue a badge", "Grace Hopper")
    revoke(issuer)
    row = credentials.credential(desk.backend.store, badge)
    assert row is not None
    part = f"**/badges/{badge}/part"
    with issuer.expect_response(part):
        desk.near.connect()
    desk.near.apply(status=row.status_seq)
    desk.far.apply(status=row.status_seq)
    expect(issuer.get_by_text("Applied at all 2 gateways")).to_be_visible()


def test_the_overview_and_its_chart_follow_what_happens(desk: Desk) -> None:
    page = desk.open("sam")
    expect(page.locator(".tile").first).to_contain_text("0")
    expect(page.locator("#rate-chart canvas")).to_be_visible()
    desk.near.scan("not_ours")
    expect(page.locator(".tile").first).to_contain_text("1")
    expect(page.locator(".scans tr.scan-row")).to_have_count(1)
    expect(page.locator("#rate-chart canvas")).to_be_visible()


def test_a_feed_that_is_paused_holds_still_and_counts_what_it_holds_back(desk: Desk) -> None:
    page = desk.open("sam")
    page.goto(f"{desk.address}/scans")
    expect(page.locator("#live-state")).to_have_attribute("data-state", "open")
    page.get_by_role("button", name="Pause").click()
    desk.near.scan("not_ours")
    expect(page.get_by_text("1 new while paused")).to_be_visible()
    expect(page.locator("#feed tr")).to_have_count(0)
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#feed tr")).to_have_count(1)


def test_the_demonstrations_buttons_act_without_leaving_the_page(desk: Desk) -> None:
    page = desk.open("sam")
    page.goto(f"{desk.address}/demo")
    page.evaluate("window.isStillTheSamePage = true")
    page.get_by_text("Receipt").click()
    page.get_by_role("button", name="Hold the badge up").click()
    expect(page.get_by_text("The badge is held up to the camera.")).to_be_visible()
    page.get_by_role("button", name="Cut off").click()
    expect(page.get_by_role("button", name="Reconnect")).to_be_visible()
    expect(page.locator(".flow-gateways .is-cut")).to_have_count(1)
    page.get_by_role("button", name="Reconnect").click()
    expect(page.get_by_role("button", name="Cut off")).to_be_visible()
    assert page.evaluate("window.isStillTheSamePage")
    assert desk.demo.pressed == [
        ("present", "near", "Receipt"),
        ("cut", "near"),
        ("restore", "near"),
    ]


def test_what_is_put_aside_appears_in_the_quarantine_by_itself(desk: Desk) -> None:
    page = desk.open("sam")
    page.goto(f"{desk.address}/quarantine")
    expect(page.get_by_text("Nothing is in quarantine")).to_be_visible()
    desk.near.send_rubbish()
    expect(page.locator("table.quarantine tbody tr")).to_have_count(1)
    expect(page.locator("table.quarantine")).to_contain_text("Cannot be read")
    desk.far.send_rubbish()
    expect(page.locator("table.quarantine tbody tr")).to_have_count(2)


@pytest.mark.parametrize("size", [(1280, 500), (390, 500)], ids=["desk", "phone"])
def test_the_last_page_of_the_list_is_within_reach_in_a_low_window(
    desk: Desk, size: tuple[int, int]
) -> None:
    page = desk.open("sam", size=size)
    if page.locator(".menu-nav summary").first.is_visible():
        page.locator(".menu-nav summary").first.click()
    page.locator(".side-nav a:visible").last.click()
    expect(page.locator("h1")).to_have_text("Demonstration")


def test_menus_open_and_close_by_keyboard(desk: Desk) -> None:
    page = desk.open("sam")
    menu = page.locator(".topbar-end summary").last
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()


@pytest.mark.parametrize(
    ("size", "theme"), [(DESK, "dark"), (PHONE, "light")], ids=["desk-dark", "phone-light"]
)
def test_every_page_passes_the_accessibility_rules_and_fits_its_width(
    desk: Desk, size: tuple[int, int], theme: str
) -> None:
    issuer = desk.open("ivy", size=size, theme=theme)
    badge = issue(issuer, "Issue a badge", "Grace Hopper")
    desk.near.scan("granted", badge)
    desk.near.scan("revoked", badge)
    desk.near.send_rubbish()
    desk.far.connect(online=False)
    guard = desk.open("sam", size=size, theme=theme)
    auditor = desk.open("ann", size=size, theme=theme)
    looks = {
        issuer: ["/badges/new", f"/badges/{badge}?done=issued", f"/badges/{badge}/print"],
        guard: [
            "/",
            "/scans",
            "/scans/1",
            "/gateways",
            "/gateways/far",
            "/badges",
            f"/badges/{badge}",
            "/policy",
            "/quarantine",
            "/account",
            "/demo",
        ],
        auditor: ["/audit"],
    }
    found = {
        path: problems
        for page, paths in looks.items()
        for path in paths
        if (problems := problems_at(page, f"{desk.address}{path}"))
    }
    assert found == {}


def problems_at(page: Page, address: str) -> list[str]:
    page.goto(address)
    return problems_of(page)


def issue(page: Page, link: str, name: str) -> str:
    """Issues a badge through the form; returns its number."""
    page.goto(page.url.partition("?")[0])
    page.get_by_role("link", name=link).first.click()
    page.fill("#name", name)
    page.locator('input[name="groups"]').first.check()
    page.press("#name", "Enter")
    code = page.locator(".code-paper img")
    expect(code).to_be_visible()
    expect(code).to_have_js_property("complete", value=True)
    assert code.evaluate("image => image.naturalWidth") > 0
    return page.url.partition("?")[0].rpartition("/")[2]


def revoke(page: Page) -> None:
    """Revokes the badge whose page is open, with a reason."""
    page.locator(".act summary").last.click()
    page.select_option("#revoke-cause", "lost")
    page.fill("#revoke-note", "in the tram")
    page.press("#revoke-note", "Enter")
    expect(page.locator(".notice-good")).to_be_visible()


def test_what_one_proposes_another_approves_and_nobody_their_own(desk: Desk) -> None:
    """Two people at two browsers: the proposal arrives by itself, and is carried out once."""
    backend = desk.backend
    accounts.create_operator(
        backend, local_actor(), name="rae", password=PASSWORD, role=Role.REVIEWER
    )
    reviewer = desk.open("rae")
    reviewer.goto(f"{desk.address}/approvals")
    expect(reviewer.get_by_text("Nothing waits for a decision")).to_be_visible()
    page = desk.open("sam")
    page.goto(f"{desk.address}/policy")
    expect(page.get_by_text("New group staff")).to_be_visible()
    page.get_by_text("Propose the release…").click()
    page.fill("#reason", "first rules")
    page.get_by_role("button", name="Propose the release").click()
    expect(page.get_by_text("You proposed this: somebody else decides.")).to_be_visible()
    expect(page.get_by_text("Approve…")).to_have_count(0)
    where = page.url.split("?")[0]
    token = page.locator("input[name=csrf_token]").first.get_attribute("value") or ""
    own = page.request.post(f"{where}/approve", form={"csrf_token": token, "note": ""})
    assert own.status == 403
    assert "Nobody decides on their own proposal." in own.text()

    reviewer.get_by_text("proposed by sam").click()
    expect(reviewer.get_by_text("New group staff")).to_be_visible()
    reviewer.get_by_text("Approve…").click()
    reviewer.get_by_role("button", name="Approve and carry out").click()
    expect(reviewer.get_by_text("Approved and carried out.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Carried out").first).to_be_visible()
    assert [row.released_by for row in policies.releases(backend.store)] == ["sam"]
