"""Maintenance in the console: forms, refusals in words, exports that open again, labels."""

import io
import re

import httpx
import numpy as np
import pypdf
import pytest
import zxingcpp
from openpyxl import load_workbook  # type: ignore[import-untyped]
from PIL import Image

from doorward.reasons import Severity
from doorward_controller.domain.alert_rules import Key, RuleKind
from doorward_controller.domain.alert_texts import Fact
from doorward_controller.domain.permissions import Role
from doorward_controller.store import alerts as alert_rows
from tests.controller.console.conftest import Plant
from tests.controller.console.test_forms import post

HOSTILE = '=HYPERLINK("http://evil.example","x") <script>alert(1)</script> 闸机摄像头'


def ask(client: httpx.Client, **changes: str) -> httpx.Response:
    fields = {"gateway": "near", "kind": "corrective", "priority": "high", "title": "No picture"}
    return post(client, "/maintenance/new", **(fields | changes))


def new_order(client: httpx.Client, **changes: str) -> str:
    """Asks for work and returns the order's path."""
    answer = ask(client, **changes)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("?")[0]


def to_work(plant: Plant, **changes: str) -> tuple[httpx.Client, str]:
    fay, sam = plant.signed_in(Role.FACILITY), plant.signed_in(Role.SECURITY)
    path = new_order(fay, **changes)
    post(sam, f"{path}/move", turn="approve")
    post(fay, f"{path}/move", turn="schedule", planned="2026-11-22T08:00", assignee="fay")
    post(fay, f"{path}/move", turn="start")
    return fay, path


def test_a_technician_takes_an_order_through_its_forms(plant: Plant) -> None:
    fay, path = to_work(plant, checklist="Lens clean\n\nSeals whole\n")
    assert "Work under way" in fay.get(path).text
    refused = post(fay, f"{path}/move", turn="finish")
    assert (refused.status_code, "checklist are still open" in refused.text) == (409, True)
    for position in (0, 1):
        answer = post(fay, f"{path}/checks/{position}", result="ok", note="")
        assert answer.headers["location"].endswith(f"#check-{position}")
    post(
        fay, f"{path}/write-up", failure_mode="no_picture", cause="wear", remedy="repaired",
        cost="12.5", currency="cny", labour_minutes="30",
    )  # fmt: skip
    assert post(fay, f"{path}/move", turn="finish").status_code == 303
    page = fay.get(path).text
    assert "¥12.50" in page
    assert "The work is done" not in page
    sam = plant.signed_in(Role.SECURITY)
    assert post(sam, f"{path}/move", turn="verify").status_code == 303
    assert "Verified" in sam.get(path).text


def test_an_order_names_the_component_that_it_is_about(plant: Plant) -> None:
    fay = plant.signed_in(Role.FACILITY)
    assert post(fay, "/gateways/near/components", kind="camera", serial="A<7>").status_code == 303
    form = fay.get("/maintenance/new?gateway=near").text
    number = re.search(r'<option value="(\d+)">Camera', form)
    assert number
    assert "A&lt;7&gt;" in fay.get("/maintenance/new/components?gateway=near").text
    assert "entered on the page" in fay.get("/maintenance/new/components?gateway=far").text
    assert "A&lt;7&gt;" in fay.get(new_order(fay, component=number[1])).text
    refused = ask(fay, gateway="far", component=number[1])
    assert (refused.status_code, "no such component" in refused.text) == (422, True)


def test_who_asked_is_told_that_somebody_else_approves(plant: Plant) -> None:
    sam = plant.signed_in(Role.SECURITY)
    path = new_order(sam)
    page = sam.get(path).text
    assert "Somebody else must approve" in page
    assert 'value="approve"' not in page
    refused = post(sam, f"{path}/move", turn="approve")
    assert (refused.status_code, "Somebody else must approve" in refused.text) == (403, True)


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"title": ""}, 422, "Say in a few words"),
        ({"gateway": "nowhere"}, 404, "There is no such device."),
        ({"due": "2020-01-01"}, 422, "must lie ahead"),
        ({"kind": "magic"}, 422, "This was refused"),
    ],
)
def test_a_form_that_is_refused_keeps_what_was_typed(
    plant: Plant, changes: dict[str, str], status: int, said: str
) -> None:
    answer = ask(plant.signed_in(Role.FACILITY), **({"instructions": "Kept <here>"} | changes))
    assert answer.status_code == status
    assert said in answer.text
    assert "Kept &lt;here&gt;" in answer.text


