"""What gateways say of themselves, and what the console shows of it."""

from dataclasses import replace

import pytest

from doorward import topics
from doorward.envelope import parse_envelope
from doorward.ids import SiteId
from doorward.messages import Applied, Health, Rejection, Reported, State
from doorward.policy import Policy
from doorward.status import Delta, StatusList
from doorward.times import UtcSeconds
from doorward.topics import Up
from doorward_controller.ingest.writer import Writer
from doorward_controller.queries import fleet_board, propagation, quarantine_list
from doorward_controller.queries.fleet_board import GatewayRow
from doorward_controller.services import status_publishing
from doorward_controller.services.backend import Backend
from doorward_controller.store.schema import records, stored_ranges
from tests.controller.conftest import StandingClock, enrol, release
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import JournalGateway

BOOT = "0011223344556677"


@pytest.fixture
def gateway(backend: Backend) -> JournalGateway:
    return enrol(backend, "gate-1", "north")


def say(backend: Backend, link: FakeLink, gateway: JournalGateway, kind: Up, wire: bytes) -> None:
    Writer(backend).process([link.inbound(gateway.topic(kind), wire)])


def row(backend: Backend) -> GatewayRow:
    found = fleet_board.gateway(backend.store, "gate-1")
    assert found is not None
    return found


def state(*, online: bool, session: int = 1, boot: str = BOOT) -> bytes:
    return State(online=online, boot_id=boot, session=session, at=UtcSeconds(0)).to_wire()


def test_gateway_that_was_never_heard_is_neither_on_nor_off(
    backend: Backend, gateway: JournalGateway
) -> None:
    assert row(backend).online is None
    assert row(backend).last_seen_at_utc_ms is None


def test_gateway_comes_and_goes(
    backend: Backend, link: FakeLink, gateway: JournalGateway, clock: StandingClock
) -> None:
    say(backend, link, gateway, Up.STATE, state(online=True))
    assert row(backend).online is True
    clock.pass_s(60)
    say(backend, link, gateway, Up.STATE, state(online=False))
    assert row(backend).online is False
    assert row(backend).offline_since_utc_ms == clock.utc_ms
    clock.pass_s(60)
    say(backend, link, gateway, Up.STATE, state(online=False))
    assert row(backend).offline_since_utc_ms == clock.utc_ms - 60_000


@pytest.mark.parametrize("old", [state(online=False), state(online=False, boot="ff" * 8)])
def test_last_will_of_an_older_connection_says_nothing(
    backend: Backend, link: FakeLink, gateway: JournalGateway, old: bytes
) -> None:
    say(backend, link, gateway, Up.STATE, state(online=True, session=2))
    say(backend, link, gateway, Up.STATE, old)
    assert row(backend).online is True


