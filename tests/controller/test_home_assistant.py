"""Home Assistant: gateways as devices with sensors, nothing that opens, nothing left behind."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from doorward.ids import GatewayId, SiteId
from doorward.reasons import Severity
from doorward_controller.broker.access import AccessRules, HomeAssistantAccess
from doorward_controller.broker.errors import GateError
from doorward_controller.config import HomeAssistant as Settings
from doorward_controller.domain.alert_rules import Rule, RuleKind
from doorward_controller.domain.alert_texts import Fact, Tongue
from doorward_controller.domain.fleet_state import Condition
from doorward_controller.domain.home_assistant import MEASURED, OFFLINE, Place, Seen, messages
from doorward_controller.services import alerting, enrolment
from doorward_controller.services.alerting import Raised
from doorward_controller.services.backend import Backend
from doorward_controller.services.home_assistant import REFRESH_MS, HomeAssistant
from doorward_controller.store import gateways, home_assistant
from tests.controller.conftest import ADMIN, StandingClock, enrol
from tests.fakes.controller_link import FakeLink

PLACE = Place(site="demo", discovery_prefix="homeassistant", tongue=Tongue.ENGLISH)
SEEN = Seen(
    gateway="gate-1",
    condition=Condition.ON_TIME,
    last_seen_ms=1_790_000_000_000,
    software="0.1.0",
    numbers={"temperature_mc": 48_250, "journal_free_days": 90, "journal.pending": 3},
    alarms=2,
    is_door_wrong=True,
)
CONFIG = "homeassistant/device/doorward-demo-gate-1/config"
VALUES = "doorward-ha/1/demo/gate-1/state"


def said(seen: Seen = SEEN, place: Place = PLACE) -> dict[str, Any]:
    return {
        topic: json.loads(wire) if wire.startswith(b"{") else wire
        for topic, wire in messages(place, seen).items()
    }


def test_a_gateway_is_announced_as_one_device() -> None:
    device = said()[CONFIG]
    assert device["device"]["identifiers"] == ["doorward-demo-gate-1"]
    assert device["origin"]["name"] == "Doorward"
    assert device["state_topic"] == VALUES
    components = device["components"]
    assert set(components) == {
        "state", "last_seen", "alarms", "door", *(each.key for each in MEASURED),
    }  # fmt: skip
    assert len({each["unique_id"] for each in components.values()}) == len(components)
    assert components["state"]["options"] == [condition.value for condition in Condition]


def test_what_is_announced_only_listens() -> None:
    for component in said()[CONFIG]["components"].values():
        assert component["platform"] in {"sensor", "binary_sensor"}
        assert not [name for name in component if "command" in name]


def test_values_are_in_the_units_that_were_announced() -> None:
    values = said()[VALUES]
    assert values == {
        "state": "on_time", "last_seen": "2026-09-21T14:13:20+00:00", "alarms": 2, "door": "ON",
        "temperature": 48.2, "journal_days": 90, "waiting": 3,
    }  # fmt: skip
    components = said()[CONFIG]["components"]
    assert components["temperature"]["unit_of_measurement"] == "°C"
    for key, component in components.items():
        assert component["value_template"] == f"{{{{ value_json.{key} }}}}"
        assert key in values


def test_what_a_board_does_not_tell_is_not_announced() -> None:
    told = said(Seen(gateway="gate-1", condition=Condition.LOST))
    assert set(told[CONFIG]["components"]) == {"state", "last_seen", "alarms", "door"}
    assert told["doorward-ha/1/demo/gate-1/available"] == OFFLINE
    assert told[VALUES]["last_seen"] is None


def test_names_are_told_in_chinese_where_it_is_asked_for() -> None:
    place = Place(site="demo", discovery_prefix="homeassistant", tongue=Tongue.CHINESE)
    assert said(place=place)[CONFIG]["components"]["temperature"]["name"] == "温度"


def test_the_broker_lets_it_hear_this_and_nothing_more() -> None:
    home = HomeAssistantAccess(
        user="home-assistant", discovery_prefix="homeassistant", values="doorward-ha/1/demo"
    )
    with_it = AccessRules(site=SiteId("demo"), home_assistant=home).to_text()
    without = AccessRules(site=SiteId("demo")).to_text()
    assert set(with_it.splitlines()) - set(without.splitlines()) == {
        "topic write homeassistant/device/+/config",
        "topic write doorward-ha/1/demo/#",
        "user home-assistant",
        "topic deny dw/1/#",
        "topic read homeassistant/#",
        "topic read doorward-ha/1/demo/#",
        "topic write homeassistant/status",
    }
    assert "homeassistant" not in without


# --- the service


@pytest.fixture
def home(backend: Backend) -> HomeAssistant:
    switch(backend, is_on=True)
    return HomeAssistant(backend)


def switch(backend: Backend, *, is_on: bool) -> None:
    object.__setattr__(backend.config, "home_assistant", Settings(is_on=is_on))


def retained(link: FakeLink) -> dict[str, bytes]:
    """What stands at the broker: the last message of each topic, without the empty ones."""
    last = dict(link.published)
    return {
        topic: wire
        for topic, wire in last.items()
        if wire and topic.startswith(("homeassistant/", "doorward-ha/"))
    }


def test_nothing_is_said_unless_somebody_asks(backend: Backend, link: FakeLink) -> None:
    enrol(backend)
    assert HomeAssistant(backend).turn() == 0
    assert retained(link) == {}


def test_a_gateway_appears_changes_and_goes(
    backend: Backend, link: FakeLink, home: HomeAssistant
) -> None:
    enrol(backend, "gate-1")
    enrol(backend, "gate-2")
    assert home.turn() == 6
    assert home.turn() == 0, "nothing is new"
    with backend.store.write() as connection:
        gateways.change(connection, 1, health_json='{"vitals": {"temperature_mc": 51000}}')
    assert home.turn() == 2, "the announcement has one more sensor, and it has a value"
    enrolment.revoke_gateway(backend, ADMIN, gateway="gate-2", reason="stolen")
    assert home.turn() == 3
    assert {topic for topic in retained(link) if "gate-2" in topic} == set()
    assert len(retained(link)) == 3


def test_switching_it_off_leaves_nothing_behind_also_after_a_restart(
    backend: Backend, link: FakeLink, home: HomeAssistant
) -> None:
    enrol(backend)
    home.turn()
    assert len(retained(link)) == 3
    switch(backend, is_on=False)
    link.connected = False
    another = HomeAssistant(backend)
    assert another.turn() == 0, "while the broker is away nobody could be told"
    link.connected = True
    assert another.turn() == 3
    assert retained(link) == {}
    with backend.store.read() as connection:
        assert home_assistant.topics(connection) == set()
    assert another.turn() == 0


@dataclass
class Keeper:
    """Notes how often the rules were written, and refuses when it is told to."""

    asked: list[list[str]] = field(default_factory=list)
    problem: str = ""

    def shut_out(self, revoked: Sequence[GatewayId], now: datetime) -> None:
        self.asked.append(list(revoked))
        if self.problem:
            raise GateError(self.problem)

    def throw_out(self, gateway: GatewayId) -> None:
        raise AssertionError(gateway)


@pytest.mark.parametrize("problem", ["", "the rules are kept elsewhere"])
def test_the_brokers_rules_are_written_once_and_only_where_somebody_asks(
    backend: Backend, link: FakeLink, problem: str
) -> None:
    keeper = Keeper(problem=problem)
    kept = replace(backend, gatekeeper=keeper)
    enrol(backend)
    assert HomeAssistant(kept).turn() == 0
    assert keeper.asked == []
    switch(backend, is_on=True)
    home = HomeAssistant(kept)
    assert home.turn() == 3, "where the rules are kept elsewhere, it is said all the same"
    home.turn()
    assert keeper.asked == [[]]
    switch(backend, is_on=False)
    after = HomeAssistant(kept)
    assert after.turn() == 3
    assert keeper.asked == [[]], "without rights nothing could be removed"
    after.turn()
    after.turn()
    assert keeper.asked == [[], []], "its rights end with it"


def test_everything_is_said_again_before_it_expires(
    backend: Backend, home: HomeAssistant, clock: StandingClock
) -> None:
    enrol(backend)
    home.turn()
    clock.pass_s(REFRESH_MS // 1000)
    assert home.turn() == 3


def test_alerts_are_counted_and_discreet_ones_are_not(
    backend: Backend, link: FakeLink, home: HomeAssistant
) -> None:
    enrol(backend)
    now = backend.clock.now()
    with backend.store.write() as connection:
        for code, is_discreet in (("event.held", False), ("event.duress", True)):
            rule = Rule(
                code=code, kind=RuleKind.EVENT, what=code.partition(".")[2],
                severity=Severity.ALARM, is_discreet=is_discreet,
            )  # fmt: skip
            fact = Fact(kind=rule.kind, what=rule.what, place="gate-1")
            raised = Raised(
                rule=rule, subject="gate-1", gateway="gate-1", severity=rule.severity, fact=fact
            )
            alerting.raise_alert(connection, raised, now)
    home.turn()
    values = json.loads(retained(link)["doorward-ha/1/main/gate-1/state"])
    assert (values["alarms"], values["door"]) == (1, "ON")
    assert b"duress" not in b"".join(retained(link).values())
