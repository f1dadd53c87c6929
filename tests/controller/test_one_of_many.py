"""One process of many: who leads, what is told to the others, and two intakes at one journal."""

import queue
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from doorward import topics
from doorward.ids import SiteId
from doorward_controller import serving, wiring
from doorward_controller.__main__ import app
from doorward_controller.broker.waiting import wait_until
from doorward_controller.config import one_of_many
from doorward_controller.domain.history import StoredRange
from doorward_controller.errors import ConfigError
from doorward_controller.ingest.writer import Writer
from doorward_controller.services import policy_release, speaking_for_all, status_publishing
from doorward_controller.services.backend import Backend
from doorward_controller.services.feed import EventKind, Feed
from doorward_controller.services.leadership import Follower, Leadership
from doorward_controller.services.relay import Ask, Relay
from doorward_controller.services.speaking_for_all import SharedPublisher
from doorward_controller.store import intake, notices
from doorward_controller.store.intake import Journal
from doorward_controller.store.schema import records
from doorward_controller.store.session import Store
from doorward_controller.wiring import ServeRole
from tests.controller.conftest import StandingClock, enrol, make_config, release
from tests.fakes.controller_link import FakeLink
from tests.fakes.postgres import PostgresCluster

LEASE_S = 4
WAIT_S = 20.0
SITE = SiteId("main")
STATUS = "dw/1/main/policy/status"


@pytest.fixture
def store(postgres: PostgresCluster, postgres_template: str) -> Iterator[Store]:
    name = postgres.make_database(postgres_template)
    made = Store(postgres.url(name))
    yield made
    made.close()
    postgres.drop_database(name)


@pytest.fixture
def shared(tmp_path: Path, store: Store, clock: StandingClock, link: FakeLink) -> Iterator[Backend]:
    """A controller on PostgreSQL."""
    url = store.engine.url.render_as_string(hide_password=False)
    config = make_config(tmp_path / "data", url)
    wiring.initialise(config, clock)
    made = wiring.open_backend(config, clock=clock, publisher=link)
    yield made
    made.store.close()


class Candidate:
    """A process that may lead, looked at by hand."""

    def __init__(self, store: Store, clock: StandingClock) -> None:
        self.told: list[bool] = []
        self.leadership = Leadership(store, clock, lease_s=LEASE_S)
        self.leadership._on_change = self.told.append

    def look(self) -> bool:
        self.leadership.turn()
        return self.leadership.is_held


@pytest.fixture
def candidates(store: Store, clock: StandingClock) -> Iterator[tuple[Candidate, Candidate]]:
    both = Candidate(store, clock), Candidate(store, clock)
    yield both
    for each in both:
        each.leadership.stop()


def test_one_of_two_leads_after_the_lease_of_whoever_led_before(
    candidates: tuple[Candidate, Candidate], clock: StandingClock
) -> None:
    first, second = candidates
    assert [first.look(), second.look()] == [False, False]
    clock.pass_s(LEASE_S - 1)
    assert [first.look(), second.look()] == [False, False]
    clock.pass_s(1)
    assert [first.look(), second.look()] == [True, False]
    assert (first.told, second.told) == ([True], [])


def test_next_one_leads_when_the_leader_has_died(
    candidates: tuple[Candidate, Candidate], clock: StandingClock
) -> None:
    first, second = candidates
    first.look()
    clock.pass_s(LEASE_S)
    assert first.look()
    first.leadership._line.close()  # as the kernel closes what a killed process had open
    assert wait_until(
        lambda: second.look() or second.leadership._taken_at_ms is not None, timeout_s=WAIT_S
    )
    clock.pass_s(LEASE_S)
    assert second.look()
    assert not first.leadership.is_held, "its lease is over although it has not looked"
    assert not first.look()


def test_leader_that_slept_longer_than_its_lease_begins_anew(
    candidates: tuple[Candidate, Candidate], clock: StandingClock
) -> None:
    first, _ = candidates
    first.look()
    clock.pass_s(LEASE_S)
    assert first.look()
    clock.pass_s(LEASE_S)
    assert not first.leadership.is_held
    assert not first.look()
    assert first.told == [True, False]
    first.look()
    clock.pass_s(LEASE_S)
    assert first.look()


