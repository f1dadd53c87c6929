"""Signing in by the organisation's account in a real browser, whose rules for cookies count.

The provider is another site than the console (127.0.0.1 and localhost): what a browser keeps back
on the way from there is kept back here too.
"""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from doorward_controller import wiring
from doorward_controller.app import create_app
from doorward_controller.config import Accounts, Http
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.services import accounts, outside_accounts, sign_in
from tests.controller.conftest import StandingClock, make_config
from tests.controller.test_outside_sign_in import settings
from tests.fakes.controller_link import FakeLink
from tests.fakes.openid_provider import providing
from tests.fakes.running_server import running

pytestmark = pytest.mark.browser


def test_a_person_is_invited_and_signs_in_again_and_again(browser: Browser, tmp_path: Path) -> None:
    clock = StandingClock()
    with providing(lambda: clock.now().utc_s) as provider:
        config = make_config(tmp_path / "data").model_copy(
            update={
                "oidc": settings(provider, tmp_path, label="Example Corp"),
                "http": Http(secure_cookies=False, origin="http://localhost"),
                "accounts": Accounts(second_factor_roles=()),
            }
        )
        wiring.initialise(config, clock)
        backend = wiring.open_backend(config, clock=clock, publisher=FakeLink())
        accounts.create_account(backend, local_actor(), name="gus", role=Role.GUARD)
        token = outside_accounts.invite(backend, local_actor(), "gus")
        with running(create_app(backend), backend.feed) as at:
            console = f"http://localhost:{urlsplit(at).port}"
            assert backend.outside is not None
            backend.outside.origin = console
            context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
            page = context.new_page()
            page.goto(f"{console}/invited/{token}")
            page.get_by_role("link", name="Link my account at Example Corp").click()
            page.click("#yes")
            page.wait_for_url(f"{console}/")
            expect(page.get_by_role("heading", name="Overview")).to_be_visible()
            kept = {each["name"]: each for each in context.cookies()}
            assert kept[sign_in.COOKIE]["sameSite"] == "Strict"
            assert "doorward_outside" not in kept
            context.clear_cookies()
            page.goto(f"{console}/alerts")
            page.get_by_role("link", name="Sign in with Example Corp").click()
            page.click("#yes")
            page.wait_for_url(f"{console}/alerts")
            expect(page.get_by_role("heading", name="Alerts")).to_be_visible()
            context.close()
        backend.store.close()
