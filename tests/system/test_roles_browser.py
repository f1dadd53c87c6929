"""The main task of each role in a real browser, from signing in to what became of it.

Issuer and security: test_console_browser (a badge from issue to refusal). Facility staff:
test_maintenance_browser. Reviewer: test_console_browser (approval). System administrator:
test_accounts_browser and test_configuration_browser. Here are the others, and security's lockdown.
"""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from doorward.policy import Posture
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.queries import alerts, audit_trail, commands
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.services import accounts, postures
from tests.controller.test_alerts import event
from tests.system.test_console_browser import PASSWORD, PHONE, Desk, desk, issue

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
__all__ = ["desk"]
"""A fixture of the console's own browser tests."""


def hire(desk: Desk, name: str, role: Role) -> None:
    accounts.create_operator(desk.backend, local_actor(), name=name, password=PASSWORD, role=role)


def test_a_guard_sees_an_alert_on_a_phone_takes_it_and_opens_the_door(desk: Desk) -> None:
    hire(desk, "gus", Role.GUARD)
    page = desk.open("gus", size=PHONE)
    event(desk.near, "tamper_opened")
    page.goto(f"{desk.address}/alerts")
    page.get_by_role("link", name=re.compile("A housing was opened")).first.click()
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".page-head .chip").last).to_contain_text("Acknowledged")
    (row,) = alerts.page(desk.backend.store, alerts.AlertFilter()).items
    assert row.acknowledged_by == "gus"
    page.goto(f"{desk.address}/gateways/near")
    page.get_by_text("Open near-door once…").click()
    page.get_by_role("button", name="Open now").click()
    expect(page.locator(".commands").first).to_contain_text("asked by gus")
    (told,) = commands.newest(desk.backend.store, "near", 5)
    assert (told.name, told.asked_by) == ("open_once", "gus")


def test_an_auditor_finds_a_refusal_takes_it_along_and_checks_the_log(
    desk: Desk, tmp_path: Path
) -> None:
    issuer = desk.open("ivy")
    badge = issue(issuer, "Issue a badge", "Grace Hopper")
    desk.near.scan("granted", badge)
    desk.near.scan("revoked", badge)
    page = desk.open("ann")
    page.goto(f"{desk.address}/scans")
    page.select_option("[name=outcome]", "deny")
    expect(page.locator("#feed tr, .scans tbody tr")).to_have_count(1)
    expect(page.locator(".scans")).to_contain_text("Name hidden")
    page.get_by_text("Take this search along as a file").click()
    page.fill("[name=purpose]", "request 4711")
    with page.expect_download() as download:
        page.locator("form", has=page.locator("[name=purpose]")).get_by_role("button").first.click()
    file = tmp_path / "records.csv"
    download.value.save_as(file)
    kept = file.read_text("utf-8-sig")
    assert badge in kept
    assert "Grace" not in kept
    page.goto(f"{desk.address}/audit")
    page.get_by_role("button", name="Check the chain").click()
    expect(page.locator(".notice-good")).to_be_visible()
    entries = audit_trail.page(desk.backend.store, AuditFilter(actor="ann")).items
    assert any("export" in entry.action for entry in entries)


def test_a_host_sees_whether_the_gates_work_and_nothing_of_anybody(desk: Desk) -> None:
    hire(desk, "hal", Role.HOST)
    desk.far.connect(online=False)
    page = desk.open("hal")
    expect(page.get_by_text("Scans are not shown to your role")).to_be_visible()
    page.get_by_role("link", name="All gateways").click()
    expect(page.get_by_role("link", name="near", exact=True)).to_be_visible()
    page.get_by_role("link", name="far", exact=True).click()
    expect(page.get_by_text("Unreachable since")).to_be_visible()
    for name in ("Scans", "Badges", "Audit log", "Accounts"):
        expect(page.locator(".side-nav").get_by_role("link", name=name)).to_have_count(0)
    for path in ("/scans", "/badges", "/inside", "/audit"):
        answer = page.request.get(f"{desk.address}{path}")
        assert answer.status == 403, path


def test_security_locks_the_site_down_and_ends_it_after_being_asked(desk: Desk) -> None:
    page = desk.open("sam")
    page.goto(f"{desk.address}/postures")
    page.get_by_text("Lockdown…").click()
    page.locator(".act[open] button[type=submit]").click()
    (order,) = postures.standing_orders(desk.backend)
    assert order.posture is Posture.LOCKDOWN
    page.get_by_text("End it…").click()
    expect(page.get_by_text("People can pass there again")).to_be_visible()
    # A part that exchanges itself leaves an open question alone.
    with page.expect_response("**/postures/part*"):
        desk.far.connect(online=False)
    page.wait_for_timeout(300)
    expect(page.get_by_text("People can pass there again")).to_be_visible()
    page.locator(".act[open] [name=note]").fill("all clear")
    page.get_by_role("button", name="End it now").click()
    expect(page.get_by_text("all clear")).to_be_visible()
    assert postures.standing_orders(desk.backend) == ()
