"""A gateway is cut off at a real broker: late, then lost, told to a real receiver, judged later."""

import base64
import json
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from doorward import topics
from doorward.ids import GatewayId
from doorward.messages import State
from doorward.times import Instant, MonoMs, UtcMs, UtcSeconds
from doorward_controller import wiring
from doorward_controller.clock import SystemClock
from doorward_controller.config import Alerts, Config
from doorward_controller.domain.delivery_formats import ReceiverKind
from doorward_controller.domain.fleet_state import Condition, Work
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.jobs import Jobs
from doorward_controller.queries import alerts, devices, fleet_states
from doorward_controller.services import receivers
from doorward_controller.services.backend import Backend
from doorward_controller.services.delivering import Deliveries
from doorward_controller.services.receivers import ReceiverSettings
from tests.fakes.enrolled import enrolled
from tests.fakes.journal_gateway import scan
from tests.fakes.receivers import web_receiver
from tests.system.broker_clients import Talker, talker
from tests.system.conftest import SITE, Site

pytestmark = pytest.mark.system

NORTH = GatewayId("north")
BOOT = "00" * 8
WAIT_S = 40.0
SECRET = "whsec_" + base64.b64encode(bytes(32)).decode()


class HurryingClock:
    """The system's clock, which can be put forward: nobody waits five minutes in a test."""

    def __init__(self) -> None:
        self._clock, self.ahead_ms = SystemClock(), 0

    def now(self) -> Instant:
        now = self._clock.now()
        return replace(
            now,
            utc_ms=UtcMs(now.utc_ms + self.ahead_ms),
            mono_ms=MonoMs(now.mono_ms + self.ahead_ms),
        )


def wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


def state(*, online: bool, session: int) -> bytes:
    return State(online=online, boot_id=BOOT, session=session, at=UtcSeconds(1)).to_wire()


def test_a_gateway_that_is_cut_off_is_told_and_judged_by_its_journal_later(
    site: Site, tmp_path: Path
) -> None:
    config = Config(
        site=SITE,
        data_dir=tmp_path / "controller",
        mqtt=site.mqtt,
        alerts=Alerts(allow_insecure_receivers=True),
    )
    clock = HurryingClock()
    wiring.initialise(config, clock)
    backend, intakes = wiring.open_server(config, clock)
    # The same parts, in more of a hurry.
    jobs = Jobs(backend)
    for job in jobs._jobs:
        job.every_s = job.left_s = 0.2
    assert isinstance(intakes, wiring.Intakes)
    quick = replace(intakes, jobs=jobs, deliveries=Deliveries(backend, look_s=0.1))
    journal = enrolled(backend, "north")

    def condition() -> Condition:
        return fleet_states.fleet(backend.store, clock.now().utc_ms).of("north").condition

    quick.start()
    try:
        with web_receiver(500, 200) as hook:
            _add_hook(backend, hook.address)
            wait_for(lambda: backend.publisher.connected)
            topic = journal.topic(topics.Up.STATE)
            ca_file, port = site.authority.ca_file, site.broker.port
            last_words = state(online=False, session=1)
            with talker(site.north, ca_file, port, will=topic, last_words=last_words) as north:
                north.say(topic, state(online=True, session=1), retain=True)
                wait_for(lambda: condition() is Condition.ON_TIME)
                _cut(north)
                wait_for(lambda: condition() is Condition.LATE)
                cut_at_ms = clock.now().utc_ms
                clock.ahead_ms += 301_000
                wait_for(lambda: condition() is Condition.LOST)
                # The first attempt is answered 500; the second comes after its pause.
                wait_for(lambda: len(hook.posted) == 1)
                clock.ahead_ms += 11_000
                wait_for(lambda: len(hook.posted) == 2)
                told = json.loads(hook.posted[1].body)
                assert (told["type"], told["data"]["rule"]) == ("alert.opened", "state.lost")
                wait_for(lambda: alerts.deliveries(backend.store)[0].state == "delivered")
                wait_for(north.client.is_connected)
                north.say(topic, state(online=True, session=2), retain=True)
                for n in range(5):
                    at = UtcMs(cut_at_ms + 10_000 * (n + 1))
                    journal.append(replace(scan(n, portal="north-door"), utc_ms=at, online=False))
                for wire in journal.wires(5):
                    north.say(journal.topic(), wire)
                wait_for(lambda: bool(_worked(backend)))
                clock.ahead_ms += 16_000
                wait_for(lambda: condition() is Condition.ON_TIME)
                wait_for(lambda: len(hook.posted) == 3)
                assert json.loads(hook.posted[2].body)["type"] == "alert.resolved"
        assert _worked(backend) == [(Work.WORKED, 5)]
    finally:
        quick.stop()
        backend.store.close()


def _cut(north: Talker) -> None:
    """Ends the connection without a good-bye: the broker tells the last will."""
    sock = north.client.socket()
    assert isinstance(sock, socket.socket)
    sock.shutdown(socket.SHUT_RDWR)


def _add_hook(backend: Backend, address: str) -> None:
    settings = ReceiverSettings(
        name="hook", kind=ReceiverKind.WEBHOOK, route={"url": f"{address}/", "secret": SECRET}
    )
    security = Actor(name="sam", role=Role.SECURITY)
    receivers.add_receiver(backend, security, settings)


def _worked(backend: Backend) -> list[tuple[Work, int]]:
    found = devices.absences(backend.store, "north")
    return [(each.work, each.records) for each in found if each.work is Work.WORKED]
