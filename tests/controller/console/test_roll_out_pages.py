"""Roll-outs in the console: the form, its review, the list and one roll-out."""

from typing import Any

import httpx
import pytest

from doorward_controller.console import setting_words, words
from doorward_controller.domain.permissions import Role
from doorward_controller.domain.roll_out import Ending, MemberState, RollOutState
from doorward_controller.queries import roll_outs
from doorward_controller.queries.configurations import TwinState
from doorward_controller.services import roll_out_steps
from tests.controller.console.conftest import Plant, token_of

FORM = {
    "title": "Slow <b>down</b>",
    "what": "settings",
    "lines": "portal.*.held_s = 2.5\n",
    "restart": "yes",
    "waves": "1",
    "success_percent": "100",
    "failure_percent": "0",
    "rest_min": "6",
    "hours": "24",
}


def send(client: httpx.Client, path: str, **fields: Any) -> httpx.Response:
    token = token_of(client.get("/gateways").text)
    return client.post(path, data={"csrf_token": token, **fields})


def begun(plant: Plant) -> httpx.Client:
    client = plant.signed_in(Role.ADMIN)
    assert send(client, "/roll-outs", **FORM).headers["location"] == "/roll-outs/1?done=rolling-out"
    roll_out_steps.advance(plant.backend)
    return client


def test_who_takes_part_is_shown_before_anything_begins(plant: Plant) -> None:
    client = plant.signed_in(Role.ADMIN)
    answer = send(client, "/roll-outs/new", **FORM)
    assert answer.status_code == 200
    assert "Nothing has begun yet." in answer.text
    assert answer.text.index("far") < answer.text.index("near")
    assert "<b>down" not in answer.text
    assert roll_outs.page(plant.backend.store).items == ()
    hidden = {name: value for name, value in FORM.items() if f'name="{name}"' in answer.text}
    assert hidden.keys() == FORM.keys(), "the review carries the whole form on"


def test_a_roll_out_is_begun_and_every_member_stands_on_its_page(plant: Plant) -> None:
    client = begun(plant)
    for path in ("/roll-outs/1", "/roll-outs/1/part"):
        page = client.get(path).text
        assert "Wave 1" in page
        assert "Unreachable, asked when it is back" in page
        assert "Not yet asked" in page
    assert "0 of 2" in client.get("/roll-outs").text


def test_it_is_paused_resumed_and_aborted_after_asking(plant: Plant) -> None:
    client = begun(plant)
    page = client.get("/roll-outs/1").text
    before = page[: page.index('action="/roll-outs/1/abort"')]
    assert before.rfind("<details") > before.rfind("</details>")
    for act, state in (("pause", "paused"), ("resume", "running"), ("abort", "aborted")):
        assert send(client, f"/roll-outs/1/{act}").status_code == 303
        found = roll_outs.roll_out(plant.backend.store, 1)
        assert found is not None
        assert found.roll_out.state.value == state
    assert 'action="/roll-outs/1/abort"' not in client.get("/roll-outs/1").text
    assert send(client, "/roll-outs/1/pause").status_code == 409


REFUSED = {
    "no title": ({"title": " "}, "The title is missing."),
    "nobody": ({"zone": "moon"}, "No gateway fits the selection."),
    "no such gateway": ({"gateways": "near none"}, "there is no gateway"),
    "no waves": ({"waves": "some"}, "Waves are numbers or shares"),
    "no number": ({"hours": "many"}, "A number is missing or not whole."),
    "no share": ({"success_percent": "0"}, "must succeed is 1 to 100"),
    "too far ahead": ({"hours": "9999"}, "at most 30 days"),
    "what opens": ({"what": "open_once"}, "cannot be rolled out"),
    "a line of another kind": ({"lines": "held_s"}, "Line 1: there is no “=” in it."),
    "what cannot be set": (
        {"lines": "portal.*.held_s = 1\nbroker.host = 1"},
        "Line 2: this cannot be set from afar.",
    ),
}


@pytest.mark.parametrize("sentence", REFUSED)
@pytest.mark.parametrize("path", ["/roll-outs/new", "/roll-outs"])
def test_what_is_refused_is_said_in_words_and_nothing_begins(
    plant: Plant, path: str, sentence: str
) -> None:
    changes, says = REFUSED[sentence]
    answer = send(plant.signed_in(Role.ADMIN), path, **(FORM | changes))
    assert answer.status_code == 422
    assert says in answer.text.replace("</code>", "").replace("<code>", "")
    assert roll_outs.page(plant.backend.store).items == ()


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN}))
def test_everybody_sees_roll_outs_and_only_who_may_begins_one(plant: Plant, role: Role) -> None:
    begun(plant)
    client = plant.signed_in(role)
    assert client.get("/roll-outs/1").status_code == 200
    assert "/roll-outs/new" not in client.get("/roll-outs").text
    assert 'action="/roll-outs/1/abort"' not in client.get("/roll-outs/1").text
    assert client.get("/roll-outs/new").status_code == 403
    for path in ("/roll-outs/new", "/roll-outs", "/roll-outs/1/abort", "/roll-outs/1/pause"):
        assert send(client, path, **FORM).status_code == 403, path


@pytest.mark.parametrize("number", ["0", "99", str(2**70)])
def test_a_roll_out_that_is_not_there_has_no_page(plant: Plant, number: str) -> None:
    assert plant.signed_in(Role.ADMIN).get(f"/roll-outs/{number}").status_code in {404, 422}


def test_every_state_has_a_word() -> None:
    assert {state.value for state in RollOutState} == words.LOOKS["roll_out"].keys()
    assert {state.value for state in MemberState} | {"away"} == words.LOOKS["member"].keys()
    assert {state.value for state in TwinState} | {"on_trial", "taken_back"} == words.LOOKS[
        "twin"
    ].keys()
    assert {ending.value for ending in Ending} == words.ROLL_OUT_ENDINGS.keys()
    assert setting_words.LINE_FAULTS.keys() == {
        "no_equals",
        "not_settable",
        "not_json",
        "bad_value",
        "twice",
    }


def test_the_pages_speak_chinese(plant: Plant) -> None:
    begun(plant)
    page = plant.signed_in(Role.ADMIN, "zh-CN").get("/roll-outs/1").text
    assert "第 1 批" in page
    assert "失联，恢复后要求" in page
