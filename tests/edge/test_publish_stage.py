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
OLD, NEW, WARM = Epoch(1), Epoch(2), Epoch(3)


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


def open_wide(*spans: EpochSpan) -> Outbox:
    """Returns an outbox that has seen so much acknowledged that its whole window is open."""
    outbox = Outbox([span(WARM, ((1, 3),))])
    for number in range(1, MOST_IN_FLIGHT):
        wanted = outbox.wanted(0)
        assert wanted is not None
        outbox.sent(wanted, stretch(WARM, number, number), 0)
        outbox.refresh([span(WARM, ((number + 1, 3),) if number < 3 else ())])
        outbox.acknowledged(committed(WARM, (number, number)), 0)
    outbox.refresh(spans)
    return outbox


def test_old_epochs_drain_first_in_batches_and_holes_are_jumped() -> None:
    outbox = open_wide(span(OLD, ((5, 9), (20, 21))), span(NEW, ((1, 300),)))
    assert [send(outbox, 0) for _ in range(4)] == [
        want(OLD, 5, 9),
        want(OLD, 20, 21),
        want(NEW, 1, 256),
        want(NEW, 257, 300),
    ]
    assert outbox.wanted(0) is None


def test_no_more_batches_than_the_window_are_on_their_way() -> None:
    outbox = open_wide(span(NEW, ((1, 5000),)))
    while send(outbox, 0):
        pass
    assert outbox.in_flight == MOST_IN_FLIGHT
    outbox.acknowledged(committed(NEW, (1, 256)), 0)
    assert send(outbox, 0) == want(NEW, 1025, 1280)
    assert send(outbox, 0) is None


def test_a_gateway_that_ends_does_not_wait_for_an_answer_before_it_sends_more() -> None:
    outbox = Outbox([span(NEW, ((1, 5000),))])
    assert send(outbox, 0) == want(NEW, 1, 256)
    assert send(outbox, 0) is None
    outbox.hurry()
    while send(outbox, 0):
        pass
    assert outbox.in_flight == MOST_IN_FLIGHT


def test_a_new_connection_begins_with_one_batch_and_takes_one_more_for_each_that_arrived() -> None:
    outbox = Outbox([span(NEW, ((1, 5000),))])
    seen, acknowledged = [], 0
    for _ in range(5):
        while send(outbox, 0):
            pass
        seen.append(outbox.in_flight)
        acknowledged += 256
        outbox.acknowledged(committed(NEW, (1, acknowledged)), 10)
    assert seen == [1, 2, 3, 4, 4]
    outbox.disconnected()
    assert send(outbox, 20) is not None
    assert send(outbox, 20) is None


def test_who_waits_too_long_for_an_answer_goes_on_with_one_batch() -> None:
    outbox = open_wide(span(NEW, ((1, 5000),)))
    while send(outbox, 0):
        pass
    assert send(outbox, FIRST_WAIT_MS) == want(NEW, 1, 256)
    assert send(outbox, FIRST_WAIT_MS) is None


@pytest.mark.parametrize(
    ("took_ms", "then_waits_ms"),
    [(10, FIRST_WAIT_MS), (1_250, FIRST_WAIT_MS), (4_000, 16_000), (90_000, LONGEST_WAIT_MS)],
)
def test_how_long_an_answer_took_says_how_long_to_wait_for_the_next(
    took_ms: int, then_waits_ms: int
) -> None:
    outbox = Outbox([span(NEW, ((1, 600),))])
    send(outbox, 0)
    outbox.acknowledged(committed(NEW, (1, 256)), took_ms)
    send(outbox, took_ms)
    assert outbox.next_due_mono_ms() == took_ms + then_waits_ms


def test_an_answer_to_what_was_sent_twice_counts_from_the_first_time() -> None:
    outbox = Outbox([span(NEW, ((1, 600),))])
    send(outbox, 0)
    send(outbox, FIRST_WAIT_MS)
    now = FIRST_WAIT_MS + 1
    outbox.acknowledged(committed(NEW, (1, 256)), now)
    send(outbox, now)
    assert outbox.next_due_mono_ms() == now + 4 * now
    outbox.acknowledged(committed(NEW, (257, 512)), now + 20)
    send(outbox, now + 20)
    assert outbox.next_due_mono_ms() == now + 20 + FIRST_WAIT_MS


def test_an_answer_after_giving_up_tells_how_slow_it_was() -> None:
    outbox = Outbox([span(NEW, ((1, 600),))])
    send(outbox, 0)
    assert outbox.wanted(FIRST_WAIT_MS) is not None, "it is given up, and not sent again yet"
    outbox.acknowledged(committed(NEW, (1, 256)), 8_000)
    send(outbox, 8_000)
    assert outbox.next_due_mono_ms() == 8_000 + 4 * 8_000


def test_late_answer_spares_a_batch_that_would_have_gone_again() -> None:
    outbox = Outbox([span(NEW, ((1, 600),))])
    send(outbox, 0)
    assert outbox.wanted(FIRST_WAIT_MS) == want(NEW, 1, 256)
    outbox.acknowledged(committed(NEW, (1, 256)), FIRST_WAIT_MS)
    assert send(outbox, FIRST_WAIT_MS) == want(NEW, 257, 512)


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
    outbox.acknowledged(committed(NEW, (1, 4)), now)
    outbox.disconnected()
    assert send(outbox, now) == want(NEW, 5, 10)
    assert outbox.next_due_mono_ms() == now + FIRST_WAIT_MS


def test_a_lost_connection_brings_back_what_was_on_its_way() -> None:
    outbox = open_wide(span(NEW, ((1, 600),)))
    send(outbox, 0)
    send(outbox, 0)
    outbox.acknowledged(committed(NEW, (1, 100), (300, 310)), 0)
    outbox.disconnected()
    assert outbox.in_flight == 0
    assert send(outbox, 0) == want(NEW, 101, 299)
    outbox.acknowledged(committed(NEW, (101, 299)), 0)
    assert send(outbox, 0) == want(NEW, 311, 566)


def test_a_partial_acknowledgement_leaves_the_rest_to_its_time() -> None:
    outbox = Outbox([span(NEW, ((1, 10),))])
    send(outbox, 0)
    outbox.acknowledged(committed(NEW, (1, 3), (5, 10)), 0)
    assert not outbox.is_drained
    assert outbox.wanted(FIRST_WAIT_MS - 1) is None
    assert send(outbox, FIRST_WAIT_MS) == want(NEW, 4, 4)
    outbox.acknowledged(committed(NEW, (4, 4)), FIRST_WAIT_MS)
    assert outbox.is_drained


def test_records_that_the_controller_asks_for_again_are_sent_again() -> None:
    outbox = open_wide(span(NEW, ((8, 10),), kept=((1, 7),)))
    send(outbox, 0)
    outbox.acknowledged(committed(NEW, resend=((2, 3), (9, 9))), 0)
    assert send(outbox, 0) == want(NEW, 2, 3)
    assert outbox.wanted(0) is None, "9 is on its way already"


def test_what_the_journal_no_longer_has_is_not_asked_for_again() -> None:
    outbox = open_wide(span(NEW, ((1, 10),)))
    wanted = outbox.wanted(0)
    assert wanted is not None
    outbox.sent(wanted, stretch(NEW, 4, 6), 0)
    following = outbox.wanted(0)
    assert following == want(NEW, 7, 10)
    outbox.missing(following)
    assert outbox.wanted(0) is None


def test_new_records_wait_behind_those_on_their_way() -> None:
    outbox = open_wide(span(NEW, ((1, 3),)))
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
        outbox.acknowledged(settlement, now)

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
