"""Alert rules of one's own, whom a rule tells when, and receivers that change, by forms."""

import re
from dataclasses import replace

import httpx
import pytest

from doorward.reasons import Severity
from doorward_controller.domain.alert_rules import Rule, Step
from doorward_controller.domain.alert_texts import Tongue
from doorward_controller.domain.delivery_formats import ReceiverKind
from doorward_controller.domain.permissions import Role
from doorward_controller.queries import alerts
from doorward_controller.services import alerting, receivers
from doorward_controller.services.alert_watch import AlertWatch
from doorward_controller.services.receivers import ReceiverSettings
from doorward_controller.store import receivers as receiver_rows
from tests.controller.conftest import SECURITY
from tests.controller.console.conftest import Plant
from tests.controller.console.test_forms import post
from tests.fakes.controller_link import FakeLink

NEW = {"title": "Hot <b>hall</b>", "watched": "metric:temperature_mc", "warning": "55.5",
       "minutes": "0", "gateways": "near"}  # fmt: skip


def own_rules(plant: Plant) -> list[Rule]:
    with plant.backend.store.read() as connection:
        return [rule for rule in alerting.rules(connection) if rule.code.startswith("own.")]


def mail(plant: Plant, name: str = "Control room") -> int:
    route = {"to": "a@example.org", "from": "d@example.org", "host": "mail.example.org"}
    settings = ReceiverSettings(name=name, kind=ReceiverKind.EMAIL, route=route)
    return receivers.add_receiver(plant.backend, SECURITY, settings)


def test_a_rule_of_ones_own_is_added_by_a_form_and_raises_an_alert(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    assert post(client, "/alert-rules/new", **NEW).status_code == 303
    (rule,) = own_rules(plant)
    assert (rule.bounds.warning, rule.bounds.alarm, rule.gateways) == (55_500, None, ("near",))
    page = client.get("/alert-rules").text
    assert "Hot &lt;b&gt;hall&lt;/b&gt;" in page
    assert "≥ 55.5 °C" in page
    plant.near.report_health(pending=0, temperature_mc=56_000)
    AlertWatch(replace(plant.backend, publisher=FakeLink())).turn()
    found = alerts.page(plant.backend.store, alerts.AlertFilter()).items
    assert [row.rule for row in found] == [rule.code]
    assert client.get(f"/alert-rules/{rule.code}").status_code == 200
    renamed = {"title": "Hall", "warning": "60", "is_on": "1"}
    assert post(client, f"/alert-rules/{rule.code}", **renamed).status_code == 303
    assert own_rules(plant)[0].title == "Hall"
    assert post(client, f"/alert-rules/{rule.code}/drop").status_code == 303
    assert own_rules(plant) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"title": "  "}, "The rule needs a name."),
        ({"warning": ""}, "needs a limit"),
        ({"warning": "warm"}, "must be a number"),
        ({"watched": "state:asleep"}, "a state is late, lost or unsteady"),
        ({"watched": "event.forced"}, "This was refused"),
        ({"severity": "loud"}, "This was refused"),
    ],
)
def test_a_rule_that_cannot_be_met_comes_back_with_what_was_typed(
    plant: Plant, changes: dict[str, str], said: str
) -> None:
    client = plant.signed_in(Role.SECURITY)
    answer = post(client, "/alert-rules/new", **(NEW | changes))
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="near"' in answer.text
    assert own_rules(plant) == []


def test_a_low_number_is_bad_where_the_registry_says_so(plant: Plant) -> None:
    client = plant.signed_in(Role.SECURITY)
    typed = NEW | {"watched": "metric:memory_free_kib", "warning": "10"}
    metric = re.search(r'value="metric:(memory[^"]*)"', client.get("/alert-rules/new").text)
    assert metric
    typed["watched"] = f"metric:{metric[1]}"
    assert post(client, "/alert-rules/new", **typed).status_code == 303
    assert own_rules(plant)[0].bounds.is_low_bad


def sent(client: httpx.Client, code: str, lines: list[tuple[str, str]]) -> httpx.Response:
    page = client.get(f"/alert-rules/{code}").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    data: dict[str, str | list[str]] = {
        "csrf_token": token[1],
        "is_on": "1",
        "severity": "alarm",
        "step_receiver": [receiver for receiver, _ in lines],
        "step_after": [after for _, after in lines],
    }
    return client.post(f"/alert-rules/{code}", data=data)


def test_a_rule_tells_by_its_own_steps(plant: Plant) -> None:
    first, second = mail(plant), mail(plant, "Head of site")
    client = plant.signed_in(Role.SECURITY)
    lines = [(str(first), "0"), ("", "5"), (str(second), "30")]
    assert sent(client, "event.forced", lines).status_code == 303
    with plant.backend.store.read() as connection:
        rule = next(each for each in alerting.rules(connection) if each.code == "event.forced")
    assert rule.steps == (
        Step(receiver_id=first, after_min=0), Step(receiver_id=second, after_min=30)
    )  # fmt: skip
    page = client.get("/alert-rules/event.forced").text
    assert re.search(rf'<option value="{second}" selected>Head of site', page)
    assert "steps of its own" in client.get("/alert-rules").text
    assert sent(client, "event.forced", [("x", "0")]).status_code == 422


def test_a_receiver_is_changed_and_keeps_the_secrets_that_were_not_typed(plant: Plant) -> None:
    number = mail(plant)
    client = plant.signed_in(Role.SECURITY)
    page = client.get(f"/alert-receivers/{number}").text
    assert 'value="Control room"' in page
    assert "a@example.org" not in page
    changed = {"name": "Night desk", "kind": "email", "to": "b@example.org, c@example.org",
               "after_min": "10", "least_severity": "alarm", "language": "zh-Hans",
               "is_off": "1"}  # fmt: skip
    assert post(client, f"/alert-receivers/{number}", **changed).status_code == 303
    (row,) = alerts.receivers(plant.backend.store)
    assert (row.name, row.after_min, row.is_on) == ("Night desk", 10, False)
    assert (row.least_severity, row.language) == (Severity.ALARM, Tongue.CHINESE)
    with plant.backend.store.read() as connection:
        held = receiver_rows.find(connection, number)
    assert held is not None
    route = receivers.route_of(plant.backend, held)
    assert (route["to"], route["host"]) == ("b@example.org, c@example.org", "mail.example.org")


@pytest.mark.parametrize("changes", [{"to": "nobody"}, {"name": ""}, {"kind": "webhook"}])
def test_a_change_that_is_refused_says_so_and_changes_nothing(
    plant: Plant, changes: dict[str, str]
) -> None:
    number = mail(plant)
    client = plant.signed_in(Role.SECURITY)
    typed = {"name": "Night desk", "kind": "email"} | changes
    answer = post(client, f"/alert-receivers/{number}", **typed)
    assert (answer.status_code, "This was refused" in answer.text) == (422, True)
    assert [row.name for row in alerts.receivers(plant.backend.store)] == ["Control room"]


def test_only_who_may_edit_rules_changes_any_of_it(plant: Plant) -> None:
    number = mail(plant)
    client = plant.signed_in(Role.FACILITY)
    for path in ("/alert-rules/new", f"/alert-receivers/{number}"):
        assert client.get(path).status_code == 403
        assert post(client, path, **NEW, name="x", kind="email").status_code == 403
    assert plant.signed_in(Role.SECURITY).get("/alert-receivers/999").status_code == 404
