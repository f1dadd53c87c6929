"""A gateway's configuration in a real browser: changed, refused in place, taken, applied, kept.

The gateway is fed by hand, the rest is real: server, database, intake, Chromium.
"""

import pytest
from playwright.sync_api import Page, expect

from doorward import topics
from doorward.ids import GatewayId
from doorward.messages import Applied, Reported
from doorward.times import UtcSeconds
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.queries import commands
from doorward_controller.services import accounts
from tests.system.accessibility import problems_of
from tests.system.test_console_browser import (
    DESK,
    PASSWORD,
    PHONE,
    Desk,
    desk,
)

__all__ = ["desk"]  # a fixture

pytestmark = pytest.mark.browser

WORDS = {
    "en-GB": {
        "differs": "Differs",
        "pending": "The gateway has taken version 1",
        "trial": "Version 1 counts, on trial until",
        "bounds": "This is out of bounds.",
        "restart": "Restart now",
        "apply": "Apply now…",
    },
    "zh-CN": {
        "differs": "不一致",
        "pending": "网关已接收版本 1",
        "trial": "版本 1 已生效，试用至",
        "bounds": "超出范围。",
        "restart": "立即重启",
        "apply": "立即生效…",
    },
}
HELD = "portal.near-door.held_s"


@pytest.fixture
def admin(desk: Desk) -> Desk:
    accounts.create_operator(
        desk.backend, local_actor(), name="ada", password=PASSWORD, role=Role.ADMIN
    )
    return desk


def report(desk: Desk, in_force: int, taken: int, *pending: str) -> None:
    said = Reported(
        applied=Applied(config=in_force),
        rejected=(),
        pending=pending,
        config_taken=taken,
        at=UtcSeconds(desk.backend.clock.now().utc_s),
    )
    topic = topics.up(desk.backend.config.site, GatewayId("near"), topics.Up.REPORTED)
    message = Inbound(topic=topic, wire=said.to_wire(), confirm=lambda: None)
    Writer(desk.backend).process([message])


def check_fits_and_is_accessible(page: Page) -> None:
    assert problems_of(page) == []


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("language", "size"), [("en-GB", DESK), ("zh-CN", PHONE)], ids=["desk", "phone"]
)
def test_settings_are_changed_taken_and_applied_while_the_page_stays_open(
    admin: Desk, language: str, size: tuple[int, int]
) -> None:
    words = WORDS[language]
    page = admin.open("ada", language, size)
    page.goto(f"{admin.address}/gateways/near")
    page.click(".crumbs-end")
    page.fill(f'[name="{HELD}"]', "999")
    with page.expect_response(lambda answer: answer.status == 422):
        page.click("#change .card-footer button")
    expect(page.locator(".field-fault")).to_contain_text(words["bounds"])
    admin.complaints[:] = [each for each in admin.complaints if "422" not in each]
    page.fill(f'[name="{HELD}"]', "2.5")
    page.click("#change .card-footer button")
    page.wait_for_url("**/configuration?done=desired")
    expect(page.locator("tr.is-different")).to_contain_text(words["differs"])
    check_fits_and_is_accessible(page)
    report(admin, 0, 1, HELD)
    expect(page.locator("main")).to_contain_text(words["pending"])
    page.get_by_text(words["apply"]).click()
    page.get_by_role("button", name=words["restart"]).click()
    page.wait_for_url("**/configuration?done=restarting")
    assert commands.newest(admin.backend.store, "near", 1)[0].name == "restart"
    report(admin, 1, 1)
    expect(page.locator("main")).to_contain_text(words["trial"])
    expect(page.locator("tr.is-different")).to_have_count(0)
