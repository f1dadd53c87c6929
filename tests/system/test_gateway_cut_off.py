"""A revoked gateway is off the broker in seconds, stays off, and what it says is refused."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from doorward import topics
from doorward.messages import State
from doorward.times import UtcSeconds
from doorward_controller import wiring
from doorward_controller.broker.authority import Identity
from doorward_controller.broker.waiting import wait_until
from doorward_controller.config import Broker, Config
from doorward_controller.domain.cut_off import CutOffStage
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.queries import cut_offs, fleet_board, quarantine_list
from doorward_controller.services import enrolment
from doorward_controller.services.backend import Backend
from tests.fakes.enrolled import enrolled
from tests.fakes.journal_gateway import JournalGateway
from tests.system.broker_clients import Talker, is_let_in, talker
from tests.system.conftest import SITE, Site

pytestmark = pytest.mark.system

SECURITY = Actor(name="sam", role=Role.SECURITY)
PROMISED_S = 60.0
PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running controller whose broker's files are its own."""

    site: Site
    config: Config
    backend: Backend

    def stage(self, gateway: str) -> CutOffStage | None:
        found = cut_offs.of_gateway(self.backend.store, self.backend.config.site, gateway)
        return None if found is None else found.stage

    def stored(self, gateway: str) -> int:
        row = fleet_board.gateway(self.backend.store, gateway)
        assert row is not None
        return row.stored_records

    def revoke(self, gateway: str) -> None:
        enrolment.revoke_gateway(self.backend, SECURITY, gateway=gateway, reason="stolen")


def config_of(site: Site, folder: Path, broker: Broker) -> Config:
    settings = Config(
        site=SITE,
        data_dir=folder / "controller",
        mqtt=site.mqtt,
        broker=broker,
    )
    wiring.initialise(settings)
    return settings


def files_of(site: Site) -> Broker:
    return Broker(
        access_file=site.broker.access_file,
        authority_dir=site.authority.ca_file.parent,
        pid_file=site.broker.pid_file,
    )


@contextmanager
def running(site: Site, config: Config) -> Iterator[Place]:
    backend, intakes = wiring.open_server(config)
    intakes.start()
    try:
        assert wait_until(lambda: backend.publisher.connected, timeout_s=PATIENCE_S)
        yield Place(site=site, config=config, backend=backend)
    finally:
        intakes.stop()
        backend.store.close()


@pytest.fixture
def place(site: Site, tmp_path: Path) -> Iterator[Place]:
    with running(site, config_of(site, tmp_path, files_of(site))) as place:
        yield place


@contextmanager
def connected(place: Place, identity: Identity, journal: JournalGateway) -> Iterator[Talker]:
    """The gateway connects as a real one does, and is seen to be there."""
    state = journal.topic(topics.Up.STATE)
    ca_file, port = place.site.authority.ca_file, place.site.broker.port
    words = said(online=False)
    with talker(identity, ca_file, port, will=state, last_words=words) as client:
        client.say(state, said(online=True), retain=True)
        assert wait_until(lambda: is_online(place, identity.name), timeout_s=PATIENCE_S)
        yield client


def said(*, online: bool) -> bytes:
    return State(online=online, boot_id="00" * 8, session=1, at=UtcSeconds(1)).to_wire()


def is_online(place: Place, gateway: str) -> bool:
    row = fleet_board.gateway(place.backend.store, gateway)
    return row is not None and row.online is True


def test_revoked_gateway_is_cut_off_and_refused_and_the_others_go_on(place: Place) -> None:
    site = place.site
    north, south = enrolled(place.backend, "north"), enrolled(place.backend, "south")
    north.append_scans(40)
    south.append_scans(40)
    with connected(place, site.north, north) as going_on, connected(place, site.south, south) as it:
        it.say(south.topic(), south.wire(1, 10))
        assert wait_until(lambda: place.stored("south") == 10, timeout_s=PATIENCE_S)
        began_s = time.monotonic()
        place.revoke("south")
        it.ended.get(timeout=PROMISED_S)
        assert time.monotonic() - began_s < PROMISED_S
        assert wait_until(lambda: place.stage("south") is CutOffStage.ENDED, timeout_s=PATIENCE_S)
        assert not is_online(place, "south")
        for _ in range(3):
            assert not is_let_in(site.south, site.authority.ca_file, site.broker.port)
        for first in range(1, 41, 10):
            going_on.say(north.topic(), north.wire(first, first + 9))
        assert wait_until(lambda: place.stored("north") == 40, timeout_s=PATIENCE_S)
        assert going_on.ended.empty(), "the other gateway's connection was ended as well"
        assert place.stored("south") == 10


def test_what_a_revoked_gateway_says_by_another_way_is_refused_at_intake(place: Place) -> None:
    south = enrolled(place.backend, "south")
    south.append_scans(10)
    place.revoke("south")
    message = Inbound(topic=south.topic(), wire=south.wire(1, 10), confirm=lambda: None)
    Writer(place.backend).process([message])
    assert place.stored("south") == 0
    aside = quarantine_list.page(place.backend.store, cursor=None, limit=5).items
    assert [each.reason for each in aside] == ["gateway_revoked"]


def test_two_are_revoked_one_after_the_other_and_both_stay_out(place: Place) -> None:
    site = place.site
    journals = {one.name: enrolled(place.backend, one.name) for one in (site.north, site.south)}
    with ExitStack() as stack:
        for one in (site.north, site.south):
            client = stack.enter_context(connected(place, one, journals[one.name]))
            place.revoke(one.name)
            client.ended.get(timeout=PROMISED_S)
        for one in (site.north, site.south):
            assert not is_let_in(one, site.authority.ca_file, site.broker.port)


def test_revoked_while_the_broker_was_away_is_cut_off_when_it_is_back(place: Place) -> None:
    site = place.site
    south = enrolled(place.backend, "south")
    with connected(place, site.south, south):
        site.broker.kill()
        place.revoke("south")
        site.broker.start()
        assert wait_until(lambda: place.stage("south") is CutOffStage.ENDED, timeout_s=PROMISED_S)
        assert not is_let_in(site.south, site.authority.ca_file, site.broker.port)
        assert not is_online(place, "south")


def test_controller_that_was_killed_after_the_act_goes_on_with_it(
    site: Site, tmp_path: Path
) -> None:
    config = config_of(site, tmp_path, files_of(site))
    backend = wiring.open_backend(config)
    beside = Place(site=site, config=config, backend=backend)
    enrolled(beside.backend, "south")
    with talker(site.south, site.authority.ca_file, site.broker.port) as client:
        beside.revoke("south")
        with running(site, config) as place:
            client.ended.get(timeout=PROMISED_S)
            assert wait_until(
                lambda: place.stage("south") is CutOffStage.ENDED, timeout_s=PATIENCE_S
            )
    backend.store.close()


def test_without_the_brokers_files_the_page_says_what_is_missing(
    site: Site, tmp_path: Path
) -> None:
    with running(site, config_of(site, tmp_path, Broker())) as place:
        south = enrolled(place.backend, "south")
        with connected(place, site.south, south) as client:
            place.revoke("south")
            client.ended.get(timeout=PROMISED_S)

            def problem() -> str:
                found = cut_offs.of_gateway(place.backend.store, place.backend.config.site, "south")
                return "" if found is None else found.problem

            assert wait_until(lambda: "broker.authority_dir" in problem(), timeout_s=PATIENCE_S)
            assert "broker.access_file" in problem()
            assert place.stage("south") is CutOffStage.REFUSED
