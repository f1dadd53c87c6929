"""What gateways recorded is stored exactly once, and only that is acknowledged."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doorward.batches import MAX_BATCH_BYTES, chain_start
from doorward.envelope import Ed25519Signer, Kind, parse_envelope, seal_envelope
from doorward.ids import GatewayId, SiteId
from doorward.keys import Purpose, pin_keyring, verify_signed
from doorward.records import Record
from doorward.topics import Down, Up, down, up
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.queries import fleet_board, quarantine_list, record_feed
from doorward_controller.queries.record_feed import RecordFilter
from doorward_controller.services import enrolment, provisioning
from doorward_controller.services.backend import Backend
from doorward_controller.store.schema import quarantine, records
from tests.controller.conftest import ADMIN, StandingClock, enrol
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import AT_UTC_MS, JournalGateway, scan


@pytest.fixture
def gateway(backend: Backend) -> JournalGateway:
    made = enrol(backend, "gate-1", "north")
    made.append_scans(20)
    return made


@pytest.fixture
def writer(backend: Backend) -> Writer:
    return Writer(backend)


EPOCHS = itertools.count(1000)
"""One for each example of a property: they share a database."""


def stored(backend: Backend) -> list[tuple[str, int]]:
    with backend.store.read() as connection:
        rows = connection.execute(sa.select(records.c.epoch, records.c.seq).order_by(records.c.seq))
        return [(f"{epoch:x}", seq) for epoch, seq in rows]


def reasons(backend: Backend) -> list[str]:
    return [row.reason for row in quarantine_list.page(backend.store).items]


def send(writer: Writer, link: FakeLink, gateway: JournalGateway, *wires: bytes) -> None:
    writer.process([link.inbound(gateway.topic(), wire) for wire in wires])


def enrol_once(backend: Backend) -> None:
    """For examples that share one backend."""
    if fleet_board.gateway(backend.store, "gate-1") is None:
        enrol(backend, "gate-1", "north")


def committed(link: FakeLink) -> list[tuple[tuple[int, int], ...]]:
    return [ack.committed for ack in link.acks("main", "gate-1")]


def test_batch_is_stored_and_acknowledged(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    send(writer, link, gateway, gateway.wire(1, 20))
    assert [seq for _, seq in stored(backend)] == list(range(1, 21))
    assert committed(link) == [((1, 20),)]
    assert link.confirmed == 1


def test_record_reads_back_as_it_was_written(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    send(writer, link, gateway, gateway.wire(1, 20))
    row = record_feed.page(backend.store, RecordFilter(), limit=1).items[0]
    said = scan(20)
    assert (row.seq, row.at_utc_ms, row.portal, row.outcome) == (20, said.utc_ms, "north", "grant")
    assert row.credential_id == (said.credential_id or b"").hex()
    assert (row.rule, row.basis, row.reader) == (said.rule, said.basis, said.reader)


def test_field_of_a_newer_gateway_is_kept(backend: Backend, writer: Writer, link: FakeLink) -> None:
    newer = enrol(backend, "gate-2", "south")
    newer.append(replace(scan(1), extra=((900, "new"),)))
    send(writer, link, newer, newer.wire(1, 1))
    with backend.store.read() as connection:
        body = connection.execute(sa.select(records.c.body)).scalar_one()
    assert Record.from_wire(body).extra == ((900, "new"),)


def test_acknowledgement_is_signed_for_that_purpose(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway, clock: StandingClock
) -> None:
    send(writer, link, gateway, gateway.wire(1, 20))
    topic = down(SiteId("main"), GatewayId("gate-1"), Down.ACK)
    wire = next(wire for name, wire in link.published if name == topic)
    keyring = pin_keyring(provisioning.provision(backend).keyring)
    verify_signed(parse_envelope(wire), keyring, Purpose.CONTROL, clock.now().utc_s)


def test_second_copy_is_acknowledged_and_stored_once(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    for _ in range(3):
        send(writer, link, gateway, gateway.wire(1, 20))
    assert len(stored(backend)) == 20
    assert committed(link) == [((1, 20),)] * 3
    assert reasons(backend) == []


def test_copies_in_one_group_are_stored_once(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    send(writer, link, gateway, gateway.wire(1, 20), gateway.wire(5, 9), gateway.wire(1, 20))
    assert len(stored(backend)) == 20
    assert committed(link) == [((1, 20),)]
    assert link.confirmed == 3


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    spans=st.lists(
        st.tuples(st.integers(1, 20), st.integers(1, 20)).map(lambda p: (min(p), max(p))),
        min_size=1,
        max_size=12,
    ),
    size=st.integers(1, 4),
)
def test_any_order_repetition_and_overlap_stores_each_record_once(
    sqlite_backend: Backend,
    link: FakeLink,
    spans: list[tuple[int, int]],
    size: int,
) -> None:
    enrol_once(sqlite_backend)
    epoch = next(EPOCHS)
    journal = JournalGateway(intake_key=sqlite_backend.keys.intake_public, epoch=epoch)
    journal.append_scans(20)
    writer = Writer(sqlite_backend)
    wires = [journal.wire(first, last) for first, last in spans]
    for start in range(0, len(wires), size):
        send(writer, link, journal, *wires[start : start + size])
    expected = sorted({n for first, last in spans for n in range(first, last + 1)})
    assert [seq for e, seq in stored(sqlite_backend) if e == f"{epoch:x}"] == expected
    assert reasons(sqlite_backend) == []


def test_same_number_with_another_content_is_put_aside(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    send(writer, link, gateway, gateway.wire(1, 20))
    other = JournalGateway(intake_key=backend.keys.intake_public)
    other.append(*(scan(n, granted=False) for n in range(1, 21)))
    send(writer, link, gateway, other.wire(1, 20))
    assert reasons(backend) == ["number_reused"]
    assert committed(link) == [((1, 20),)]
    assert link.confirmed == 2


def test_one_changed_record_inside_a_stored_range_is_noticed(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    send(writer, link, gateway, gateway.wire(1, 20))
    other = JournalGateway(intake_key=backend.keys.intake_public)
    other.append(*(scan(n, granted=n != 7) for n in range(1, 21)))
    send(writer, link, gateway, other.wire(5, 9))
    assert reasons(backend) == ["number_reused"]


def test_batch_that_does_not_continue_the_history_is_put_aside(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    send(writer, link, gateway, gateway.wire(1, 10))
    other = JournalGateway(intake_key=backend.keys.intake_public)
    other.append(*(scan(n, granted=n != 3) for n in range(1, 21)))
    send(writer, link, gateway, other.wire(11, 20))
    assert reasons(backend) == ["chain_broken"]
    assert len(stored(backend)) == 10


def test_batch_that_does_not_lead_to_the_history_is_put_aside(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    send(writer, link, gateway, gateway.wire(11, 20))
    other = JournalGateway(intake_key=backend.keys.intake_public)
    other.append(*(scan(n, granted=n != 3) for n in range(1, 21)))
    send(writer, link, gateway, other.wire(1, 10))
    assert reasons(backend) == ["chain_broken"]


def test_first_batch_must_begin_the_epochs_chain(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    false_start = chain_start(GatewayId("gate-1"), gateway.epoch + 1)  # type: ignore[arg-type]
    send(writer, link, gateway, gateway.forged(1, 5, chain_before=false_start))
    assert reasons(backend) == ["chain_broken"]


def test_gap_is_stored_and_closed_later(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    for first, last in ((15, 20), (1, 4), (5, 14)):
        send(writer, link, gateway, gateway.wire(first, last))
    assert [seq for _, seq in stored(backend)] == list(range(1, 21))
    assert committed(link) == [((15, 20),), ((1, 4),), ((5, 14),)]


def test_good_batches_of_a_group_do_not_suffer_from_a_bad_one(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    send(writer, link, gateway, gateway.wire(1, 10), b"rubbish", gateway.wire(11, 20))
    assert len(stored(backend)) == 20
    assert reasons(backend) == ["malformed"]
    assert committed(link) == [((1, 20),)]
    assert link.confirmed == 3


def test_unreadable_record_is_kept_aside_and_does_not_hold_the_others_up(
    backend: Backend, writer: Writer, link: FakeLink
) -> None:
    gateway = enrol(backend, "gate-1", "north")
    gateway.append(scan(1))
    gateway.append_bytes(b"\xffnot a record")
    gateway.append(scan(3))
    send(writer, link, gateway, gateway.wire(1, 3))
    assert [seq for _, seq in stored(backend)] == [1, 3]
    assert reasons(backend) == ["record_unreadable"]
    assert committed(link) == [((1, 3),)]
    with backend.store.read() as connection:
        kept = connection.execute(sa.select(quarantine.c.head)).scalar_one()
    assert kept == gateway.batch(1, 3).records[1].sealed


def from_unknown(backend: Backend, gateway: JournalGateway) -> Inbound:
    stranger = JournalGateway("gate-9", intake_key=backend.keys.intake_public)
    stranger.append_scans(1)
    return Inbound(topic=stranger.topic(), wire=stranger.wire(1, 1), confirm=lambda: None)


def with_other_key(backend: Backend, gateway: JournalGateway) -> Inbound:
    wire = gateway.batch(1, 3).sealed_with(Ed25519Signer.from_seed(bytes(32)))
    return Inbound(topic=gateway.topic(), wire=wire, confirm=lambda: None)


def flipped_bit(backend: Backend, gateway: JournalGateway) -> Inbound:
    wire = bytearray(gateway.wire(1, 3))
    wire[-1] ^= 1
    return Inbound(topic=gateway.topic(), wire=bytes(wire), confirm=lambda: None)


def of_another_kind(backend: Backend, gateway: JournalGateway) -> Inbound:
    wire = seal_envelope(Kind.OUTCOME, b"{}", [gateway.signer])
    return Inbound(topic=gateway.topic(), wire=wire, confirm=lambda: None)


def for_another_site(backend: Backend, gateway: JournalGateway) -> Inbound:
    topic = up(SiteId("elsewhere"), GatewayId("gate-1"), Up.RECORDS)
    return Inbound(topic=topic, wire=gateway.wire(1, 3), confirm=lambda: None)


def about_another_gateway(backend: Backend, gateway: JournalGateway) -> Inbound:
    wire = gateway.forged(1, 3, gateway=GatewayId("gate-2"))
    return Inbound(topic=gateway.topic(), wire=wire, confirm=lambda: None)


def sealed_to_another_key(backend: Backend, gateway: JournalGateway) -> Inbound:
    other = JournalGateway(intake_key=bytes(31) + b"\x09")
    other.append_scans(3)
    return Inbound(topic=gateway.topic(), wire=other.wire(1, 3), confirm=lambda: None)


def too_large(backend: Backend, gateway: JournalGateway) -> Inbound:
    return Inbound(topic=gateway.topic(), wire=bytes(2 * MAX_BATCH_BYTES), confirm=lambda: None)


def on_a_strange_topic(backend: Backend, gateway: JournalGateway) -> Inbound:
    return Inbound(topic="dw/1/main/gate-1/up", wire=b"", confirm=lambda: None)


def empty(backend: Backend, gateway: JournalGateway) -> Inbound:
    return Inbound(topic=gateway.topic(), wire=b"", confirm=lambda: None)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (from_unknown, "unknown_gateway"),
        (with_other_key, "bad_signature"),
        (flipped_bit, "bad_signature"),
        (of_another_kind, "malformed"),
        (for_another_site, "wrong_site"),
        (about_another_gateway, "wrong_sender"),
        (sealed_to_another_key, "key_not_ours"),
        (too_large, "too_large"),
        (on_a_strange_topic, "bad_topic"),
        (empty, "malformed"),
    ],
)
def test_what_cannot_be_trusted_is_put_aside_and_never_acknowledged(
    backend: Backend,
    writer: Writer,
    link: FakeLink,
    gateway: JournalGateway,
    make: Callable[[Backend, JournalGateway], Inbound],
    reason: str,
) -> None:
    writer.process([make(backend, gateway)])
    assert reasons(backend) == [reason]
    assert stored(backend) == []
    assert link.published == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wire=st.binary(max_size=400), prefix=st.sampled_from([b"", b"DWE1", b"DWE1\x00\x20"]))
def test_no_bytes_stop_intake(
    sqlite_backend: Backend, link: FakeLink, wire: bytes, prefix: bytes
) -> None:
    enrol_once(sqlite_backend)
    gateway = JournalGateway(intake_key=sqlite_backend.keys.intake_public)
    before = link.confirmed
    Writer(sqlite_backend).process([link.inbound(gateway.topic(), prefix + wire)])
    assert stored(sqlite_backend) == []
    assert link.confirmed == before + 1


def test_same_bad_message_is_kept_once_and_counted(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    for _ in range(5):
        send(writer, link, gateway, b"rubbish")
    (row,) = quarantine_list.page(backend.store).items
    assert (row.copies, row.size_bytes, bytes.fromhex(row.excerpt)) == (5, 7, b"rubbish")


def test_revoked_gateway_is_not_listened_to_from_the_next_group_on(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    send(writer, link, gateway, gateway.wire(1, 10))
    enrolment.revoke_gateway(backend, ADMIN, gateway="gate-1", reason="stolen")
    send(writer, link, gateway, gateway.wire(11, 20))
    assert len(stored(backend)) == 10
    assert reasons(backend) == ["gateway_revoked"]
    assert committed(link) == [((1, 10),)]


def test_message_that_the_database_refuses_is_put_aside_alone(
    backend: Backend, writer: Writer, link: FakeLink, gateway: JournalGateway
) -> None:
    # A row that intake does not know of makes the unique key refuse the insert.
    with backend.store.write() as connection:
        connection.execute(
            sa.insert(records).values(
                gateway_id=1, epoch=gateway.epoch, seq=12, received_at_utc_ms=0,
                at_utc_ms=AT_UTC_MS + 12_000, kind=1, reason="", portal="", body=b"", chain=b"",
            )
        )  # fmt: skip
    send(writer, link, gateway, gateway.wire(1, 10), gateway.wire(11, 20))
    assert reasons(backend) == ["store_refused"]
    assert committed(link) == [((1, 10),)]
    assert link.confirmed == 2
