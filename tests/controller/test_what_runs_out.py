"""Room on disks, the ends of the broker's certificates: told before, and what a full disk does."""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward.reasons import Severity
from doorward_controller import checking, wiring
from doorward_controller.broker.authority import Authority
from doorward_controller.config import Mqtt
from doorward_controller.domain.alert_rules import Bounds, Key
from doorward_controller.ingest.consumer import Consumer
from doorward_controller.services import alert_rule_book, alerting, disk_room, site_certificates
from doorward_controller.services.backend import Backend
from doorward_controller.store import alerts
from doorward_controller.store.alerts import StoredAlert
from doorward_controller.store.schema import records
from tests.controller.conftest import ADMIN, StandingClock, enrol, make_config
from tests.fakes.controller_link import FakeLink
from tests.fakes.loop_disk import Disk, loop_disk

DISK = Key("site.disk_free", "disk-data")
ON_SQLITE = pytest.mark.parametrize("site_url", ["sqlite"], indirect=True)


def live(backend: Backend, key: Key) -> StoredAlert | None:
    with backend.store.read() as connection:
        return alerts.live(connection, key)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with loop_disk(tmp_path) as made:
        yield made


@pytest.fixture
def cramped(disk: Disk, clock: StandingClock, link: FakeLink) -> Iterator[Backend]:
    """A site whose data folder and database are on a small disk."""
    config = make_config(disk.folder / "data")
    wiring.initialise(config, clock)
    made = wiring.open_backend(config, clock=clock, publisher=link)
    yield made
    made.store.close()