def test_whoever_cannot_begin_does_not_lead(store: Store, clock: StandingClock) -> None:
    def fail(leads: bool) -> None:
        if leads:
            raise RuntimeError("cannot begin")

    one = Candidate(store, clock)
    one.leadership._on_change = fail
    one.look()
    clock.pass_s(LEASE_S)
    assert not one.look()
    with store.read() as connection:
        assert not notices.has_leader(connection)
    one.leadership.stop()


class Process:
    """A feed with a relay, and what it was asked."""

    def __init__(self, store: Store) -> None:
        self.feed = Feed()
        self.reader = self.feed.subscribe()
        self.asked: queue.Queue[Ask] = queue.Queue()
        self.gaps = 0
        self.relay = Relay(store, self.feed)
        self.relay.start(self.asked.put, self._gap)

    def _gap(self) -> None:
        self.gaps += 1

    def next(self) -> tuple[str, dict[str, object]]:
        event = self.reader.next(WAIT_S)
        assert event is not None
        return event.kind.value, dict(event.data)


@pytest.fixture
def processes(store: Store) -> Iterator[tuple[Process, Process]]:
    both = Process(store), Process(store)
    for each in both:
        assert each.relay.listening.wait(WAIT_S)
    yield both
    for each in both:
        each.relay.stop()


def test_what_one_process_announces_the_other_tells_once_and_in_order(
    processes: tuple[Process, Process],
) -> None:
    one, other = processes
    for number in range(100):
        one.feed.announce(EventKind.SCAN, {"seq": number, "portal": "门 " + "x" * 200})
    assert [other.next()[1]["seq"] for _ in range(100)] == list(range(100))
    assert [one.next()[1]["seq"] for _ in range(100)] == list(range(100))
    assert one.reader.next(0.2) is None, "it heard itself"


def test_what_is_too_long_for_a_message_is_told_as_a_change_at_large(
    processes: tuple[Process, Process],
) -> None:
    one, other = processes
    one.feed.announce(EventKind.ALERT, {"text": "x" * notices.MAX_BYTES})
    assert other.next() == ("reset", {})
    one.feed.announce(EventKind.ALERT, {"text": "short"})
    assert other.next() == ("alert", {"text": "short"})


def test_what_is_to_be_published_reaches_the_others(processes: tuple[Process, Process]) -> None:
    one, other = processes
    one.relay.ask(STATUS, None)
    one.relay.ask("dw/1/main/gate-1/down/cmd/1", b"\x00\xff")
    assert other.asked.get(timeout=WAIT_S) == (STATUS, None)
    assert other.asked.get(timeout=WAIT_S) == ("dw/1/main/gate-1/down/cmd/1", b"\x00\xff")
    assert one.asked.empty()


def test_whoever_was_deaf_tells_its_readers_to_look_again(
    processes: tuple[Process, Process], store: Store
) -> None:
    _, other = processes
    with store.write() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert other.next() == ("reset", {})
    assert wait_until(lambda: other.gaps == 1, timeout_s=WAIT_S)


class Holder:
    """Leads or not, as the test says."""

    def __init__(self, *, is_held: bool) -> None:
        self.is_held = is_held


def test_only_the_leader_publishes_what_is_retained(
    processes: tuple[Process, Process], store: Store, link: FakeLink
) -> None:
    one, other = processes
    holder = Holder(is_held=False)
    publisher = SharedPublisher(store, one.relay, holder, link)
    publisher.publish(STATUS, b"old", retain=True)
    assert other.asked.get(timeout=WAIT_S) == (STATUS, None)
    publisher.publish("dw/1/main/gate-1/down/ack", b"ack", retain=False)
    holder.is_held = True
    publisher.publish(STATUS, b"new", retain=True)
    assert link.published == [("dw/1/main/gate-1/down/ack", b"ack"), (STATUS, b"new")]


def test_process_without_a_connection_has_others_publish(
    processes: tuple[Process, Process], store: Store
) -> None:
    one, other = processes
    publisher = SharedPublisher(store, one.relay, Follower(), None)
    publisher.publish("dw/1/main/gate-1/down/cmd/1", b"command", retain=False)
    assert other.asked.get(timeout=WAIT_S) == ("dw/1/main/gate-1/down/cmd/1", b"command")
    assert not publisher.connected, "nobody leads"


