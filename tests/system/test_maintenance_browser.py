"""A technician's whole order on a phone, in a real browser, up to the verified repair."""

import io
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.services import accounts
from tests.system.test_console_browser import PASSWORD, PHONE, Desk, desk

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
__all__ = ["desk"]
"""A fixture of the console's own browser tests."""

LEAST_FINGER_PX = 44
"""What WCAG 2.5.5 asks of a target; gloves need no less."""


def fits(page: Page) -> None:
    """Nothing hangs out at the side, and every large button is large enough."""
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    for button in page.locator(".btn-big:visible").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= LEAST_FINGER_PX


def test_a_technician_does_a_whole_order_on_a_phone(desk: Desk, tmp_path: Path) -> None:
    accounts.create_operator(
        desk.backend, local_actor(), name="fay", password=PASSWORD, role=Role.FACILITY
    )
    picture = io.BytesIO()
    Image.new("RGB", (1_200, 900), "green").save(picture, "JPEG")
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(picture.getvalue())

    fay = desk.open("fay", size=PHONE)
    fay.goto(f"{desk.address}/devices/near/life")
    fits(fay)
    fay.get_by_role("link", name="Ask for work").click()
    fay.fill("#title", "No picture at the gate")
    fay.select_option("#failure_mode", "no_picture")
    fay.fill("#checklist", "Lens clean\nSeals whole")
    fits(fay)
    fay.locator("main").get_by_role("button", name="Ask for work").click()
    expect(fay.get_by_text("Somebody else approves it.")).to_be_visible()
    expect(fay.get_by_role("button", name="Approve")).to_have_count(0)
    order = fay.url.partition("?")[0]

    sam = desk.open("sam")
    sam.goto(order)
    sam.get_by_role("button", name="Approve").click()
    expect(sam.locator(".chip-lg")).to_have_text(re.compile("Approved"))

    fay.goto(order)
    fits(fay)
    fay.get_by_role("button", name="Schedule").click()
    fay.get_by_role("button", name="Begin the work").click()
    expect(fay.locator(".chip-lg")).to_have_text(re.compile("Work under way"))
    fits(fay)
    for position in (0, 1):
        point = fay.locator(f"#check-{position}")
        point.get_by_role("button", name="In order").click()
        expect(point.locator(".chip-good")).to_be_visible()
    fay.set_input_files("#photo", photo)
    fay.get_by_role("button", name="Add the photograph").click()
    image = fay.locator(".photos img")
    expect(image).to_be_visible()
    image.scroll_into_view_if_needed()
    fay.wait_for_function("document.querySelector('.photos img').naturalWidth > 0")
    fay.select_option("#cause", "cabling")
    fay.select_option("#remedy", "repaired")
    fay.fill("#labour", "25")
    fay.get_by_role("button", name="Keep").first.click()
    fits(fay)
    fay.get_by_role("button", name="The work is done").click()
    expect(fay.locator(".chip-lg")).to_have_text(re.compile("Done"))
    expect(fay.get_by_role("button", name="Verify")).to_have_count(0)

    sam.goto(order)
    sam.get_by_role("button", name="Verify").click()
    expect(sam.locator(".chip-lg")).to_have_text(re.compile("Verified"))
    sam.goto(f"{desk.address}/devices/near/life")
    expect(sam.get_by_text("No picture at the gate")).to_be_visible()
