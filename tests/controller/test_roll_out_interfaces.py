"""Roll-outs over HTTP and on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from doorward_controller.__main__ import app
from doorward_controller.app import API_ROOT
from doorward_controller.domain.permissions import Role
from doorward_controller.services import roll_out_steps
from doorward_controller.services.backend import Backend
from tests.controller.conftest import enrol
from tests.controller.test_api import Caller, bearer, calling, check_problem
from tests.controller.test_command_line import CONFIG

ROLL_OUTS = f"{API_ROOT}/roll-outs"
BODY = {"title": "Try it", "command": {"name": "self_test"}, "waves": ["1", "50%"]}
KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@pytest.fixture
def client(sqlite_backend: Backend) -> Iterator[Caller]:
    for name in ("a1", "a2", "b1"):
        enrol(sqlite_backend, name)
    with calling(sqlite_backend) as caller:
        yield caller


def test_a_roll_out_is_begun_followed_held_and_ended(
    client: Caller, sqlite_backend: Backend
) -> None:
    admin = bearer(client, Role.ADMIN)
    answer = client.post(ROLL_OUTS, json=BODY, headers=admin)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert [(m["gateway"], m["wave"], m["state"]) for m in made["members"]] == [
        ("a1", 1, "waiting"),
        ("a2", 2, "waiting"),
        ("b1", 2, "waiting"),
    ]
    roll_out_steps.advance(sqlite_backend)
    path = f"{ROLL_OUTS}/{made['roll_out']['id']}"
    assert client.get(path, headers=admin).json()["roll_out"]["counts"] == {
        "asked": 1,
        "waiting": 2,
    }
    for act, state in (("pause", "paused"), ("resume", "running"), ("abort", "aborted")):
        done = client.post(f"{path}/{act}", headers=admin)
        assert (done.status_code, done.json()["roll_out"]["state"]) == (200, state)
    check_problem(client.post(f"{path}/resume", headers=admin), 409, "roll_out_state")
    listed = client.get(ROLL_OUTS, headers=bearer(client, Role.AUDITOR)).json()
    assert [row["title"] for row in listed["items"]] == ["Try it"]


def test_roll_outs_are_read_page_by_page(client: Caller) -> None:
    admin = bearer(client, Role.ADMIN)
    for number in range(3):
        client.post(ROLL_OUTS, json=BODY | {"title": f"n{number}"}, headers=admin)
    first = client.get(f"{ROLL_OUTS}?limit=2", headers=admin).json()
    assert [row["title"] for row in first["items"]] == ["n2", "n1"]
    rest = client.get(f"{ROLL_OUTS}?limit=2&cursor={first['next_cursor']}", headers=admin).json()
    assert ([row["title"] for row in rest["items"]], rest["next_cursor"]) == (["n0"], None)


def test_problems_say_what_is_wrong(client: Caller) -> None:
    admin, guard = bearer(client, Role.ADMIN), bearer(client, Role.SECURITY)
    check_problem(client.post(ROLL_OUTS, json=BODY), 401, "sign_in_needed")
    check_problem(client.post(ROLL_OUTS, json=BODY, headers=guard), 403, "forbidden")
    check_problem(client.get(f"{ROLL_OUTS}/99", headers=admin), 404, "no_roll_out")
    both = BODY | {"configuration": {"changes": {"health.interval_s": 30}}}
    for body in (both, {"title": "x"}, BODY | {"title": ""}, BODY | {"rest_s": -1}):
        assert client.post(ROLL_OUTS, json=body, headers=admin).status_code == 422
    nobody = BODY | {"selection": {"zone": "moon"}}
    check_problem(client.post(ROLL_OUTS, json=nobody, headers=admin), 422, "nobody_selected")
    locks = {"title": "x", "configuration": {"changes": {"portal.*.lock.pin": 1}}}
    check_problem(client.post(ROLL_OUTS, json=locks, headers=admin), 422, "bad_settings")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "controller.toml"
    path.write_text(CONFIG)
    run(path, "init")
    run(path, "gateway", "enrol", "a1", "--record-key", KEY, "--portal", "n:site")
    return path


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--config", str(config), *words])


def test_the_command_line_begins_shows_and_ends_a_roll_out(config: Path) -> None:
    tried = run(config, "roll-out", "start", "Try it", "--command", "self_test", "--dry-run")
    assert tried.output == "wave 1  a1\n"
    assert run(config, "roll-out", "list").output == "there is no roll-out\n"
    settings = config.parent / "settings"
    settings.write_text("portal.*.held_s = 2.5\n")
    words = ("roll-out", "start", "Slow", "--settings", str(settings), "--json")
    assert json.loads(run(config, *words).output) == {"id": 1}
    shown = run(config, "roll-out", "show", "1").output
    assert shown == "roll-out 1: Slow\nrunning\nwave 1  waiting    a1\n"
    assert run(config, "roll-out", "pause", "1").output == "roll-out 1 is paused\n"
    assert run(config, "roll-out", "resume", "1").output == "roll-out 1 goes on\n"
    assert run(config, "roll-out", "abort", "1").output == "roll-out 1 is aborted\n"
    told = json.loads(run(config, "roll-out", "show", "1", "--json").output)
    assert told["members"][0]["state"] == "left_out"


def test_the_command_line_names_the_line_that_it_cannot_read(config: Path) -> None:
    settings = config.parent / "settings"
    settings.write_text("\nbroker.host = 1\n")
    done = run(config, "roll-out", "start", "Bad", "--settings", str(settings))
    assert "line 2: not_settable broker.host" in str(done.exception)
    assert run(config, "roll-out", "start", "Bad").exit_code == 2
