"""Intake over a real broker with mutual TLS: stored, then acknowledged, whatever is restarted."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from doorward import topics
from doorward.acks import Ack
from doorward.envelope import parse_envelope
from doorward.ids import GatewayId
from doorward.ranges import merge
from doorward_controller import wiring
from doorward_controller.config import Config
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.queries import fleet_board
from doorward_controller.services import policy_release
from doorward_controller.services.backend import Backend
from tests.fakes.enrolled import enrolled
from tests.fakes.journal_gateway import JournalGateway
from tests.system.broker_clients import Talker, talker
from tests.system.conftest import SITE, Site

NORTH = GatewayId("north")
ACKS = topics.down(SITE, NORTH, topics.Down.ACK)
WAIT_S = 45.0


def wait_for(what: Callable[[], bool]) -> None:
    """Waits until a condition holds; fails after `WAIT_S`."""
    end = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def config(site: Site, tmp_path: Path) -> Config:
    settings = Config(
        site=SITE,
        data_dir=tmp_path / "controller",
        mqtt=site.mqtt,
    )
    wiring.initialise(settings)
    return settings


@contextmanager
def running(config: Config) -> Iterator[Backend]:
    backend, intakes = wiring.open_server(config)
    intakes.start()
    try:
        wait_for(lambda: backend.publisher.connected)
        yield backend
    finally:
        intakes.stop()
        backend.store.close()


@pytest.fixture
def gateway(config: Config) -> JournalGateway:
    backend = wiring.open_backend(config)
    made = enrolled(backend, "north")
    policy_release.release(backend, Actor(name="sam", role=Role.SECURITY))
    backend.store.close()
    return made


def acknowledged(north: Talker, until: int) -> None:
    """Collects acknowledgements until 1 to `until` are covered."""
    covered = merge()
    while covered != ((1, until),):
        _, wire = north.next()
        covered = merge(covered, Ack.from_body(parse_envelope(wire).body).committed)


def stored(backend: Backend) -> int:
    row = fleet_board.gateway(backend.store, "north")
    assert row is not None
    return row.stored_records


def test_records_are_stored_and_acknowledged(
    site: Site, config: Config, gateway: JournalGateway
) -> None:
    gateway.append_scans(250)
    ca_file, port = site.authority.ca_file, site.broker.port
    with running(config) as backend, talker(site.north, ca_file, port) as north:
        north.hear(ACKS)
        for wire in gateway.wires(50):
            north.say(gateway.topic(), wire)
        acknowledged(north, 250)
        assert stored(backend) == 250


def test_what_was_sent_while_the_controller_was_away_is_stored_when_it_is_back(
    site: Site, config: Config, gateway: JournalGateway
) -> None:
    gateway.append_scans(300)
    wires = gateway.wires(50)
    ca_file, port = site.authority.ca_file, site.broker.port
    with talker(site.north, ca_file, port) as north:
        north.hear(ACKS)
        with running(config) as backend:
            for wire in wires[:2]:
                north.say(gateway.topic(), wire)
            acknowledged(north, 100)
        for wire in wires[2:]:
            north.say(gateway.topic(), wire)
        with running(config) as backend:
            covered = merge([(1, 100)])
            while covered != ((1, 300),):
                _, wire = north.next()
                covered = merge(covered, Ack.from_body(parse_envelope(wire).body).committed)
            assert stored(backend) == 300


def test_broker_that_forgot_everything_gets_the_policy_again(
    site: Site, config: Config, gateway: JournalGateway
) -> None:
    bundle = topics.policy(SITE, topics.Policy.BUNDLE)
    status = topics.policy(SITE, topics.Policy.STATUS)
    with running(config) as backend:
        site.broker.kill()
        for file in (site.settings.folder / "state").iterdir():
            file.unlink()
        wait_for(lambda: not backend.publisher.connected)
        site.broker.start()
        with talker(site.north, site.authority.ca_file, site.broker.port) as north:
            north.hear(bundle, status)
            assert {north.next()[0], north.next()[0]} == {bundle, status}


def test_gateway_is_seen_to_come_and_go(
    site: Site, config: Config, gateway: JournalGateway
) -> None:
    def is_online(backend: Backend) -> bool | None:
        row = fleet_board.gateway(backend.store, "north")
        return row.online if row else None

    say = f'{{"online":%s,"boot_id":"{"0" * 16}","session":1,"at":1}}'
    topic = gateway.topic(topics.Up.STATE)
    ca_file, port = site.authority.ca_file, site.broker.port
    with running(config) as backend, talker(site.north, ca_file, port) as north:
        assert is_online(backend) is None
        north.say(topic, (say % "true").encode(), retain=True)
        wait_for(lambda: is_online(backend) is True)
        north.say(topic, (say % "false").encode(), retain=True)
        wait_for(lambda: is_online(backend) is False)