@pytest.mark.parametrize(
    "topic",
    [
        topics.policy(SITE, kind)
        for kind in (topics.Policy.BUNDLE, topics.Policy.STATUS, topics.Policy.DELTA)
    ],
)
def test_leader_publishes_the_newest_that_the_store_holds(
    shared: Backend, link: FakeLink, topic: str
) -> None:
    release(shared)
    status_publishing.refresh(shared)
    policy_release.publish_current(shared)
    newest = dict(link.retained)
    link.published.clear()
    speaking_for_all.answer(shared, (topic, None))
    assert (topic, newest[topic]) in link.published


def test_whoever_does_not_lead_leaves_it_to_the_leader(shared: Backend, link: FakeLink) -> None:
    release(shared)
    link.published.clear()
    follower = replace(shared, leading=Follower())
    speaking_for_all.answer(follower, (STATUS, None))
    speaking_for_all.answer(follower, ("dw/1/main/gate-1/down/cmd/1", b"x"))
    assert link.published == []


@pytest.mark.parametrize("seed", range(3))
def test_two_intakes_at_one_journal_store_every_record_once(
    shared: Backend, link: FakeLink, seed: int
) -> None:
    chance = random.Random(seed)
    journals = [enrol(shared, f"gate-{n}") for n in range(1, 4)]
    for journal in journals:
        journal.append_scans(120)
    messages = [
        (journal.topic(), journal.wire(first, min(first + chance.randint(4, 30), 120)))
        for journal in journals
        for first in range(1, 121, 5)
    ]

    def take(own: random.Random) -> None:
        writer = Writer(shared)
        mine = own.sample(messages, len(messages))
        while mine:
            group, mine = mine[:8], mine[8:]
            writer.process([link.inbound(*message) for message in group])

    workers = [
        threading.Thread(target=take, args=(random.Random(seed * 10 + n),)) for n in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()
    with shared.store.read() as connection:
        rows = connection.execute(sa.select(records.c.gateway_id, records.c.seq)).all()
        ranges = [intake.load_ranges(connection, Journal(n, journals[0].epoch)) for n in (1, 2, 3)]
    assert sorted(rows) == [(n, seq) for n in (1, 2, 3) for seq in range(1, 121)]
    assert ranges == [
        (StoredRange(1, 120, journal.chain[0], journal.chain[-1]),) for journal in journals
    ]


def test_ranges_that_changed_under_our_lock_stop_the_transaction(shared: Backend) -> None:
    journal = Journal(1, 0xE0)
    enrol(shared)
    first = StoredRange(1, 10, b"a", b"b")
    with shared.store.write() as connection:
        intake.save_ranges(connection, journal, (), (first,))
        intake.save_ranges(connection, journal, (first,), (first._replace(last=20),))
    longer, gone = first._replace(last=15), first._replace(first=2)
    for before, after in (((first,), (longer,)), ((gone,), ())):
        with pytest.raises(RuntimeError, match="under our lock"), shared.store.write() as writing:
            intake.save_ranges(writing, journal, before, after)


@pytest.mark.parametrize("role", ["web", "ingest"])
def test_many_processes_on_sqlite_are_refused(
    tmp_path: Path, role: str, clock: StandingClock
) -> None:
    config = make_config(tmp_path / "data")
    wiring.initialise(config, clock)
    with pytest.raises(ConfigError, match=f"serve --role {role} .* SQLite, for one process"):
        wiring.open_server(config, clock, ServeRole(role))


def test_second_server_on_one_sqlite_is_refused(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    with (
        serving.alone(config),
        pytest.raises(ConfigError, match="another process serves this SQLite database"),
        serving.alone(config),
    ):
        pass
    with serving.alone(config):
        pass


def test_processes_that_share_a_file_differ_by_identity_and_port(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    made = one_of_many(config, identity="controller-2", http_port=8081)
    folder = config.mqtt.cert_file.parent
    assert made.mqtt.client_id == "controller-2"
    assert made.mqtt.cert_file == folder / "controller-2.pem"
    assert made.mqtt.key_file == folder / "controller-2-key.pem"
    assert made.http.port == 8081
    assert one_of_many(config) == config
    with pytest.raises(ConfigError, match="UPPER"):
        one_of_many(config, identity="UPPER CASE")


def test_unknown_role_is_refused_by_the_command_line() -> None:
    result = CliRunner().invoke(app, ["serve", "--role", "both"])
    assert result.exit_code == 2
