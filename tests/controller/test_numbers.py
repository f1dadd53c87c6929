"""No number of a list or a policy is signed twice, whatever database a process starts with."""

import pytest

from doorward_controller.errors import StoreUnavailableError
from doorward_controller.ingest.consumer import Consumer
from doorward_controller.services import policy_release, status_publishing
from doorward_controller.services.backend import Backend
from doorward_controller.store import credentials
from tests.controller.conftest import StandingClock, enrol, release
from tests.fakes.controller_link import FakeLink


def list_number(backend: Backend) -> int:
    with backend.store.read() as connection:
        return credentials.list_number(connection, backend.config.site)


def start_anew(backend: Backend) -> None:
    """What is in a process's memory alone is gone with it."""
    status_publishing._published_full.clear()
    policy_release._released_here.clear()
    status_publishing.begin(backend)


def test_a_process_begins_above_every_number_that_time_allowed(
    sqlite_backend: Backend, clock: StandingClock
) -> None:
    before = list_number(sqlite_backend)
    start_anew(sqlite_backend)
    assert list_number(sqlite_backend) == before, "a new site begins with small numbers"
    clock.pass_s(5000)
    start_anew(sqlite_backend)
    assert list_number(sqlite_backend) > 5000
    reached = list_number(sqlite_backend)
    start_anew(sqlite_backend)
    assert list_number(sqlite_backend) == reached, "nothing to do twice in a second"
    assert status_publishing.refresh(sqlite_backend) == reached + 1


def test_the_first_release_of_a_process_is_above_every_version_that_time_allowed(
    sqlite_backend: Backend, clock: StandingClock
) -> None:
    clock.pass_s(100)
    assert release(sqlite_backend) == 1, "the first of a site"
    assert release(sqlite_backend) == 2
    clock.pass_s(100)
    assert release(sqlite_backend) == 3
    start_anew(sqlite_backend)
    assert release(sqlite_backend) == 200
    assert release(sqlite_backend) == 201


def test_a_group_that_the_database_does_not_take_stays_at_hand(
    sqlite_backend: Backend, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = enrol(sqlite_backend)
    gateway.append_scans(3)
    consumer = Consumer(sqlite_backend)
    had_work = consumer.has_work
    consumer.offer(link.inbound(gateway.topic(), gateway.wire(1, 3)))
    assert (had_work, consumer.has_work) == (False, True)

    def refuse(_group: object) -> None:
        raise StoreUnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(consumer._writer, "process", refuse)
        assert not consumer.turn(0)
    assert (consumer.has_work, link.confirmed) == (True, 0)
    assert consumer.turn(0)
    assert (consumer.has_work, link.confirmed) == (False, 1)
    assert consumer.turn(0), "nothing to do is no trouble"
