"""Every page for every role, in both languages, as a browser without scripts sees it."""

import re
from dataclasses import replace

import pytest

from doorward_controller.app import create_app
from doorward_controller.console import security
from doorward_controller.console.assets import edition
from doorward_controller.domain.permissions import Action, Role, may
from tests.controller.console.conftest import HOLDER, Plant, token_of
from tests.fakes.running_server import running

PAGES = {
    "/": Action.READ_FLEET,
    "/overview/part": Action.READ_FLEET,
    "/overview/rate.json": Action.READ_RECORDS,
    "/scans": Action.READ_RECORDS,
    "/scans/1": Action.READ_RECORDS,
    "/gateways": Action.READ_FLEET,
    "/gateways/part": Action.READ_FLEET,
    "/gateways/near": Action.READ_FLEET,
    "/gateways/far/part": Action.READ_FLEET,
    "/gateways/near/commands/part": Action.READ_FLEET,
    "/gateways/near/configuration": Action.READ_FLEET,
    "/gateways/near/configuration/part": Action.READ_FLEET,
    "/gateways/near/configuration/history": Action.READ_FLEET,
    "/roll-outs": Action.READ_FLEET,
    "/roll-outs/new": Action.ROLL_OUT,
    "/roll-outs/new?what=update_software&gateways=near": Action.ROLL_OUT,
    "/releases": Action.READ_FLEET,
    "/releases/part": Action.READ_FLEET,
    "/staff": Action.MANAGE_STAFF,
    "/staff/part": Action.MANAGE_STAFF,
    "/gateways/near/history/part": Action.READ_FLEET,
    "/gateways/near/revoke": Action.REVOKE_GATEWAY,
    "/enrolments": Action.ENROL_GATEWAY,
    "/enrolments/part": Action.ENROL_GATEWAY,
    "/enrolments/new": Action.ENROL_GATEWAY,
    "/enrolments/new?gateway=near": Action.ENROL_GATEWAY,
    "/devices": Action.READ_FLEET,
    "/alerts": Action.READ_FLEET,
    "/alerts?state=all&severity=alarm": Action.READ_FLEET,
    "/alert-rules": Action.READ_FLEET,
    "/alert-rules/metric.temperature_mc": Action.EDIT_ALERT_RULES,
    "/alert-rules/event.forced": Action.EDIT_ALERT_RULES,
    "/alert-rules/new": Action.EDIT_ALERT_RULES,
    "/alert-receivers": Action.EDIT_ALERT_RULES,
    "/walls": Action.MANAGE_WALL,
    "/webhooks": Action.MANAGE_WEBHOOKS,
    "/badges": Action.READ_CREDENTIALS,
    "/badges/new": Action.ISSUE,
    "/badges/{badge}": Action.READ_CREDENTIALS,
    "/badges/{badge}/part": Action.READ_CREDENTIALS,
    "/badges/{badge}/print": Action.ISSUE,
    "/badges/{badge}/code.svg": Action.ISSUE,
    "/maintenance": Action.READ_MAINTENANCE,
    "/maintenance?view=table": Action.READ_MAINTENANCE,
    "/maintenance/plans": Action.READ_MAINTENANCE,
    "/maintenance/plans/new": Action.DO_MAINTENANCE,
    "/maintenance/parts": Action.READ_MAINTENANCE,
    "/maintenance/figures": Action.READ_MAINTENANCE,
    "/maintenance/labels": Action.READ_MAINTENANCE,
    "/devices/near/life": Action.READ_MAINTENANCE,
    "/devices/near/label.svg": Action.READ_MAINTENANCE,
    "/policy": Action.READ_FLEET,
    "/policy/part": Action.READ_FLEET,
    "/policy/differences": Action.SIMULATE,
    "/policy/rerun": Action.SIMULATE,
    "/policy/rules": Action.READ_FLEET,
    "/policy/rules/portals/near-door": Action.READ_FLEET,
    "/policy/rules/calendar": Action.READ_FLEET,
    "/policy/rules/grants/new": Action.EDIT_RULES,
    "/policy/rules/grants/1-0": Action.EDIT_RULES,
    "/policy/rules/groups/new": Action.EDIT_RULES,
    "/policy/rules/groups/one/staff": Action.EDIT_RULES,
    "/policy/rules/zones/new": Action.EDIT_RULES,
    "/policy/rules/zones/one/site": Action.EDIT_RULES,
    "/policy/rules/qualifications/new": Action.EDIT_RULES,
    "/policy/rules/schedules/new": Action.EDIT_RULES,
    "/policy/rules/schedules/one/always": Action.EDIT_RULES,
    "/policy/rules/site": Action.EDIT_RULES,
    "/portals/choice": Action.READ_FLEET,
    "/postures": Action.READ_FLEET,
    "/postures/part": Action.READ_FLEET,
    "/approvals": Action.APPROVE,
    "/approvals/part": Action.APPROVE,
    "/revocations": Action.REVOKE_IN_BULK,
    "/keys": Action.READ_CREDENTIALS,
    "/keys/new?use=issue": Action.MANAGE_KEYS,
    "/revocations/work/part": Action.READ_CREDENTIALS,
    "/charts": Action.READ_RECORDS,
    "/inside": Action.READ_OCCUPANCY,
    "/inside/list": Action.READ_OCCUPANCY,
    "/keeping": Action.READ_KEEPING,
    "/keeping?count=1": Action.READ_KEEPING,
    "/backups": Action.READ_KEEPING,
    "/quarantine": Action.READ_QUARANTINE,
    "/audit": Action.READ_AUDIT,
    "/account": Action.OWN_ACCOUNT,
    "/account/password": Action.OWN_ACCOUNT,
    "/account/second-factor": Action.OWN_ACCOUNT,
    "/account/tokens": Action.OWN_ACCOUNT,
    "/confirm": Action.OWN_ACCOUNT,
    "/permissions": Action.READ_FLEET,
    "/accounts": Action.MANAGE_ACCOUNTS,
    "/accounts/gus": Action.MANAGE_ACCOUNTS,
    "/demo": Action.READ_FLEET,
    "/demo/part": Action.READ_FLEET,
}
LANGUAGES = ("en", "zh-CN,zh;q=0.9")