def test_a_plan_is_written_changed_and_approved_in_forms(plant: Plant) -> None:
    fay, sam = plant.signed_in(Role.FACILITY), plant.signed_in(Role.SECURITY)
    fields = {
        "name": "Exchange the lock", "kind": "preventive", "priority": "normal", "by": "meter",
        "meter": "running_s", "meter_every": "1000", "meter_warn": "50", "days_to_do": "7",
        "warn_days": "0", "gateways": "near",
    }  # fmt: skip
    assert post(fay, "/maintenance/plans/new", **fields).status_code == 303
    page = fay.get("/maintenance/plans").text
    assert "Hours in operation" in page
    assert "To be approved" in page
    path = re.search(r"/maintenance/plans/\d+", page)
    assert path is not None
    form = fay.get(path[0]).text
    assert 'value="1000"' in form, "hours, as they were typed"
    bad = post(fay, path[0], **(fields | {"meter_every": "0"}))
    assert (bad.status_code, "is not filled in right" in bad.text) == (422, True)
    assert post(sam, f"{path[0]}/state", act="approve").status_code == 303
    assert "Runs" in sam.get(path[0]).text


def test_a_part_that_runs_short_stands_first_and_says_so(plant: Plant) -> None:
    fay = plant.signed_in(Role.FACILITY)
    for number, name, stock in (("A-1", "Plenty", "9"), ("Z-9", "Few", "1")):
        added = post(
            fay, "/maintenance/parts", number=number, name=name, stock=stock, low_stock="2",
            cost="3,5", currency="CNY",
        )  # fmt: skip
        assert added.status_code == 303, added.text
    page = fay.get("/maintenance/parts").text
    assert page.index("Few") < page.index("Plenty")
    assert page.count("runs short") == 1
    refused = post(fay, "/maintenance/parts/1/stock", count="10", way="out")
    assert "not so many left" in refused.text


def test_a_photograph_is_shown_as_a_picture_and_nothing_else(plant: Plant) -> None:
    fay, path = to_work(plant)
    content = io.BytesIO()
    Image.new("RGB", (50, 40), "blue").save(content, "PNG")
    token = re.search(r'name="csrf_token" value="([^"]+)"', fay.get(path).text)
    assert token is not None
    answer = fay.post(
        f"{path}/photos",
        data={"csrf_token": token[1], "caption": HOSTILE},
        files={"photo": ("a.html", content.getvalue(), "text/html")},
    )
    assert answer.status_code == 303, answer.text
    source = re.search(rf"{path}/photos/\d+\.jpg", fay.get(path).text)
    assert source is not None
    picture = fay.get(source[0])
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in picture.headers["content-security-policy"]
    assert plant.signed_in(Role.GUARD).get(source[0]).status_code == 403
    assert plant.visitor().get(source[0]).status_code == 303
    rubbish = fay.post(
        f"{path}/photos",
        data={"csrf_token": token[1]},
        files={"photo": ("a.jpg", b"<svg onload=alert(1)>", "image/jpeg")},
    )
    assert (rubbish.status_code, "not a photograph" in rubbish.text) == (422, True)


