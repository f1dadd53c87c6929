"""Home Assistant at a real broker: it hears what it may, and can say nothing that matters."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from doorward.ids import GatewayId
from doorward_controller.broker.access import AccessRules, HomeAssistantAccess
from doorward_controller.broker.authority import Identity
from doorward_controller.domain.alert_texts import Tongue
from doorward_controller.domain.fleet_state import Condition
from doorward_controller.domain.home_assistant import Place, Seen, messages
from tests.system.broker_clients import Talker, talker
from tests.system.conftest import SITE, Site

pytestmark = pytest.mark.system

ACCESS = HomeAssistantAccess(
    user="home-assistant", discovery_prefix="homeassistant", values=f"doorward-ha/1/{SITE}"
)
PLACE = Place(site=SITE, discovery_prefix="homeassistant", tongue=Tongue.ENGLISH)
TOLD = messages(PLACE, Seen(gateway="north", condition=Condition.ON_TIME))
END = ("doorward-ha/1/demo/end", b"end")


@pytest.fixture
def home(site: Site) -> Identity:
    site.broker.change_access(AccessRules(site=SITE, home_assistant=ACCESS))
    return site.authority.issue_gateway(GatewayId("home-assistant"), now=datetime.now(UTC))


@pytest.fixture
def ca(site: Site) -> Path:
    return site.authority.ca_file


def heard_until_end(listener: Talker, host: Talker) -> dict[str, bytes]:
    """Everything that arrives before the last word."""
    host.say(*END)
    found: dict[str, bytes] = {}
    while (arrived := listener.next()) != END:
        found[arrived[0]] = arrived[1]
    return found


def test_it_finds_the_gateways_also_when_it_comes_later(
    site: Site, home: Identity, ca: Path
) -> None:
    with talker(site.controller, ca, site.broker.port) as host:
        for topic, wire in TOLD.items():
            host.say(topic, wire, retain=True)
        with talker(home, ca, site.broker.port) as listener:
            listener.hear("homeassistant/#", "doorward-ha/1/#")
            assert heard_until_end(listener, host) == TOLD
        for topic in TOLD:
            host.say(topic, b"", retain=True)
        with talker(home, ca, site.broker.port) as listener:
            listener.hear("homeassistant/#", "doorward-ha/1/#")
            assert heard_until_end(listener, host) == {}, "something was left behind"


def test_it_hears_nothing_of_ours(site: Site, home: Identity, ca: Path) -> None:
    with (
        talker(site.controller, ca, site.broker.port) as host,
        talker(home, ca, site.broker.port) as listener,
    ):
        listener.hear("#", "dw/1/#", "dw/1/demo/policy/#", "$SYS/#", "doorward-ha/1/demo/#")
        for topic in (
            "dw/1/demo/policy/bundle", "dw/1/demo/presence", "dw/1/demo/north/up/records",
            "dw/1/demo/home-assistant/down/cmd/1", "dw/1/host/state", "doorward-ha/1/other/x",
        ):  # fmt: skip
            host.say(topic, b"secret", retain=True)
        assert heard_until_end(listener, host) == {}


def test_it_can_say_nothing_that_anybody_acts_on(site: Site, home: Identity, ca: Path) -> None:
    with (
        talker(site.controller, ca, site.broker.port) as host,
        talker(site.north, ca, site.broker.port) as north,
        talker(home, ca, site.broker.port) as speaker,
    ):
        host.hear("dw/1/#")
        north.hear("dw/1/demo/north/down/#", "dw/1/demo/policy/#", "dw/1/demo/presence")
        speaker.hear("homeassistant/#", "doorward-ha/1/demo/#")
        for topic in (
            "dw/1/demo/north/down/cmd/1", "dw/1/demo/policy/bundle", "dw/1/demo/presence",
            "dw/1/demo/home-assistant/up/records", "dw/1/demo/north/up/state",
            "homeassistant/device/doorward-demo-north/config", "homeassistant/lock/x/config",
            "doorward-ha/1/demo/north/state",
        ):  # fmt: skip
            speaker.say(topic, b"forged", retain=True)
        host.say("dw/1/demo/north/down/ack", b"end")
        assert north.next() == ("dw/1/demo/north/down/ack", b"end")
        assert host.next() == ("dw/1/demo/north/down/ack", b"end")
        assert heard_until_end(speaker, host) == {}


def test_a_gateway_has_no_part_in_it(site: Site, home: Identity, ca: Path) -> None:
    with (
        talker(site.controller, ca, site.broker.port) as host,
        talker(site.north, ca, site.broker.port) as north,
        talker(home, ca, site.broker.port) as listener,
    ):
        listener.hear("homeassistant/#", "doorward-ha/1/demo/#")
        north.hear("homeassistant/#", "doorward-ha/#", "dw/1/demo/north/down/#")
        for topic in TOLD:
            north.say(topic, b"forged", retain=True)
        host.say("doorward-ha/1/demo/north/state", b"{}")
        host.say("dw/1/demo/north/down/ack", b"end")
        assert north.next() == ("dw/1/demo/north/down/ack", b"end")
        assert heard_until_end(listener, host) == {"doorward-ha/1/demo/north/state": b"{}"}
