"""Accounts in a real browser: first password, authenticator by its picture, passkey, both widths.

The passkey is Chromium's own virtual authenticator. Every test also fails on an error in the
browser's console, a breach of the content policy, or a request to another host.
"""

import io
from base64 import b32decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, CDPSession, Page, expect

from doorward_controller import wiring
from doorward_controller.app import create_app
from doorward_controller.config import Accounts
from doorward_controller.domain.one_time_codes import code_at
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.services import accounts
from doorward_controller.services.backend import Backend
from tests.controller.conftest import StandingClock, make_config
from tests.fakes.running_server import running
from tests.system.test_console_browser import problems_at

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
NEW_PASSWORD = "quiet purple tram ladder"
DESK, PHONE = (1280, 900), (390, 844)


@dataclass(slots=True)
class Desk:
    """A site whose security staff must have a second factor."""

    backend: Backend
    clock: StandingClock
    address: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    def page(self, language: str = "en-GB", size: tuple[int, int] = DESK) -> Page:
        """Returns a browser in which nobody has signed in."""
        context = self.browser.new_context(
            locale=language, viewport={"width": size[0], "height": size[1]}
        )
        page = context.new_page()
        said = self.complaints.append
        page.on(
            "console", lambda line: said(line.text) if line.type in {"error", "warning"} else None
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
        return page

    def password(self, page: Page, name: str, password: str) -> None:
        """Fills in the first form."""
        page.goto(f"{self.address}/sign-in")
        page.fill("#name", name)
        page.fill("#password", password)
        page.press("#password", "Enter")

    def code(self, secret: bytes) -> str:
        """Returns what the authenticator shows next."""
        self.clock.pass_s(30)
        return code_at(secret, self.clock.now().utc_s)


@pytest.fixture
def desk(tmp_path: Path, browser: Browser) -> Iterator[Desk]:
    clock = StandingClock()
    config = make_config(tmp_path / "data").model_copy(
        update={"accounts": Accounts(second_factor_roles=("security",))}
    )
    wiring.initialise(config, clock)
    backend = wiring.open_backend(config, clock=clock)
    for name, role in (("gus", Role.GUARD), ("ada", Role.ADMIN)):
        accounts.create_operator(backend, local_actor(), name=name, password=PASSWORD, role=role)
    with running(create_app(backend), backend.feed) as address:
        # A passkey is tied to a name: browsers make none for an address in numbers.
        made = Desk(backend, clock, address.replace("127.0.0.1", "localhost"), browser)
        yield made
        for context in browser.contexts:
            context.close()
    backend.store.close()
    assert made.complaints == []


def secret_in(page: Page) -> bytes:
    """Reads the picture as an authenticator does."""
    shot = Image.open(io.BytesIO(page.locator(".enrol-code").screenshot()))
    (code,) = zxingcpp.read_barcodes(shot)
    link = urlsplit(code.text)
    asked = parse_qs(link.query)
    assert (link.scheme, link.netloc, asked["issuer"]) == ("otpauth", "totp", ["Doorward main"])
    written = "".join((page.locator(".enrol-steps .once").text_content() or "").split())
    assert asked["secret"] == [written]
    return b32decode(written + "=" * (-len(written) % 8))


def test_a_new_colleague_changes_the_password_sets_up_a_factor_and_signs_in_with_it(
    desk: Desk,
) -> None:
    first = accounts.create_account(desk.backend, local_actor(), name="sam", role=Role.SECURITY)
    page = desk.page()
    desk.password(page, "sam", first)
    page.wait_for_url("**/account/password")
    page.goto(f"{desk.address}/scans")
    page.wait_for_url("**/account/password")
    page.fill("#current", first)
    page.fill("#new", NEW_PASSWORD)
    page.fill("#again", NEW_PASSWORD)
    page.press("#again", "Enter")
    page.wait_for_url("**/account/second-factor")
    page.get_by_role("button", name="Set up").click()
    secret = secret_in(page)
    page.fill("#code", "000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_text("The code is wrong.")).to_be_visible()
    desk.complaints.clear()  # the browser complains of every 422
    page.fill("#code", code_at(secret, desk.clock.now().utc_s))
    page.get_by_role("button", name="Turn it on").click()
    codes = page.locator(".once-list .once").all_text_contents()
    assert len(codes) == 10
    page.get_by_role("link", name="I have kept them").click()
    page.wait_for_url("**/account")

    other = desk.page("zh-CN", PHONE)
    desk.password(other, "sam", NEW_PASSWORD)
    other.wait_for_url("**/sign-in/second?**")
    other.fill("#code", desk.code(secret))
    other.press("#code", "Enter")
    other.wait_for_url(f"{desk.address}/")
    third = desk.page()
    desk.password(third, "sam", NEW_PASSWORD)
    third.wait_for_url("**/sign-in/second?**")
    third.fill("#code", codes[0])
    third.press("#code", "Enter")
    third.wait_for_url(f"{desk.address}/")


def authenticator(page: Page) -> CDPSession:
    """Gives the browser a device that makes passkeys and is unlocked by its owner."""
    line = page.context.new_cdp_session(page)
    line.send("WebAuthn.enable")
    line.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )
    return line


def test_a_passkey_is_made_signs_in_alone_and_proves_again(desk: Desk) -> None:
    page = desk.page()
    authenticator(page)
    desk.password(page, "gus", PASSWORD)
    page.wait_for_url(f"{desk.address}/")
    page.goto(f"{desk.address}/account/second-factor")
    page.fill("#label", "Work phone <b>1</b>")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator(".once-list .once")).to_have_count(10)
    page.goto(f"{desk.address}/account/second-factor")
    expect(page.get_by_text("Work phone <b>1</b>")).to_be_visible()

    page.context.clear_cookies()
    page.goto(f"{desk.address}/sign-in?to=/account")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/account")
    expect(page.locator("table").get_by_text("Passkey")).to_be_visible()

    desk.clock.pass_s(600)
    page.goto(f"{desk.address}/account/tokens")
    page.wait_for_url("**/confirm?**")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/account/tokens")

    page.context.clear_cookies()
    desk.password(page, "gus", PASSWORD)
    page.wait_for_url("**/sign-in/second?**")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{desk.address}/")


