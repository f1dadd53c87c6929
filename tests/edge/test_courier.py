"""What goes up is there until it is acknowledged; what comes down counts when it is signed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from doorward import topics
from doorward.acks import Ack
from doorward.batches import Batch
from doorward.envelope import Kind, parse_envelope, seal_envelope, verify_with_key
from doorward.ids import Epoch, GatewayId
from doorward.keys import pin_keyring
from doorward.messages import Applied, Birth, Health, Reported, State
from doorward.ranges import Ranges
from doorward.records import Record, RecordKind
from doorward.status import Status
from doorward.times import ClockTrust, UtcSeconds
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.asking_again import FIRST_PAUSE_MS
from doorward_edge.courier import Courier, Myself, pending_records
from doorward_edge.ports import Arrived, EpochSpan, LinkDown, LinkUp
from doorward_edge.sync import PolicyKeeper
from doorward_edge.twin.keeper import ConfigReport
from doorward_edge.uplink import Link
from tests.fakes.edge_ports import FakeClock, FakeFloors, FakePolicyFiles
from tests.fakes.fake_broker import FakeBroker
from tests.fakes.site_simulator import (
    GATEWAY,
    PORTAL,
    SITE,
    START_S,
    SiteSimulator,
    signer_of,
)

ACK_TOPIC = topics.down(SITE, GATEWAY, topics.Down.ACK)
BOOT_ID = "00112233aabbccdd"
RECORD_KEY = signer_of("gate-1")


class Bench:
    """A courier between a fake broker and a real journal."""

    def __init__(self, folder: Path) -> None:
        self.site = SiteSimulator()
        self.clock = FakeClock(START_S)
        self.broker = FakeBroker()
        self.files = FakePolicyFiles()
        self.seal_key = X25519PrivateKey.generate()
        self.journal = SqliteJournal.open(
            folder, GATEWAY, self.seal_key.public_key().public_bytes_raw(), 64 * 2**20
        )
        self.keeper = PolicyKeeper(
            site=SITE,
            pinned=pin_keyring(self.site.keyrings[0]),
            files=self.files,
            floors=FakeFloors(),
        )
        self.config = ConfigReport()
        self.staff: int | None = None
        self.courier = Courier(
            myself=Myself(
                site=SITE,
                gateway=GATEWAY,
                boot_id=BOOT_ID,
                software="0.1.0",
                hardware={"board": "bench"},
                capabilities=("dw1",),
                record_key=RECORD_KEY.public.hex(),
                portals=(PORTAL,),
            ),
            broker=self.broker,
            journal=self.journal,
            keeper=self.keeper,
            signer=RECORD_KEY,
            clock=self.clock,
            health=lambda: Health(at=UtcSeconds(START_S), boot_id=BOOT_ID),
            config=lambda: self.config,
            staff=lambda: self.staff,
        )
        self.courier.open()

    def record(self, count: int = 1) -> None:
        for _ in range(count):
            record = Record(
                kind=RecordKind.SCAN,
                utc_ms=self.clock.now().utc_ms,
                mono_ms=self.clock.now().mono_ms,
                boot_id=bytes.fromhex(BOOT_ID),
                clock_trust=2,
                portal=PORTAL,
                reason="granted",
            )
            assert self.journal.append(record).wait(5)

    def connect(self) -> None:
        self.broker.events.append(LinkUp(session=1))
        self.courier.turn()

    def deliver(self, topic: str, payload: bytes) -> None:
        self.broker.events.append(Arrived(topic=topic, payload=payload, retained=False))
        self.courier.turn()

    def batches(self) -> list[Batch]:
        found = []
        for wire in self.broker.take_published("up/records"):
            envelope = parse_envelope(wire)
            verify_with_key(envelope, RECORD_KEY.public)
            found.append(Batch.from_body(envelope.body))
        return found

    def ack(self, committed: Ranges, *, key: str = "control-1", gateway: str = GATEWAY) -> bytes:
        ack = Ack(
            site=SITE,
            gateway=GatewayId(gateway),
            epoch=self.journal.spans()[-1].epoch,
            committed=committed,
            resend=(),
            at=UtcSeconds(START_S),
        )
        return seal_envelope(Kind.ACK, ack.to_body(), [signer_of(key)])

    def pending(self) -> int:
        return pending_records(self.journal.spans())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()


def test_whoever_connects_says_who_it_is_and_asks_for_its_rules(bench: Bench) -> None:
    bench.connect()
    (birth,) = bench.broker.take_published("up/birth")
    (state,) = bench.broker.take_published("up/state")
    assert Birth.from_wire(birth).record_key == RECORD_KEY.public.hex()
    assert Birth.from_wire(birth).session == State.from_wire(state).session == 1
    assert State.from_wire(state).online
    assert set(bench.broker.subscribed) == {
        ACK_TOPIC,
        topics.CONTROLLER_STATE,
        *(topics.policy(SITE, kind) for kind in topics.Policy),
    }


def test_a_controller_that_came_back_is_told_anew_what_the_journal_holds(bench: Bench) -> None:
    bench.connect()
    bench.broker.take_published("up/birth")
    bench.record(3)
    bench.deliver(topics.CONTROLLER_STATE, topics.CONTROLLER_OFFLINE)
    assert bench.broker.take_published("up/birth") == []
    bench.deliver(topics.CONTROLLER_STATE, topics.CONTROLLER_ONLINE)
    (birth,) = bench.broker.take_published("up/birth")
    assert Birth.from_wire(birth).journal.head == 3


def test_every_epoch_of_the_journal_is_told_of_and_the_growing_one_last(bench: Bench) -> None:
    bench.record(4)
    (ended,) = bench.journal.spans()
    growing = replace(ended, epoch=Epoch(ended.epoch ^ 1), head=2, pending=((1, 2),))
    empty = replace(ended, epoch=Epoch(ended.epoch ^ 2), pending=(), kept=())
    spans = (ended, empty, growing)
    bench.courier._journal = SeveralEpochs(bench.journal, spans)  # type: ignore[assignment]
    bench.connect()
    births = [message for message in bench.broker.published if message.topic.endswith("up/birth")]
    told = [(Birth.from_wire(each.payload).journal.epoch, each.retain) for each in births]
    assert told == [(ended.epoch, False), (growing.epoch, True)]


class SeveralEpochs:
    """A journal that began anew."""

    def __init__(self, real: SqliteJournal, spans: tuple[EpochSpan, ...]) -> None:
        self._real, self._spans = real, spans

    def spans(self) -> tuple[EpochSpan, ...]:
        return self._spans

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def test_records_stay_pending_until_a_signed_acknowledgement_names_them(bench: Bench) -> None:
    bench.record(3)
    bench.connect()
    (batch,) = bench.batches()
    assert (batch.first_seq, len(batch.records)) == (1, 3)
    assert (bench.pending(), bench.courier.uplink.link) == (3, Link.DRAINING)
    bench.deliver(ACK_TOPIC, bench.ack(((1, 2),)))
    assert bench.pending() == 1
    bench.deliver(ACK_TOPIC, bench.ack(((3, 3),)))
    assert (bench.pending(), bench.courier.uplink.link) == (0, Link.LIVE)
    assert bench.batches() == []


FORGED = {
    "signed with the policy key": {"key": "policy-1"},
    "signed by nobody we know": {"key": "mallory"},
    "made for another gateway": {"gateway": "gate-2"},
}


@pytest.mark.parametrize("sentence", FORGED)
def test_an_acknowledgement_that_is_not_ours_settles_nothing(bench: Bench, sentence: str) -> None:
    bench.record()
    bench.connect()
    bench.deliver(ACK_TOPIC, bench.ack(((1, 1),), **FORGED[sentence]))
    assert bench.pending() == 1


@pytest.mark.parametrize("payload", [b"", b"DWE1", b"\xff" * 300])
def test_rubbish_on_the_acknowledgement_topic_is_survived(bench: Bench, payload: bytes) -> None:
    bench.record()
    bench.connect()
    bench.deliver(ACK_TOPIC, payload)
    assert bench.pending() == 1


def test_what_was_on_its_way_when_the_link_broke_is_sent_again(bench: Bench) -> None:
    bench.record(2)
    bench.connect()
    (sent,) = bench.batches()
    bench.broker.events.append(LinkDown("pulled"))
    bench.courier.turn()
    assert not bench.courier.uplink.is_connected
    bench.connect()
    (again,) = bench.batches()
    assert again == sent


def test_what_is_not_acknowledged_in_time_is_sent_again(bench: Bench) -> None:
    bench.record()
    bench.connect()
    assert len(bench.batches()) == 1
    bench.clock.pass_s(4)
    bench.courier.turn()
    assert bench.batches() == []
    bench.clock.pass_s(2)
    bench.courier.turn()
    assert len(bench.batches()) == 1


def test_what_was_applied_is_reported_and_what_was_refused_with_its_reason(bench: Bench) -> None:
    bench.connect()
    bench.broker.take_published("up/reported")
    bundle_topic = topics.policy(SITE, topics.Policy.BUNDLE)
    bench.deliver(bundle_topic, bench.site.bundle())
    (reported,) = map(Reported.from_wire, bench.broker.take_published("up/reported"))
    assert (reported.applied, reported.rejected) == (Applied(bundle=1, keyring=1), ())
    bench.deliver(bundle_topic, bench.site.bundle(signer_of("mallory")))
    (reported,) = map(Reported.from_wire, bench.broker.take_published("up/reported"))
    assert reported.applied.bundle == 1
    assert [r.what for r in reported.rejected] == ["bundle"]
    assert "is unknown" in reported.rejected[0].error
    bench.deliver(bundle_topic, bench.site.bundle())
    (reported,) = map(Reported.from_wire, bench.broker.take_published("up/reported"))
    assert reported.rejected == ()


def test_the_list_of_guards_and_a_trial_are_reported(bench: Bench) -> None:
    bench.connect()
    (reported,) = map(Reported.from_wire, bench.broker.take_published("up/reported"))
    assert (reported.staff, reported.tells_staff, reported.on_trial) == (None, True, False)
    bench.staff, bench.config = 7, ConfigReport(in_force=3, taken=3, on_trial=True)
    bench.deliver(topics.policy(SITE, topics.Policy.BUNDLE), bench.site.bundle())
    (reported,) = map(Reported.from_wire, bench.broker.take_published("up/reported"))
    assert (reported.staff, reported.on_trial, reported.config_taken) == (7, True, 3)


def test_after_a_gap_the_full_list_is_asked_for_and_then_the_delta(bench: Bench) -> None:
    bench.connect()
    status, delta = (topics.policy(SITE, k) for k in (topics.Policy.STATUS, topics.Policy.DELTA))
    full = bench.site.status()
    revoked = bench.site.set_status(5, Status.REVOKED)
    bench.broker.subscribed.clear()
    bench.deliver(delta, revoked)
    assert bench.broker.subscribed == [status]
    bench.deliver(status, full)
    assert bench.broker.subscribed == [status, delta]
    bench.deliver(delta, revoked)
    assert bench.keeper.applied.status == 2


def test_rules_that_the_disk_did_not_take_are_asked_for_again(bench: Bench) -> None:
    bench.connect()
    bundle_topic = topics.policy(SITE, topics.Policy.BUNDLE)
    bench.files.broken = True
    wire = bench.site.bundle()
    bench.deliver(bundle_topic, wire)
    (reported,) = map(Reported.from_wire, bench.broker.take_published("up/reported")[-1:])
    assert "No space left" in reported.rejected[0].error
    bench.broker.subscribed.clear()
    bench.courier.turn()
    assert bench.broker.subscribed == []
    bench.clock.pass_s(FIRST_PAUSE_MS / 1000)
    bench.courier.turn()
    assert bundle_topic in bench.broker.subscribed
    bench.files.broken = False
    bench.deliver(bundle_topic, wire)
    (reported,) = map(Reported.from_wire, bench.broker.take_published("up/reported")[-1:])
    assert (reported.applied.bundle, reported.rejected) == (1, ())


def test_rules_that_were_refused_are_asked_for_again_once_the_clock_is_trusted(
    bench: Bench,
) -> None:
    bench.connect()
    bundle_topic = topics.policy(SITE, topics.Policy.BUNDLE)
    bench.deliver(bundle_topic, b"rubbish")
    bench.broker.subscribed.clear()
    bench.clock.pass_s(3600)
    bench.courier.turn()
    assert bench.broker.subscribed == []
    bench.clock.trust = ClockTrust.HELD_OVER
    bench.courier.turn()
    assert bundle_topic in bench.broker.subscribed
    bench.broker.subscribed.clear()
    bench.courier.turn()
    assert bench.broker.subscribed == []


def test_why_the_link_is_down_is_said_once_and_until_it_is_up(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for why in ("no answer", "no answer", "certificate verify failed"):
        bench.broker.events.append(LinkDown(why))
        bench.courier.turn()
    assert caplog.text.count("link.down") == 2
    assert bench.courier.link_trouble == "certificate verify failed"
    bench.connect()
    assert bench.courier.link_trouble == ""


def test_a_connection_whose_end_was_not_told_is_announced_anew(bench: Bench) -> None:
    bench.record()
    bench.connect()
    assert len(bench.batches()) == 1
    bench.broker.take_published("up/birth")
    bench.broker.events.append(LinkUp(session=2))
    bench.courier.turn()
    (birth,) = bench.broker.take_published("up/birth")
    assert Birth.from_wire(birth).session == 2
    assert len(bench.batches()) == 1


def healths(bench: Bench) -> int:
    return len(bench.broker.take_published("up/health"))


def test_health_is_said_every_minute_and_at_once_when_something_changes(bench: Bench) -> None:
    bench.connect()
    assert healths(bench) == 1
    bench.clock.mono_ms += 59_000
    bench.courier.turn()
    assert healths(bench) == 0
    bench.courier.say_health_soon()
    bench.courier.turn()
    assert healths(bench) == 1
    bench.clock.mono_ms += 59_000
    bench.courier.turn()
    assert healths(bench) == 0
    bench.clock.mono_ms += 1_000
    bench.courier.turn()
    assert healths(bench) == 1


def test_what_swings_does_not_fill_the_link_with_health(bench: Bench) -> None:
    bench.connect()
    healths(bench)
    for _ in range(100):
        bench.clock.mono_ms += 100
        bench.courier.say_health_soon()
        bench.courier.turn()
    assert healths(bench) == 2


def test_what_waits_is_sent_before_hanging_up(bench: Bench) -> None:
    bench.connect()
    bench.record()
    bench.courier.close()
    (batch,) = bench.batches()
    assert len(batch.records) == 1


def test_leaving_is_said_so_that_it_is_not_taken_for_a_breakdown(bench: Bench) -> None:
    bench.connect()
    bench.broker.take_published("up/state")
    bench.courier.close()
    (state,) = map(State.from_wire, bench.broker.take_published("up/state"))
    assert not state.online
    assert bench.courier.uplink.link is Link.OFFLINE
