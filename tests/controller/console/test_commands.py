"""The commands on a gateway's page: who has which button, what is confirmed, what is shown."""

from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest

from doorward import topics
from doorward.commands import CommandName
from doorward.outcomes import Attachment, AttachmentKind, JobState, Outcome
from doorward.sealing import seal_attachment
from doorward.times import UtcSeconds
from doorward_controller.console.commands import ELSEWHERE
from doorward_controller.domain.permissions import Role
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.queries import audit_trail, commands
from doorward_controller.services import rules
from tests.controller.console.conftest import Plant, token_of

PAGE = "/gateways/near"
UPKEEP = {Role.SECURITY, Role.ADMIN, Role.FACILITY}
DOORS = {Role.SECURITY, Role.GUARD}
BUTTONS = {
    "open_once": DOORS,
    "hold_open": DOORS,
    "secure": DOORS,
    "posture": DOORS,
    "identify": UPKEEP,
    "self_test": UPKEEP,
    "take_picture": {Role.SECURITY},
    "restart": UPKEEP,
    "send_log": UPKEEP,
    "resend_records": UPKEEP,
}


def give(client: httpx.Client, name: str, **fields: str) -> httpx.Response:
    token = token_of(client.get(PAGE).text)
    form = {"csrf_token": token, "name": name} | fields
    return client.post(f"{PAGE}/commands", data=form)


@pytest.mark.parametrize("role", Role)
def test_each_role_has_the_buttons_that_it_may_press(plant: Plant, role: Role) -> None:
    page = plant.signed_in(role).get(PAGE).text
    shown = {name for name in BUTTONS if f'name="name" value="{name}"' in page}
    assert shown == {name for name, roles in BUTTONS.items() if role in roles}


def test_a_command_is_given_and_stands_on_the_page(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    answer = give(client, "open_once", portal="near-door")
    assert answer.headers["location"] == f"{PAGE}?done=commanded"
    (row,) = commands.newest(plant.backend.store, "near", 10)
    assert (row.name, row.arguments) == ("open_once", {"portal": "near-door"})
    part = client.get(f"{PAGE}/commands/part").text
    assert "Open once" in part
    assert "Sent" in part


def test_what_hurts_asks_first(plant: Plant) -> None:
    page = plant.signed_in(Role.SECURITY).get(PAGE).text
    for name in BUTTONS.keys() - {"identify", "self_test"}:
        form = page[: page.index(f'value="{name}"')]
        assert form.rfind("<details") > form.rfind("</details>"), name


def test_a_role_without_the_right_is_refused_and_nothing_is_sent(plant: Plant) -> None:
    answer = give(plant.signed_in(Role.ADMIN), "open_once", portal="near-door")
    assert answer.status_code == 403
    assert commands.newest(plant.backend.store, "near", 10) == ()


@pytest.mark.parametrize("fields", [{"name": "open_all"}, {"name": ""}, {"name": "open_once"}])
def test_a_form_that_nobody_made_is_refused_in_words(plant: Plant, fields: dict[str, str]) -> None:
    answer = give(plant.signed_in(Role.SECURITY), **fields)
    assert answer.status_code == 422
    assert commands.newest(plant.backend.store, "near", 10) == ()


def test_the_page_speaks_chinese(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY, "zh-CN,zh;q=0.9")
    give(client, "self_test")
    part = client.get(f"{PAGE}/commands/part").text
    assert "自检" in part
    assert "已发送" in part


def test_every_command_that_is_for_a_gateway_has_a_button() -> None:
    assert BUTTONS.keys() == {name.value for name in CommandName} - ELSEWHERE


GIVEN: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "hold_open": (
        {"portal": "near-door", "until": "{until}"},
        {"portal": "near-door", "until": "{until_s}"},
    ),
    "secure": ({"portal": "near-door"}, {"portal": "near-door"}),
    "posture": (
        {"portal": "near-door", "posture": "lockdown", "until": "", "rank": "3"},
        {"portal": "near-door", "posture": "lockdown", "until": 0, "rank": 3},
    ),
    "take_picture": ({"portal": "near-door"}, {"portal": "near-door"}),
    "send_log": ({"lines": "50"}, {"lines": 50}),
    "resend_records": (
        {"epoch": "0000000000e0", "first_seq": "2"},
        {"epoch": 0xE0, "first_seq": 2},
    ),
}


@pytest.mark.parametrize("name", GIVEN)
def test_what_a_form_says_is_what_the_gateway_is_told(plant: Plant, name: str) -> None:
    fields, arguments = GIVEN[name]
    until_s = plant.backend.clock.now().utc_s // 60 * 60 + 600
    zone = ZoneInfo(rules.current(plant.backend).time_zone)
    until = datetime.fromtimestamp(until_s, zone).strftime("%Y-%m-%dT%H:%M")
    fields = {key: value.format(until=until) for key, value in fields.items()}
    answer = give(plant.signed_in(Role.SECURITY), name, **fields)
    assert answer.status_code == 303, answer.text
    (row,) = commands.newest(plant.backend.store, "near", 10)
    expected = {k: until_s if v == "{until_s}" else v for k, v in arguments.items()}
    assert (row.name, dict(row.arguments)) == (name, expected)


