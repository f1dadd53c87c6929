"""The outbox: order, window, waiting, acknowledgements; nothing lost under any history."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward.acks import Ack
from doorward.batches import Batch
from doorward.envelope import Ed25519Signer, Kind, parse_envelope, verify_with_key
from doorward.errors import WrongRecipientError
from doorward.ids import Epoch, GatewayId, SiteId
from doorward.ranges import Ranges, from_numbers
from doorward.records import Record
from doorward.times import UtcSeconds
from doorward_edge.ports import EpochSpan, Stretch
from doorward_edge.stages.publish import (
    FIRST_WAIT_MS,
    LONGEST_WAIT_MS,
    MOST_IN_FLIGHT,
    Outbox,
    Settlement,
    Wanted,
    make_batch,
    settlement_of,
)
from tests.fakes.fake_journal import EPOCH, GATEWAY, FakeJournal

SITE = SiteId("plant")
OLD, NEW = Epoch(1), Epoch(2)


def span(epoch: Epoch, pending: Ranges, kept: Ranges = ()) -> EpochSpan:
    head = max((last for _, last in pending + kept), default=0)
    return EpochSpan(epoch=epoch, head=head, pending=pending, kept=kept, lost=())


def stretch(epoch: Epoch, first: int, last: int) -> Stretch:
    records = tuple((1, b"x" * 20) for _ in range(first, last + 1))
    return Stretch(
        epoch=epoch,
        first_seq=first,
        chain_before=bytes(32),
        segments=(),
        records=records,  # type: ignore[arg-type]
    )


def send(outbox: Outbox, now: int) -> Wanted | None:
    wanted = outbox.wanted(now)
    if wanted:
        outbox.sent(wanted, stretch(wanted.epoch, wanted.first, wanted.last), now)
    return wanted


def want(epoch: Epoch, first: int, last: int) -> Wanted:
    return Wanted(epoch=epoch, first=first, last=last)


def committed(epoch: Epoch, *ranges: tuple[int, int], resend: Ranges = ()) -> Settlement:
    return Settlement(epoch=epoch, committed=ranges, resend=resend)


def test_old_epochs_drain_first_in_batches_and_holes_are_jumped() -> None:
    outbox = Outbox([span(OLD, ((5, 9), (20, 21))), span(NEW, ((1, 300),))])
    assert [send(outbox, 0) for _ in range(4)] == [
        want(OLD, 5, 9),
        want(OLD, 20, 21),
        want(NEW, 1, 256),
        want(NEW, 257, 300),
    ]
    assert outbox.wanted(0) is None


def test_no_more_batches_than_the_window_are_on_their_way() -> None:
    outbox = Outbox([span(NEW, ((1, 5000),))])
    while send(outbox, 0):
        pass
    assert outbox.in_flight == MOST_IN_FLIGHT
    outbox.acknowledged(committed(NEW, (1, 256)))
    assert send(outbox, 0) == want(NEW, 1025, 1280)
    assert send(outbox, 0) is None


def test_what_is_not_acknowledged_in_time_is_sent_again_less_and_less_often() -> None:
    outbox = Outbox([span(NEW, ((1, 10),))])
    now, waits = 0, []
    for _ in range(9):
        assert send(outbox, now) == want(NEW, 1, 10)
        due = outbox.next_due_mono_ms()
        assert due is not None
        assert outbox.wanted(due - 1) is None
        waits.append(due - now)
        now = due
    assert waits == [min(FIRST_WAIT_MS * 2**n, LONGEST_WAIT_MS) for n in range(9)]
    assert send(outbox, now) is not None
    outbox.acknowledged(committed(NEW, (1, 4)))
    outbox.disconnected()
    assert send(outbox, now) == want(NEW, 5, 10)
    assert outbox.next_due_mono_ms() == now + FIRST_WAIT_MS


def test_a_lost_connection_brings_back_what_was_on_its_way() -> None:
    outbox = Outbox([span(NEW, ((1, 600),))])
    send(outbox, 0)
    send(outbox, 0)
    outbox.acknowledged(committed(NEW, (1, 100), (300, 310)))
    outbox.disconnected()
    assert outbox.in_flight == 0
    assert send(outbox, 0) == want(NEW, 101, 299)
    assert send(outbox, 0) == want(NEW, 311, 566)


def test_a_partial_acknowledgement_leaves_the_rest_to_its_time() -> None:
    outbox = Outbox([span(NEW, ((1, 10),))])
    send(outbox, 0)
    outbox.acknowledged(committed(NEW, (1, 3), (5, 10)))
    assert not outbox.is_drained
    assert outbox.wanted(FIRST_WAIT_MS - 1) is None
    assert send(outbox, FIRST_WAIT_MS) == want(NEW, 4, 4)
    outbox.acknowledged(committed(NEW, (4, 4)))
    assert outbox.is_drained


def test_records_that_the_controller_asks_for_again_are_sent_again() -> None:
    outbox = Outbox([span(NEW, ((8, 10),), kept=((1, 7),))])
    send(outbox, 0)
    outbox.acknowledged(committed(NEW, resend=((2, 3), (9, 9))))
    assert send(outbox, 0) == want(NEW, 2, 3)
    assert outbox.wanted(0) is None, "9 is on its way already"


def test_what_the_journal_no_longer_has_is_not_asked_for_again() -> None:
    outbox = Outbox([span(NEW, ((1, 10),))])
    wanted = outbox.wanted(0)
    assert wanted is not None
    outbox.sent(wanted, stretch(NEW, 4, 6), 0)
    following = outbox.wanted(0)
    assert following == want(NEW, 7, 10)
    outbox.missing(following)
    assert outbox.wanted(0) is None


def test_new_records_wait_behind_those_on_their_way() -> None:
    outbox = Outbox([span(NEW, ((1, 3),))])
    send(outbox, 0)
    outbox.refresh([span(NEW, ((1, 5),))])
    assert send(outbox, 0) == want(NEW, 4, 5)


ACK = Ack(
    site=SITE,
    gateway=GATEWAY,
    epoch=EPOCH,
    committed=((1, 50),),
    resend=((3, 4), (60, 70)),
    at=UtcSeconds(1),
)


def test_an_acknowledgement_settles_only_what_was_given_out() -> None:
    settlement = settlement_of(ACK, SITE, GATEWAY, [span(EPOCH, ((6, 10),), kept=((2, 5),))])
    assert settlement == committed(EPOCH, (1, 2), (5, 10), resend=((3, 4),))
    assert settlement_of(ACK, SITE, GATEWAY, [span(NEW, ((1, 9),))]) is None
    empty = settlement_of(ACK, SITE, GATEWAY, [span(EPOCH, ())])
    assert empty == committed(EPOCH)


@pytest.mark.parametrize(
    "other", [replace(ACK, site=SiteId("dock")), replace(ACK, gateway=GatewayId("gate-2"))]
)
def test_an_acknowledgement_for_another_is_refused(other: Ack) -> None:
    with pytest.raises(WrongRecipientError, match="this is gate-1"):
        settlement_of(other, SITE, GATEWAY, [])


def plain(n: int) -> Record:
    return Record(kind=3, utc_ms=n, mono_ms=n, boot_id=bytes(8), clock_trust=0)


def test_a_batch_is_signed_with_the_gateways_key() -> None:
    journal = FakeJournal()
    for n in range(5):
        journal.append(plain(n))
    read = journal.read(EPOCH, 2, 4, 10_000)
    assert read is not None
    signer = Ed25519Signer.from_seed(bytes(32))
    envelope = parse_envelope(make_batch(SITE, GATEWAY, read, signer))
    verify_with_key(envelope, signer.public)
    batch = Batch.from_body(envelope.body)
    assert (envelope.kind, batch.first_seq, batch.last_seq) == (Kind.BATCH, 2, 4)


step = st.sampled_from(["record", "send", "arrive", "lose", "ack", "cut", "wait", "restart"])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(step, st.integers(0, 1000)), max_size=60))
def test_every_record_arrives_whatever_is_lost_on_the_way(history: list[tuple[str, int]]) -> None:
    journal, now = FakeJournal(), 0
    outbox = Outbox(journal.spans())
    stored: set[int] = set()
    on_the_wire: list[tuple[int, int]] = []

    def send_one() -> None:
        outbox.refresh(journal.spans())
        wanted = outbox.wanted(now)
        if wanted:
            read = journal.read(wanted.epoch, wanted.first, wanted.last, 1)
            assert read is not None
            outbox.sent(wanted, read, now)
            on_the_wire.append((read.first_seq, read.last_seq))

    def acknowledge() -> None:
        ack = replace(ACK, committed=from_numbers(stored), resend=())
        settlement = settlement_of(ack, SITE, GATEWAY, journal.spans())
        assert settlement is not None
        journal.settle(settlement.epoch, settlement.committed, (), ack.at)
        outbox.acknowledged(settlement)

    def arrive(choice: int) -> None:
        if on_the_wire:
            first, last = on_the_wire.pop(choice % len(on_the_wire))
            stored.update(range(first, last + 1))

    for what, choice in history:
        if what == "record":
            journal.append(plain(choice))
        elif what == "send":
            send_one()
        elif what == "arrive":
            arrive(choice)
        elif what == "lose":
            on_the_wire = on_the_wire[1:]
        elif what == "ack":
            acknowledge()
        elif what == "cut":
            outbox.disconnected()
        elif what == "wait":
            now += choice * 400
        else:
            outbox = Outbox(journal.spans())
    for _ in range(200):
        now += LONGEST_WAIT_MS
        send_one()
        arrive(0)
        acknowledge()
        if outbox.is_drained:
            break
    assert stored == set(range(1, len(journal.records) + 1))
    assert journal.spans()[0].pending == ()