@pytest.mark.parametrize("role", Role)
def test_every_page_opens_for_the_roles_of_the_matrix_and_for_no_other(
    plant: Plant, role: Role
) -> None:
    client = plant.signed_in(role)
    for path, action in PAGES.items():
        answer = client.get(path.format(badge=plant.badge))
        assert answer.status_code == (200 if may(role, action) else 403), path


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_holds_inline_script_style_or_unescaped_text(plant: Plant, language: str) -> None:
    for role in Role:
        client = plant.signed_in(role, language)
        for path in PAGES:
            page = client.get(path.format(badge=plant.badge)).text
            if path.endswith(".svg"):
                continue
            assert not re.search(r"<script(?![^>]* src=)|<style|<[^>]*\s(style|on[a-z]+)=", page)
            assert "<b>Hopper" not in page, path
            assert "<script>alert" not in page, path


def test_pages_speak_the_language_that_the_browser_asks_for(plant: Plant) -> None:
    assert "Newest scans" in plant.signed_in(Role.SECURITY, "en-GB").get("/").text
    chinese = plant.signed_in(Role.SECURITY, "zh-CN").get("/").text
    assert "最新扫码" in chinese
    assert '<html lang="zh-Hans"' in chinese


def test_a_chosen_language_counts_more_than_the_browsers(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY, "zh-CN")
    token = token_of(client.get("/").text)
    answer = client.post(
        "/preferences", data={"csrf_token": token, "language": "en", "to": "/gateways"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/gateways")
    assert "Last heard of" in client.get("/gateways").text


def test_the_chosen_colours_stand_in_the_page_before_any_script_runs(plant: Plant) -> None:
    client = plant.visitor()
    token = token_of(client.get("/sign-in").text)
    client.post("/preferences", data={"csrf_token": token, "theme": "dark"})
    assert 'data-bs-theme="dark"' in client.get("/sign-in").text


def test_every_answer_carries_the_headers_that_keep_it_to_itself(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    for path in ("/", "/sign-in", "/nowhere", "/audit", "/static/console.css"):
        headers = client.get(path).headers
        for name, value in security.HEADERS.items():
            assert headers[name] == value, (path, name)
    assert "unsafe" not in security.CONTENT_SECURITY_POLICY


def test_pages_with_personal_data_are_not_kept_by_the_browser(plant: Plant) -> None:
    client = plant.signed_in(Role.ISSUER)
    for path in ("/badges", f"/badges/{plant.badge}", f"/badges/{plant.badge}/code.png"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_names_are_shown_to_security_and_hidden_from_auditors(plant: Plant) -> None:
    shown = HOLDER.replace("<", "&lt;").replace(">", "&gt;")
    assert shown in plant.signed_in(Role.SECURITY).get("/scans").text
    page = plant.signed_in(Role.AUDITOR).get("/scans").text
    assert "Hopper" not in page
    assert "Name hidden" in page


def test_a_page_that_refreshes_itself_is_one_look_at_a_name(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    for _ in range(5):
        client.get("/overview/part")
    log = plant.signed_in(Role.AUDITOR).get("/audit").text
    assert log.count('data-label="Did what">Looked at names<') == 1


def test_a_refused_look_stands_in_the_audit_log(plant: Plant) -> None:
    assert plant.signed_in(Role.ADMIN).get("/scans").status_code == 403
    log = plant.signed_in(Role.AUDITOR).get("/audit").text
    assert "Looked at scans" in log
    assert "Forbidden" in log


def test_who_has_not_signed_in_is_sent_to_sign_in_and_back(plant: Plant) -> None:
    answer = plant.visitor().get("/scans?outcome=deny")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?to=%2Fscans%3Foutcome%3Ddeny"


def test_what_does_not_exist_has_a_friendly_page(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    for path in ("/nowhere", "/scans/999", "/gateways/none", f"/badges/{'0' * 16}", "/badges/x"):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "Go to the overview" in answer.text


def test_without_a_demonstration_there_is_no_page_for_it(plant: Plant) -> None:
    assert "/demo" in plant.signed_in(Role.SECURITY).get("/").text
    with running(create_app(plant.backend), plant.backend.feed) as address:
        client = replace(plant, address=address).signed_in(Role.SECURITY)
        assert "/demo" not in client.get("/").text
        assert client.get("/demo").status_code == 404


def test_an_unreachable_gateway_says_since_when(plant: Plant) -> None:
    page = plant.signed_in(Role.SECURITY).get("/gateways/far").text
    assert "Unreachable since" in page


def test_a_scan_says_why_it_went_as_it_did(plant: Plant) -> None:
    page = plant.signed_in(Role.SECURITY).get("/scans/1").text
    for said in ("10:staff&gt;site@always", "7 minutes", "policy snapshot lists the badge"):
        assert said in page


@pytest.mark.parametrize(
    ("role", "language", "said"),
    [
        (Role.SECURITY, "en", ("By hand", "The phone was dead", "g-07", "Visitor 17", "her host")),
        (Role.SECURITY, "zh", ("人工登记", "手机没电", "g-07", "Visitor 17")),
        (Role.AUDITOR, "en", ("By hand", "The phone was dead", "g-07")),
    ],
)
def test_who_was_let_in_by_hand_is_marked_and_named_only_to_who_may_read_it(
    plant: Plant, role: Role, language: str, said: tuple[str, ...]
) -> None:
    plant.near.by_hand()
    client = plant.signed_in(role, language)
    feed = client.get("/scans").text
    assert ("by hand" if language == "en" else "人工") in feed
    assert "Visitor 17" not in feed
    newest = max(int(number) for number in re.findall(r'id="scan-(\d+)"', feed))
    page = client.get(f"/scans/{newest}").text
    assert [words for words in said if words not in page] == []
    assert ("Visitor 17" in page) == (role is Role.SECURITY)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("outcome=deny", 200),
        ("reason=revoked&gateway=near", 200),
        ("badge=zz", 422),
        ("outcome=<b>", 422),
        ("cursor=%00", 422),
    ],
)
def test_any_filter_gives_a_page(plant: Plant, query: str, status: int) -> None:
    assert plant.signed_in(Role.SECURITY).get(f"/scans?{query}").status_code == status


def test_static_files_are_compressed_and_kept_under_an_address_that_changes_with_them(
    plant: Plant,
) -> None:
    client = plant.visitor()
    page = client.get("/sign-in").text
    assert f"/static/console.css?v={edition()}" in page
    assert not re.search(r"/static/[^\"?#]+[\"#]", page)
    sheet = client.get("/static/vendor/tabler.min.css")
    assert sheet.headers["content-encoding"] == "gzip"
    assert "immutable" in sheet.headers["cache-control"]
    assert "content-encoding" not in client.get("/sign-in").headers