BAD: dict[str, dict[str, str]] = {
    "no time": {"name": "hold_open", "portal": "near-door", "until": "soon"},
    "too long": {"name": "hold_open", "portal": "near-door", "until": "2099-01-01T00:00"},
    "no number": {"name": "send_log", "lines": "many"},
    "no journal": {"name": "resend_records", "epoch": "xyz", "first_seq": "1"},
    "another portal": {"name": "secure", "portal": "far-door"},
    "what does not belong": {"name": "restart", "lines": "5"},
}


@pytest.mark.parametrize("sentence", BAD)
def test_a_field_that_nobody_could_mean_is_refused(plant: Plant, sentence: str) -> None:
    fields = dict(BAD[sentence])
    answer = give(plant.signed_in(Role.SECURITY), fields.pop("name"), **fields)
    assert answer.status_code == 422
    assert commands.newest(plant.backend.store, "near", 10) == ()


def test_what_waits_is_taken_back_and_what_was_sent_is_not(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    token = token_of(client.get(PAGE).text)
    form = {"csrf_token": token, "name": "identify"}
    for gateway in ("near", "far"):
        client.post(f"/gateways/{gateway}/commands", data=form)
    (sent,) = commands.newest(plant.backend.store, "near", 1)
    (waits,) = commands.newest(plant.backend.store, "far", 1)
    assert f"{sent.id}/cancel" not in client.get("/gateways/near/commands/part").text
    path = f"/gateways/far/commands/{waits.id}/cancel"
    assert path in client.get("/gateways/far/commands/part").text
    assert path not in plant.signed_in(Role.AUDITOR).get("/gateways/far/commands/part").text
    assert client.post(path, data=form).headers["location"] == "/gateways/far?done=taken-back"
    assert "Taken back" in client.get("/gateways/far/commands/part").text
    answer = client.post(f"/gateways/near/commands/{sent.id}/cancel", data=form)
    assert answer.status_code == 409


def bring_back(plant: Plant, kind: AttachmentKind, plain: bytes) -> str:
    """Has the gateway answer the newest command with something; returns the command's id."""
    (row,) = commands.newest(plant.backend.store, "near", 1)
    gateway = plant.near.journal
    sealed = seal_attachment(plain, plant.backend.keys.intake.public_key(), gateway.name, row.id)
    outcome = Outcome(
        site=gateway.site,
        gateway=gateway.name,
        id=row.id,
        state=JobState.SUCCEEDED,
        seq=1,
        at=UtcSeconds(0),
        attachment=Attachment(kind=kind, is_personal=kind is AttachmentKind.PICTURE, sealed=sealed),
    )
    topic = topics.up(gateway.site, gateway.name, topics.Up.OUTCOME, row.id)
    wire = outcome.sealed_with(gateway.signer)
    Writer(plant.backend).process([Inbound(topic=topic, wire=wire, confirm=lambda: None)])
    return row.id


def test_a_log_comes_as_a_file(plant: Plant) -> None:
    client = plant.signed_in(Role.ADMIN)
    give(client, "send_log", lines="5")
    path = f"{PAGE}/commands/{bring_back(plant, AttachmentKind.LOG, b'<b>line</b>')}/attachment"
    assert path in client.get(f"{PAGE}/commands/part").text
    answer = client.get(path)
    assert answer.text == "<b>line</b>"
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert plant.signed_in(Role.HOST).get(path).status_code == 403


def test_a_picture_is_for_who_may_see_people_and_each_look_is_audited(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    give(client, "take_picture", portal="near-door")
    command_id = bring_back(plant, AttachmentKind.PICTURE, b"\xff\xd8picture")
    page = f"{PAGE}/commands/{command_id}/picture"
    assert page in client.get(f"{PAGE}/commands/part").text
    assert _looks(plant) == 0
    shown = client.get(page).text
    assert f'src="{PAGE}/commands/{command_id}/attachment"' in shown
    assert client.get(f"{PAGE}/commands/{command_id}/attachment").content[:2] == b"\xff\xd8"
    assert _looks(plant) == 1
    admin = plant.signed_in(Role.ADMIN)
    assert "Pictures are not shown to your role." in admin.get(f"{PAGE}/commands/part").text
    for path in (page, f"{PAGE}/commands/{command_id}/attachment"):
        assert admin.get(path).status_code == 403


def test_what_another_gateway_brought_back_is_not_found_here(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    give(client, "send_log", lines="5")
    command_id = bring_back(plant, AttachmentKind.LOG, b"line")
    for path in (f"/gateways/far/commands/{command_id}", f"{PAGE}/commands/{'f' * 32}"):
        assert client.get(f"{path}/attachment").status_code == 404


def _looks(plant: Plant) -> int:
    page = audit_trail.page(
        plant.backend.store,
        audit_trail.AuditFilter(action="read_attachment"),
        cursor=None,
        limit=50,
    )
    return sum(row.outcome == "done" for row in page.items)
