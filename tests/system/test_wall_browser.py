"""The wall screen in a real browser: it follows the fleet, and keeps what it last saw."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from doorward_controller import wiring
from doorward_controller.app import create_app
from doorward_controller.clock import SystemClock
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.services import wall_screens
from tests.controller.conftest import make_config
from tests.controller.test_alerts import event
from tests.fakes.controller_link import FakeLink
from tests.fakes.fed_gateway import FedGateway
from tests.fakes.running_server import running

pytestmark = pytest.mark.browser

SECURITY = Actor(name="sam", role=Role.SECURITY)
WAIT_MS = 20_000


def test_the_screen_follows_the_fleet_and_keeps_its_last_state(
    tmp_path: Path, browser: Browser
) -> None:
    config, clock = make_config(tmp_path / "data"), SystemClock()
    wiring.initialise(config, clock)
    backend = wiring.open_backend(config, clock=clock, publisher=FakeLink())
    near = FedGateway(backend, "near")
    near.enrol(label="East door")
    near.connect()
    made = wall_screens.add_screen(backend, SECURITY, label="Room", days=1)
    asked: list[str] = []
    with running(create_app(backend), backend.feed) as address:
        context = browser.new_context(locale="en-GB", viewport={"width": 1920, "height": 1080})
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/wall/{made.token}")
        tile = page.locator(".tile")
        expect(tile).to_contain_text("East door")
        expect(tile).to_contain_text("On time")
        event(near, "forced")
        expect(tile).to_contain_text("Forced open", timeout=WAIT_MS)
        expect(tile).to_have_attribute("data-tone", "bad")
        context.set_offline(True)
        age = page.locator("#age")
        expect(age).to_contain_text("The controller does not answer", timeout=WAIT_MS)
        expect(tile).to_contain_text("Forced open")
        context.set_offline(False)
        expect(age).to_contain_text("Newest data", timeout=WAIT_MS)
        wall_screens.revoke_screen(backend, SECURITY, made.id)
        expect(page.get_by_text("This address has ended.")).to_be_visible(timeout=WAIT_MS)
        context.close()
    backend.store.close()
    assert [url for url in asked if not url.startswith((f"{address}/", "data:"))] == []