def test_birth_is_answered_with_what_is_stored_and_what_is_missing(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    gateway.append_scans(30)
    say(backend, link, gateway, Up.RECORDS, gateway.wire(1, 10))
    say(backend, link, gateway, Up.RECORDS, gateway.wire(21, 25))
    say(backend, link, gateway, Up.BIRTH, gateway.birth(tail=5))
    answer = link.acks("main", "gate-1")[-1]
    assert answer.committed == ((5, 10), (21, 25))
    assert answer.resend == ((11, 20), (26, 30))


def test_restored_database_asks_for_what_it_lost(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    gateway.append_scans(10)
    say(backend, link, gateway, Up.RECORDS, gateway.wire(1, 10))
    with backend.store.write() as connection:
        connection.execute(records.delete())
        connection.execute(stored_ranges.delete())
    say(backend, link, gateway, Up.BIRTH, gateway.birth())
    assert link.acks("main", "gate-1")[-1].resend == ((1, 10),)
    say(backend, link, gateway, Up.RECORDS, gateway.wire(1, 10))
    assert row(backend).stored_records == 10


def test_birth_of_an_empty_journal_is_not_answered(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    say(backend, link, gateway, Up.BIRTH, gateway.birth())
    assert link.acks("main", "gate-1") == []
    assert row(backend).software == "0.1.0"


def test_birth_with_another_record_key_is_an_alarm(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    say(backend, link, gateway, Up.BIRTH, gateway.birth(record_key="00" * 32))
    assert [q.reason for q in quarantine_list.page(backend.store).items] == ["record_key_differs"]
    assert row(backend).software == ""


@pytest.mark.parametrize("kind", [Up.STATE, Up.BIRTH, Up.REPORTED, Up.HEALTH])
@pytest.mark.parametrize("wire", [b"", b"{}", b"[1]", b"\xff\x00", b'{"online":"yes"}'])
def test_report_that_cannot_be_read_is_put_aside(
    sqlite_backend: Backend, link: FakeLink, kind: Up, wire: bytes
) -> None:
    gateway = enrol(sqlite_backend, "gate-1", "north")
    say(sqlite_backend, link, gateway, kind, wire)
    assert [q.reason for q in quarantine_list.page(sqlite_backend.store).items] == ["malformed"]
    assert link.confirmed == 1


def test_health_is_kept(backend: Backend, link: FakeLink, gateway: JournalGateway) -> None:
    health = Health(at=UtcSeconds(1), boot_id=BOOT, journal={"pending": 7}, camera="ok")
    say(backend, link, gateway, Up.HEALTH, health.to_wire())
    assert row(backend).journal_pending == 7
    assert row(backend).health["camera"] == "ok"


def test_propagation_counts_who_has_applied_and_names_who_has_not(
    backend: Backend, link: FakeLink, gateway: JournalGateway, clock: StandingClock
) -> None:
    other = enrol(backend, "gate-2", "south")
    version = release(backend)
    assert (propagation.of_bundle(backend.store).applied, version) == (0, 1)
    reported = Reported(applied=Applied(bundle=1), rejected=(), at=UtcSeconds(1))
    say(backend, link, gateway, Up.REPORTED, reported.to_wire())
    say(backend, link, other, Up.STATE, state(online=True))
    say(backend, link, other, Up.STATE, state(online=False))
    spread = propagation.of_bundle(backend.store)
    assert (spread.applied, spread.total) == (1, 2)
    (waiting,) = spread.waiting
    assert waiting.gateway == "gate-2"
    assert waiting.unreachable_since_utc_ms == clock.utc_ms
    late = replace(reported, applied=Applied(bundle=version))
    say(backend, link, other, Up.REPORTED, late.to_wire())
    assert propagation.of_bundle(backend.store).is_complete


REFUSALS: list[tuple[str, str, str]] = [
    ("bundle", "policy: a zone's rule has wrong fields", ""),
    ("status", "", "status list: cut off"),
    ("delta", "", "status list: cut off"),
    ("config", "", ""),
]


@pytest.mark.parametrize(("what", "bundle", "status"), REFUSALS)
def test_who_refused_it_is_told_with_the_words_until_it_has_it(
    backend: Backend, link: FakeLink, gateway: JournalGateway, what: str, bundle: str, status: str
) -> None:
    version = release(backend)
    error = bundle or status or "a setting"
    rejection = Rejection(what=what, version=0, error=error)
    reported = Reported(applied=Applied(), rejected=(rejection,), at=UtcSeconds(1))
    say(backend, link, gateway, Up.REPORTED, reported.to_wire())
    (arrival,) = propagation.of_bundle(backend.store).arrivals
    assert (arrival.has_it, arrival.refused) == (False, bundle)
    (arrival,) = propagation.of_status(backend.store, seq=1).arrivals
    assert arrival.refused == status
    held = replace(reported, applied=Applied(bundle=version, status=1))
    say(backend, link, gateway, Up.REPORTED, held.to_wire())
    assert propagation.of_bundle(backend.store).arrivals[0].refused == "", "it has this one"


def retained_numbers(link: FakeLink) -> tuple[int, int, int]:
    """The numbers of bundle, full list and delta that a broker would hand out."""
    wires = [link.retained[topics.policy(SiteId("main"), kind)] for kind in (
        topics.Policy.BUNDLE, topics.Policy.STATUS, topics.Policy.DELTA,
    )]  # fmt: skip
    bundle, full, delta = (parse_envelope(wire).body for wire in wires)
    return (
        Policy.from_body(bundle).version,
        StatusList.from_body(full).seq,
        Delta.from_body(delta).seq,
    )


@pytest.mark.parametrize("kind", [Up.BIRTH, Up.REPORTED])
def test_restored_database_goes_past_what_its_gateways_have_applied(
    backend: Backend, link: FakeLink, gateway: JournalGateway, kind: Up
) -> None:
    release(backend)
    applied = Applied(bundle=7, status=40, keyring=1)
    reported = Reported(applied=applied, rejected=(), at=UtcSeconds(0))
    wire = gateway.birth(applied=applied) if kind is Up.BIRTH else reported.to_wire()
    say(backend, link, gateway, kind, wire)
    assert retained_numbers(link) == (8, 41, 42)
    say(backend, link, gateway, kind, wire)
    assert retained_numbers(link) == (8, 41, 42), "once is enough"
    assert release(backend) == 9


def test_restored_database_goes_past_what_other_gateways_may_have_seen(
    backend: Backend, link: FakeLink, gateway: JournalGateway, clock: StandingClock
) -> None:
    release(backend)
    clock.pass_s(1000)
    applied = Applied(bundle=7, status=40, keyring=1)
    reported = Reported(applied=applied, rejected=(), at=UtcSeconds(0))
    say(backend, link, gateway, Up.REPORTED, reported.to_wire())
    assert retained_numbers(link) == (1001, 1001, 1002)


def test_claim_beyond_all_reason_moves_no_number(
    backend: Backend, link: FakeLink, gateway: JournalGateway
) -> None:
    release(backend)
    status_publishing.publish(backend, full=True)
    before = link.retained.copy()
    applied = Applied(bundle=2**40, status=2**40, keyring=1)
    reported = Reported(applied=applied, rejected=(), at=UtcSeconds(0))
    say(backend, link, gateway, Up.REPORTED, reported.to_wire())
    assert link.retained == before
