"""A gateway's configuration in the console: both sides, the form, what was before."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from doorward import topics
from doorward.ids import GatewayId, SiteId
from doorward.messages import Applied, Rejection, Reported
from doorward.settable import REGISTRY, Shape
from doorward.times import UtcSeconds
from doorward.topics import Up
from doorward_controller.console import setting_words
from doorward_controller.domain.permissions import Role, local_actor
from doorward_controller.domain.settings_form import FieldFault
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.queries import commands, configurations
from doorward_controller.services import configuring
from tests.controller.console.conftest import Plant, token_of

PAGE = "/gateways/near/configuration"
HELD = "portal.near-door.held_s"


def desire(plant: Plant, **settings: Any) -> None:
    named = {name.replace("__", "."): value for name, value in settings.items()}
    configuring.desire(plant.backend, local_actor(), gateway="near", settings=named)


def report(plant: Plant, in_force: int, **more: Any) -> None:
    now_s = plant.backend.clock.now().utc_s
    said = Reported(
        applied=Applied(config=in_force),
        **{"rejected": (), "config_taken": in_force, "at": UtcSeconds(now_s), **more},
    )
    topic = topics.up(SiteId("main"), GatewayId("near"), Up.REPORTED)
    message = Inbound(topic=topic, wire=said.to_wire(), confirm=lambda: None)
    Writer(plant.backend).process([message])


def send(client: httpx.Client, path: str = PAGE, **fields: Any) -> httpx.Response:
    token = token_of(client.get(PAGE).text)
    return client.post(path, data={"csrf_token": token, **fields})


def desired(plant: Plant) -> tuple[int, dict[str, Any]]:
    row = configurations.configuration(plant.backend.store, "near")
    assert row is not None
    assert row.desired is not None
    return row.desired.version, dict(row.desired.settings)


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page))


STANDINGS: list[tuple[Callable[[Plant], None], str]] = [
    (lambda plant: None, "Nothing was ever set from here"),
    (lambda plant: desire(plant, health__interval_s=30), "Version 1 is handed over"),
    (lambda plant: report(plant, 0, config_taken=1), "The gateway has taken version 1"),
    (lambda plant: report(plant, 1), "Version 1 counts, on trial until"),
    (
        lambda plant: report(
            plant, 0, rejected=(Rejection(what="config", version=1, error="it lost us"),)
        ),
        "Version 1 counted, and the gateway took it back",
    ),
    (lambda plant: desire(plant, health__interval_s=40), "Version 2 is handed over"),
    (
        lambda plant: report(
            plant, 0, rejected=(Rejection(what="config", version=2, error="does <i>not</i> fit"),)
        ),
        "The gateway refused version 2",
    ),
]


def test_the_page_says_where_the_newest_version_stands(plant: Plant) -> None:
    client = plant.signed_in(Role.AUDITOR)
    for happen, sentence in STANDINGS:
        happen(plant)
        for path in (PAGE, f"{PAGE}/part"):
            assert sentence in words_of(client.get(path).text), sentence
    assert "does &lt;i&gt;not&lt;/i&gt; fit" in client.get(PAGE).text


def test_the_trial_is_over_when_its_time_is(plant: Plant, clock: Any) -> None:
    desire(plant, health__interval_s=30)
    report(plant, 1)
    clock.pass_s(301)
    page = words_of(plant.signed_in(Role.AUDITOR).get(f"{PAGE}/part").text)
    assert "Version 1 counts." in page


TRIALS: list[tuple[bool, int, str]] = [
    (True, 0, "Version 1 counts, on trial until"),
    (True, 301, "Version 1 counts, and is still on trial"),
    (False, 301, "Version 1 counts, and its trial is over: the gateway keeps it."),
]


def test_a_gateway_that_tells_of_the_trial_is_believed(plant: Plant, clock: Any) -> None:
    desire(plant, health__interval_s=30)
    client = plant.signed_in(Role.AUDITOR)
    for on_trial, later_s, sentence in TRIALS:
        clock.pass_s(later_s)
        report(plant, 1, on_trial=on_trial)
        assert sentence in words_of(client.get(f"{PAGE}/part").text)


def test_both_sides_stand_line_by_line_and_what_differs_is_marked(plant: Plant) -> None:
    desire(plant, health__interval_s=30, reader__strategy="zxing")
    report(plant, 1)
    desire(plant, health__interval_s=40, reader__strategy="zxing")
    page = plant.signed_in(Role.ADMIN).get(f"{PAGE}/part").text
    rows = [words_of(row).strip() for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL)]
    assert "health.interval_s Differs 40 30" in rows
    assert "reader.strategy zxing zxing" in rows


def test_a_setting_is_handed_over_from_the_form(plant: Plant) -> None:
    client = plant.signed_in(Role.ADMIN)
    fields: dict[str, Any] = {HELD: "2.5", "reader.symbologies": ["qr", "itf"], "note": "rush"}
    answer = send(client, **fields)
    assert answer.headers["location"] == f"{PAGE}?done=desired"
    assert desired(plant) == (1, {HELD: 2.5, "reader.symbologies": ["qr", "itf"]})
    page = client.get(PAGE).text
    assert f'name="{HELD}" value="2.5"' in page
    assert "rush" in page


def test_a_field_that_cannot_be_read_is_named_and_nothing_is_handed_over(plant: Plant) -> None:
    client = plant.signed_in(Role.ADMIN)
    answer = send(client, **{HELD: "999", "health.interval_s": "soon"})
    assert answer.status_code == 422
    assert "This is out of bounds." in answer.text
    assert "This is not a number." in answer.text
    assert 'value="999"' in answer.text
    assert configurations.versions(plant.backend.store, "near") == ()


def test_the_same_again_is_not_handed_over(plant: Plant) -> None:
    desire(plant, health__interval_s=30)
    answer = send(plant.signed_in(Role.ADMIN), **{"health.interval_s": "30"})
    assert (answer.status_code, desired(plant)[0]) == (422, 1)
    assert "this is what is asked for already" in answer.text


def test_what_was_handed_over_is_applied_by_a_restart_that_asks_first(plant: Plant) -> None:
    client = plant.signed_in(Role.ADMIN)
    desire(plant, health__interval_s=30)
    assert "Apply now" not in client.get(PAGE).text
    report(plant, 0, config_taken=1, pending=("health.interval_s",))
    page = client.get(PAGE).text
    form = page[: page.index(f'action="{PAGE}/apply"')]
    assert form.rfind("<details") > form.rfind("</details>")
    answer = send(client, f"{PAGE}/apply")
    assert answer.headers["location"] == f"{PAGE}?done=restarting"
    assert commands.newest(plant.backend.store, "near", 1)[0].name == "restart"


def test_an_earlier_version_is_gone_back_to(plant: Plant) -> None:
    client = plant.signed_in(Role.ADMIN)
    desire(plant, health__interval_s=30)
    desire(plant, health__interval_s=40)
    assert send(client, f"{PAGE}/back", version="1").status_code == 303
    assert desired(plant) == (3, {"health.interval_s": 30})
    assert send(client, f"{PAGE}/back", version="0").status_code == 303
    assert desired(plant) == (4, {})
    assert send(client, f"{PAGE}/back", version="77").status_code == 404
    assert "back to version 1" in client.get(f"{PAGE}/history").text


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN}))
def test_who_may_not_configure_sees_no_form_and_is_refused(plant: Plant, role: Role) -> None:
    client = plant.signed_in(role)
    page = client.get(PAGE).text
    assert "Hand over to the gateway" not in page
    for path in (PAGE, f"{PAGE}/back"):
        token = token_of(page)
        assert client.post(path, data={"csrf_token": token, HELD: "2.5"}).status_code == 403
    assert configurations.versions(plant.backend.store, "near") == ()


def test_a_gateway_that_is_not_there_has_no_page(plant: Plant) -> None:
    assert plant.signed_in(Role.ADMIN).get("/gateways/none/configuration").status_code == 404


def test_every_setting_has_a_word() -> None:
    assert setting_words.SETTINGS.keys() == REGISTRY.keys()
    assert setting_words.GROUPS.keys() == {name.split(".")[0] for name in REGISTRY}
    choices = {
        c for s in REGISTRY.values() if s.shape in {Shape.CHOICE, Shape.CHOICES} for c in s.choices
    }
    assert setting_words.CHOICES.keys() == choices
    assert setting_words.SIGNALS.keys() == {n for s in REGISTRY.values() for n in s.names}
    assert setting_words.FIELD_FAULTS.keys() == {fault.value for fault in FieldFault}


def test_the_page_speaks_chinese(plant: Plant) -> None:
    desire(plant, health__interval_s=30)
    page = plant.signed_in(Role.ADMIN, "zh-CN").get(PAGE).text
    assert "版本 1 已交付" in page
    assert "健康上报间隔" in page