def leave_free(disk: Disk, percent: int) -> Path:
    """Fills the disk until about so much is free."""
    (room,) = (each for each in [disk_room._room("data", disk.folder)] if each)
    ballast = disk.folder / "ballast"
    with ballast.open("ab") as file:
        file.write(bytes(room.free_bytes - room.size_bytes * percent // 100))
    return ballast


def test_a_disk_is_told_of_before_it_is_full_and_again_when_it_gets_worse(
    cramped: Backend, disk: Disk
) -> None:
    (room,) = disk_room.rooms(cramped.config)
    assert room.what == "data", "both are on one disk"
    assert disk_room.look(cramped) == 0
    leave_free(disk, 12)
    assert disk_room.look(cramped) == 1
    told = live(cramped, DISK)
    assert told is not None
    assert told.severity is Severity.WARNING
    assert disk_room.look(cramped) == 0, "once is enough"
    ballast = leave_free(disk, 3)
    assert disk_room.look(cramped) == 1
    told = live(cramped, DISK)
    assert told is not None
    assert told.severity is Severity.ALARM
    ballast.unlink()
    assert disk_room.look(cramped) == 1
    assert live(cramped, DISK) is None


def test_the_bounds_are_the_rules(cramped: Backend, disk: Disk) -> None:
    with cramped.store.read() as connection:
        rule = next(each for each in alerting.rules(connection) if each.code == DISK.rule)
    wide = rule.model_copy(update={"bounds": Bounds(warning=99, is_low_bad=True)})
    alert_rule_book.save_rule(cramped, ADMIN, wide)
    assert disk_room.look(cramped) == 1
    alert_rule_book.save_rule(cramped, ADMIN, wide.model_copy(update={"is_on": False}))
    assert disk_room.look(cramped) == 1
    assert live(cramped, DISK) is None


def test_on_a_full_disk_nothing_is_confirmed_or_lost_and_intake_goes_on_when_there_is_room(
    cramped: Backend, disk: Disk, link: FakeLink, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = enrol(cramped)
    gateway.append_scans(400)
    consumer = Consumer(cramped)
    ballast = disk.fill_up()
    first, refused = 1, 0
    with caplog.at_level(logging.WARNING):
        # SQLite goes on for as long as there is room in the file that it has.
        while first < gateway.head and not refused:
            consumer.offer(link.inbound(gateway.topic(), gateway.wire(first, first + 39)))
            if consumer.turn(0):
                first += 40
            else:
                refused = first
    assert refused, "the disk was not full"
    assert "ingest.waiting messages=1" in caplog.text
    assert "full" in caplog.text
    confirmed = link.confirmed
    assert confirmed == (refused - 1) // 40
    assert not consumer.turn(0), "it is tried again, and still nothing is confirmed"
    assert link.confirmed == confirmed
    (room,) = [each for each in checking.check_everything(cramped.config) if each.what == "room"]
    assert not room.is_good
    assert "0 % free" in room.text
    ballast.unlink()
    assert consumer.turn(0)
    assert link.confirmed == confirmed + 1
    with cramped.store.read() as connection:
        seqs = list(connection.execute(sa.select(records.c.seq).order_by(records.c.seq)).scalars())
    assert seqs == list(range(1, refused + 40)), "all of it, each once"


@pytest.fixture
def authority(tmp_path: Path) -> Callable[[int], Mqtt]:
    """Makes an authority that is good for so many days, and the controller's certificate of it."""

    def make(days: int) -> Mqtt:
        folder = tmp_path / f"authority-{days}"
        now = datetime.fromtimestamp(StandingClock().now().utc_s, UTC)
        made = Authority.create(folder, now=now, valid_for=timedelta(days=days))
        identity = made.issue_controller(now=now)
        return Mqtt(
            port=1,  # nobody answers there
            ca_file=made.ca_file,
            cert_file=identity.certificate_file,
            key_file=identity.key_file,
        )

    return make


def with_broker(backend: Backend, mqtt: Mqtt) -> Backend:
    return replace(backend, config=backend.config.model_copy(update={"mqtt": mqtt}))


@ON_SQLITE
def test_an_authority_that_ends_is_told_of_in_time_and_graver_near_its_end(
    backend: Backend, authority: Callable[[int], Mqtt], clock: StandingClock
) -> None:
    key = Key("site.certificate_ends", "certificate-authority")
    near = with_broker(backend, authority(90))
    assert site_certificates.look(near) == 0
    clock.pass_s(31 * 86_400)
    assert site_certificates.look(near) == 2, "the authority and what it has signed for us"
    told = live(near, key)
    assert told is not None
    assert told.severity is Severity.WARNING
    clock.pass_s(46 * 86_400)
    assert site_certificates.look(near) == 2
    told = live(near, key)
    assert told is not None
    assert told.severity is Severity.ALARM
    assert site_certificates.look(with_broker(backend, authority(3650))) == 2
    assert live(near, key) is None


@ON_SQLITE
def test_what_the_broker_shows_is_read_also_when_it_is_over(
    backend: Backend, authority: Callable[[int], Mqtt], tmp_path: Path, clock: StandingClock
) -> None:
    mqtt = authority(90)
    made = Authority.load(mqtt.ca_file.parent)
    server = made.issue_server(now=datetime.fromtimestamp(clock.now().utc_s, UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate_file, server.key_file)
    context.load_verify_locations(mqtt.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED  # as the broker does
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        answering = threading.Thread(target=_answer_once, args=(listening, context))
        answering.start()
        shown = mqtt.model_copy(update={"host": "127.0.0.1", "port": listening.getsockname()[1]})
        found = site_certificates.certificates(with_broker(backend, shown).config)
        answering.join()
    ends = {each.what: each.days_left(clock.now().utc_s) for each in found}
    assert ends == {"authority": 90, "controller": 90, "server": 90}


def _answer_once(listening: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        plain, _ = listening.accept()
        with plain, context.wrap_socket(plain, server_side=True):
            pass


@ON_SQLITE
def test_files_that_cannot_be_read_are_no_finding(backend: Backend) -> None:
    assert site_certificates.files(backend.config) == ()
    assert site_certificates.look(with_broker(backend, backend.config.mqtt)) == 0
