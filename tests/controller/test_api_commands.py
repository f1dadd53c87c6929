"""Commands and configurations over HTTP: answers, problems, and that each route is documented."""

from collections.abc import Iterator

import pytest

from doorward.outcomes import Attachment, AttachmentKind, JobState
from doorward.sealing import seal_attachment
from doorward_controller.app import API_ROOT
from doorward_controller.domain.permissions import Role
from doorward_controller.services.backend import Backend
from tests.controller.test_api import Caller, bearer, calling, check_problem
from tests.controller.test_commands import Desk
from tests.fakes.controller_link import FakeLink

COMMANDS = f"{API_ROOT}/gateways/gate-1/commands"
CONFIGURATION = f"{API_ROOT}/gateways/gate-1/configuration"
ANY = {"If-Match": "*"}


@pytest.fixture
def desk(backend: Backend, link: FakeLink) -> Desk:
    return Desk(backend, link)


@pytest.fixture
def client(desk: Desk) -> Iterator[Caller]:
    with calling(desk.backend) as caller:
        yield caller


def test_a_command_is_asked_for_and_followed(client: Caller, desk: Desk) -> None:
    guard = bearer(client, Role.SECURITY)
    body = {"name": "open_once", "arguments": {"portal": "north"}}
    answer = client.post(COMMANDS, json=body, headers=guard)
    assert answer.status_code == 202, answer.text
    asked = answer.json()
    assert (asked["state"], asked["is_over"], asked["asked_by"]) == (
        "queued",
        False,
        "op-security",
    )
    desk.say(desk.outcome(asked["id"], JobState.SUCCEEDED, 2, detail="released once"))
    shown = client.get(f"{API_ROOT}/commands/{asked['id']}", headers=guard).json()
    assert (shown["state"], shown["detail"]) == ("succeeded", "released once")
    listed = client.get(COMMANDS, headers=guard).json()
    assert [each["id"] for each in listed["items"]] == [asked["id"]]
    cancelled = client.post(f"{API_ROOT}/commands/{asked['id']}/cancel", headers=guard)
    check_problem(cancelled, 409, "command_sent")


def test_problems_say_what_is_wrong(client: Caller) -> None:
    guard, admin = bearer(client, Role.SECURITY), bearer(client, Role.ADMIN)
    body = {"name": "open_once", "arguments": {"portal": "north"}}
    check_problem(client.post(COMMANDS, json=body), 401, "sign_in_needed")
    check_problem(client.post(COMMANDS, json=body, headers=admin), 403, "forbidden")
    for name in ("open_all", 1, None):
        answer = client.post(COMMANDS, json={**body, "name": name}, headers=guard)
        assert answer.status_code == 422, answer.text
    bad = {"name": "hold_open", "arguments": {"portal": "north", "until": 1}}
    check_problem(client.post(COMMANDS, json=bad, headers=guard), 422, "bad_command")
    nothing = f"{API_ROOT}/commands/{'f' * 32}"
    check_problem(client.get(nothing, headers=guard), 404, "no_command")
    check_problem(client.get(f"{nothing}/attachment", headers=guard), 404, "no_attachment")
    elsewhere = f"{API_ROOT}/gateways/gate-9/configuration"
    check_problem(client.get(elsewhere, headers=guard), 404, "no_gateway")


def test_what_a_command_brought_back_is_never_cached(client: Caller, desk: Desk) -> None:
    guard = bearer(client, Role.SECURITY)
    body = {"name": "send_log", "arguments": {"lines": 5}}
    command_id = client.post(COMMANDS, json=body, headers=guard).json()["id"]
    recipient = desk.backend.keys.intake.public_key()
    sealed = seal_attachment(b"one line\n", recipient, desk.gateway.name, command_id)
    log = Attachment(kind=AttachmentKind.LOG, is_personal=False, sealed=sealed)
    desk.say(desk.outcome(command_id, JobState.SUCCEEDED, 2, attachment=log))
    answer = client.get(f"{API_ROOT}/commands/{command_id}/attachment", headers=guard)
    assert (answer.text, answer.headers["cache-control"]) == ("one line\n", "no-store")
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_configuration_is_put_and_its_differences_are_shown(client: Caller) -> None:
    admin = bearer(client, Role.ADMIN)
    settings = {"portal.north.held_s": 2.5, "reader.symbologies": ["qr"]}
    answer = client.put(CONFIGURATION, json={"settings": settings}, headers=admin | ANY)
    assert answer.status_code == 200, answer.text
    shown = client.get(CONFIGURATION, headers=admin).json()
    assert (shown["state"], shown["desired"]["version"]) == ("waiting", 1)
    assert shown["differences"] == ["portal.north.held_s", "reader.symbologies"]
    assert "portal.*.held_s" in shown["settable"]
    bad = {"settings": {"broker.host": "elsewhere"}}
    check_problem(client.put(CONFIGURATION, json=bad, headers=admin | ANY), 422, "bad_settings")


def test_versions_are_listed_and_gone_back_to(client: Caller) -> None:
    admin, guard = bearer(client, Role.ADMIN), bearer(client, Role.SECURITY)
    for value in (2.5, 3.5):
        body = {"settings": {"portal.north.held_s": value}, "note": f"{value} s"}
        client.put(CONFIGURATION, json=body, headers=admin | ANY)
    back = client.post(f"{CONFIGURATION}/back", json={"version": 1}, headers=admin)
    assert back.json()["desired"]["settings"] == {"portal.north.held_s": 2.5}
    listed = client.get(f"{CONFIGURATION}s", headers=guard).json()
    assert [(row["version"], row["note"], row["changed"]) for row in listed["items"]] == [
        (3, "back to version 1", ["portal.north.held_s"]),
        (2, "3.5 s", ["portal.north.held_s"]),
        (1, "2.5 s", ["portal.north.held_s"]),
    ]
    refused = client.post(f"{CONFIGURATION}/back", json={"version": 1}, headers=guard)
    check_problem(refused, 403, "forbidden")
    never = client.post(f"{CONFIGURATION}/back", json={"version": 9}, headers=admin)
    check_problem(never, 404, "no_configuration")
    elsewhere = f"{API_ROOT}/gateways/gate-9/configurations"
    check_problem(client.get(elsewhere, headers=guard), 404, "no_gateway")


def test_the_interface_describes_them(client: Caller) -> None:
    paths = client.get(f"{API_ROOT}/openapi.json").json()["paths"]
    for path, methods in {
        "/gateways/{gateway}/commands": {"get", "post"},
        "/commands/{command_id}": {"get"},
        "/commands/{command_id}/cancel": {"post"},
        "/commands/{command_id}/attachment": {"get"},
        "/gateways/{gateway}/configuration": {"get", "put"},
        "/gateways/{gateway}/configurations": {"get"},
        "/gateways/{gateway}/configuration/back": {"post"},
        "/roll-outs": {"get", "post"},
        "/roll-outs/{roll_out_id}": {"get"},
        "/roll-outs/{roll_out_id}/pause": {"post"},
        "/roll-outs/{roll_out_id}/resume": {"post"},
        "/roll-outs/{roll_out_id}/abort": {"post"},
    }.items():
        assert set(paths[path]) == methods