def test_a_passkey_that_its_owner_does_not_unlock_opens_nothing_and_says_so(desk: Desk) -> None:
    page = desk.page()
    page.goto(f"{desk.address}/sign-in")
    cancel = "() => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    page.evaluate(f"() => {{ navigator.credentials.get = {cancel}; }}")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("The browser gave no passkey.")).to_be_visible()
    assert page.url.endswith("/sign-in")


def test_an_administrator_makes_an_account_and_its_owner_takes_it_over(desk: Desk) -> None:
    page = desk.page()
    desk.password(page, "ada", PASSWORD)
    page.wait_for_url(f"{desk.address}/")
    page.goto(f"{desk.address}/accounts")
    page.fill("#name", "ina")
    page.select_option("#role", "issuer")
    page.get_by_role("button", name="Make the account").click()
    first = page.locator(".once-big").text_content()
    assert first
    theirs = desk.page("zh-CN", PHONE)
    desk.password(theirs, "ina", first)
    theirs.wait_for_url("**/account/password")
    page.goto(f"{desk.address}/accounts/ina")
    page.get_by_text("Close…").click()
    page.get_by_role("button", name="Close the account").click()
    expect(page.get_by_text("The account is closed.")).to_be_visible()
    theirs.goto(f"{desk.address}/")
    theirs.wait_for_url("**/sign-in?**")


PATHS = (
    *("/account", "/account/password", "/account/second-factor", "/account/tokens"),
    *("/permissions", "/accounts", "/accounts/gus", "/confirm"),
)


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
@pytest.mark.parametrize("size", [DESK, PHONE])
def test_pages_of_accounts_can_be_used_by_everybody(
    desk: Desk, language: str, size: tuple[int, int]
) -> None:
    page = desk.page(language, size)
    assert problems_at(page, f"{desk.address}/sign-in") == []
    desk.password(page, "ada", PASSWORD)
    page.wait_for_url(f"{desk.address}/")
    found = {path: problems_at(page, f"{desk.address}{path}") for path in PATHS}
    assert {path: problems for path, problems in found.items() if problems} == {}