def test_a_devices_life_as_pdf_holds_chinese_and_foreign_text_as_text(plant: Plant) -> None:
    new_order(plant.signed_in(Role.FACILITY), title=HOSTILE)
    answer = plant.signed_in(Role.AUDITOR, "zh-CN").get("/devices/near/life.pdf")
    assert answer.headers["content-type"] == "application/pdf"
    book = pypdf.PdfReader(io.BytesIO(answer.content))
    text = "".join("".join(page.extract_text().split()) for page in book.pages)
    for words in ("设备履历", "闸机摄像头", "alert(1)", "near"):
        assert words in text, words
    raw = answer.content
    assert b"/FontDescriptor" in raw
    assert b"/FontFile2" in raw or b"/FontFile3" in raw, "the letters are in the file"
    assert b"/JavaScript" not in raw
    assert b"/URI" not in raw


def test_a_devices_life_as_workbook_runs_no_formula(plant: Plant) -> None:
    new_order(plant.signed_in(Role.FACILITY), title=HOSTILE)
    answer = plant.signed_in(Role.AUDITOR).get("/devices/near/life.xlsx")
    sheet = load_workbook(io.BytesIO(answer.content)).active
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row if cell.value is not None]
    assert any("HYPERLINK" in str(cell.value) for cell in cells)
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}
    assert all(cell.hyperlink is None for cell in cells)


@pytest.mark.parametrize("extension", ["svg", "png", "pdf"])
def test_a_label_is_drawn_in_every_form(plant: Plant, extension: str) -> None:
    client = plant.signed_in(Role.FACILITY)
    assert client.get(f"/devices/near/label.{extension}").status_code == 200
    assert client.get(f"/devices/none/label.{extension}").status_code == 404
    assert client.get("/devices/near/label.exe").status_code == 404


def test_a_label_read_by_a_phone_leads_to_the_device_after_signing_in(plant: Plant) -> None:
    drawn = plant.signed_in(Role.FACILITY).get("/devices/near/label.png").content
    with Image.open(io.BytesIO(drawn)) as picture:
        (seen,) = zxingcpp.read_barcodes(np.asarray(picture.convert("L")))
    assert seen.text == f"{plant.address}/gateways/near"
    phone = plant.visitor().get(seen.text)
    assert phone.headers["location"] == "/sign-in?to=%2Fgateways%2Fnear"
    assert plant.signed_in(Role.FACILITY).get(seen.text).status_code == 200


def test_a_repair_seen_healthy_offers_to_verify(plant: Plant) -> None:
    fay, path = to_work(plant)
    post(fay, f"{path}/write-up", failure_mode="no_picture", cause="wear", remedy="repaired")
    post(fay, f"{path}/move", turn="finish")
    sam = plant.signed_in(Role.SECURITY)
    said = "reported itself healthy"
    assert said not in sam.get(path).text
    plant.backend.clock.pass_s(1_800)  # type: ignore[attr-defined]
    plant.near.report_health(pending=0, camera_fault=1)
    assert said not in sam.get(path).text
    plant.near.report_health(pending=0, camera_fault=0)
    assert said in sam.get(path).text
    assert "can be verified" in sam.get("/maintenance").text


@pytest.mark.parametrize("is_discreet", [False, True])
def test_an_alert_opens_its_order_once_and_a_discreet_one_none(
    plant: Plant, *, is_discreet: bool
) -> None:
    with plant.backend.store.write() as connection:
        number = alert_rows.add(
            connection,
            Key(rule="camera", subject="near"),
            Fact(kind=RuleKind.METRIC, what="camera_fault", place="near"),
            gateway="near",
            severity=Severity.ALARM,
            is_discreet=is_discreet,
            now_ms=plant.backend.clock.now().utc_ms,
        )
    sam = plant.signed_in(Role.SECURITY)
    button = f"/maintenance/from-alert/{number}"
    assert (button in sam.get(f"/alerts/{number}").text) is not is_discreet
    answers = [post(sam, button) for _ in range(2)]
    if is_discreet:
        assert [each.status_code for each in answers] == [404, 404]
        return
    assert len({each.headers["location"] for each in answers}) == 1
    assert "Camera fault" in sam.get(answers[0].headers["location"]).text
    assert post(plant.signed_in(Role.GUARD), button).status_code == 403
