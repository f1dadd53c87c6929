"""One scan, end to end: recorded before the lock is told, and not told when it cannot be."""

from dataclasses import dataclass, field

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from doorward.credential import SLOT_S, show_pass, slot_message, slot_of
from doorward.decision import Deny, Grant
from doorward.keys import pin_keyring
from doorward.reasons import Reason
from doorward.records import Outcome
from doorward.status import Status
from doorward_edge.ports import JournalFullError, Signal
from doorward_edge.scan import Scan
from doorward_edge.sync import PolicyKeeper
from tests.fakes.edge_ports import (
    FakeClock,
    FakeFloors,
    FakeIndicator,
    FakeLock,
    FakePolicyFiles,
)
from tests.fakes.fake_journal import FakeJournal
from tests.fakes.one_door import Around, make_door
from tests.fakes.site_simulator import GATEWAY, PORTAL, SITE, START_S, SiteSimulator, credential_id

PHONE = ec.derive_private_key(0xFACE, ec.SECP256R1())


@dataclass
class WatchedLock(FakeLock):
    """Notes how many records were on the disk when it was told."""

    journal: FakeJournal = field(default_factory=FakeJournal)
    records_before: list[int] = field(default_factory=list)

    def release(self, pulse_ms: int) -> None:
        self.records_before.append(len(self.journal.records))
        super().release(pulse_ms)


@dataclass
class FakeLink:
    is_connected: bool = True


class Gate:
    """A pipeline with rules, and everything around it in memory."""

    def __init__(self) -> None:
        self.site = SiteSimulator()
        self.clock = FakeClock(START_S)
        self.journal = FakeJournal()
        self.lock = WatchedLock(journal=self.journal)
        self.indicator, self.link = FakeIndicator(), FakeLink()
        self.keeper = PolicyKeeper(
            site=SITE,
            pinned=pin_keyring(self.site.keyrings[0]),
            files=FakePolicyFiles(),
            floors=FakeFloors(),
        )
        around = Around(
            site=SITE,
            gateway=GATEWAY,
            rules=self.keeper,
            link=self.link,
            clock=self.clock,
            journal=self.journal,
        )
        door = make_door(around, PORTAL, self.lock, self.indicator, held_s=3.0)
        self.pipeline, self.counters = door.pipeline, door.counters

    def with_rules(self) -> "Gate":
        for wire in (self.site.bundle(), self.site.status()):
            self.keeper.take(wire, self.clock.now())
        return self

    def take(self, payload: str, problem: str = "") -> Grant | Deny:
        decision = self.see(payload, problem)
        assert decision is not None
        return decision

    def see(self, payload: str, problem: str = "") -> Grant | Deny | None:
        return self.pipeline.take(
            Scan(payload=payload.encode(), problem=problem, reader="zxing/fast", captured_mono_ms=0)
        )


@pytest.fixture
def gate() -> Gate:
    return Gate().with_rules()


def test_a_good_badge_is_recorded_before_the_lock_is_told(gate: Gate) -> None:
    decision = gate.take(gate.site.badge(7))
    assert isinstance(decision, Grant)
    assert gate.lock.records_before == [1]
    assert gate.lock.pulses_ms == [3000]
    assert gate.indicator.shown == [(Signal.GRANTED, False)]
    (record,) = gate.journal.records
    assert (record.outcome, record.reason) == (Outcome.GRANT, "granted")
    assert (record.credential_id, record.form, record.portal) == (credential_id(7), "dw1", PORTAL)
    assert (record.rule, record.basis) == ("10:staff>hall@always", "signature_only")
    assert record.payload_digest is None


def test_a_revoked_badge_is_recorded_and_the_lock_stays(gate: Gate) -> None:
    gate.keeper.take(gate.site.set_status(7, Status.REVOKED), gate.clock.now())
    assert gate.take(gate.site.badge(7)).reason is Reason.REVOKED
    assert gate.lock.pulses_ms == []
    assert gate.indicator.shown == [(Signal.REFUSED, False)]
    assert gate.journal.records[0].outcome is Outcome.DENY


def test_a_foreign_code_leaves_only_a_piece_of_its_hash(gate: Gate) -> None:
    assert gate.take("https://example.org/?name=someone").reason is Reason.NOT_OURS
    (record,) = gate.journal.records
    assert (record.form, record.credential_id) == ("other", None)
    assert record.payload_digest is not None
    assert len(record.payload_digest) == 8
    assert b"someone" not in record.to_wire()
    assert gate.indicator.shown == [(Signal.UNREADABLE, False)]


def test_a_symbol_that_does_not_count_is_refused_with_its_reason(gate: Gate) -> None:
    badge = gate.site.badge(7)
    assert gate.take(badge, problem="structured_append").reason is Reason.STRUCTURED_APPEND
    assert gate.lock.pulses_ms == []


def test_what_cannot_be_recorded_does_not_open(gate: Gate) -> None:
    gate.journal.error = JournalFullError("journal is full")
    decision = gate.take(gate.site.badge(7))
    assert (type(decision), decision.reason) == (Deny, Reason.NOT_RECORDED)
    assert gate.lock.pulses_ms == []
    assert gate.counters.not_recorded == 1


def test_a_code_that_waited_for_too_long_opens_for_nobody_and_is_to_be_shown_again(
    gate: Gate,
) -> None:
    scan = Scan(payload=gate.site.badge(7).encode(), problem="", reader="x", captured_mono_ms=0)
    decision = gate.pipeline.take(scan, is_stale=True)
    assert isinstance(decision, Deny)
    assert decision.reason is Reason.BUSY
    assert gate.lock.pulses_ms == []
    assert gate.indicator.shown == [(Signal.UNREADABLE, False)]
    assert gate.indicator.reasons == [Reason.BUSY]
    assert gate.journal.records[0].reason == "busy"
    assert isinstance(gate.take(gate.site.badge(7)), Grant)


def test_a_slow_disk_opens_after_the_bounded_wait_and_the_record_is_late(gate: Gate) -> None:
    gate.journal.is_slow = True
    assert isinstance(gate.take(gate.site.badge(7)), Grant)
    assert gate.lock.pulses_ms == [3000]
    assert gate.counters.late == 1


def test_without_the_controller_it_decides_the_same_and_shows_the_blue_dot(gate: Gate) -> None:
    gate.link.is_connected = False
    assert isinstance(gate.take(gate.site.badge(7)), Grant)
    assert gate.indicator.shown == [(Signal.GRANTED, True)]
    assert not gate.journal.records[0].online


def test_a_gateway_without_rules_opens_for_nobody_and_says_so() -> None:
    gate = Gate()
    assert gate.take(gate.site.badge(7)).reason is Reason.POLICY_MISSING
    assert gate.lock.pulses_ms == []
    assert gate.indicator.shown == [(Signal.NOT_ENROLLED, False)]


def _pass(gate: Gate, number: int) -> str:
    """Returns the pass of a phone, drawn for the slot in which the gate's clock is."""
    issued = gate.site.pass_grant(number, PHONE)
    slot = slot_of(int(gate.clock.utc_s))
    r, s = decode_dss_signature(PHONE.sign(slot_message(issued, slot), ec.ECDSA(hashes.SHA256())))
    return show_pass(issued, slot, r, s)


def test_a_pass_that_redraws_itself_while_held_up_is_one_scan(gate: Gate) -> None:
    assert isinstance(gate.take(_pass(gate, 7)), Grant)
    for _ in range(3):
        gate.clock.pass_s(SLOT_S)
        assert gate.see(_pass(gate, 7)) is None
    assert (len(gate.journal.records), gate.lock.pulses_ms) == (1, [3000])
    gate.clock.pass_s(SLOT_S + 4)
    assert isinstance(gate.take(_pass(gate, 7)), Grant)


def test_somebody_else_passes_while_the_first_ones_pass_is_remembered(gate: Gate) -> None:
    assert isinstance(gate.take(_pass(gate, 7)), Grant)
    assert isinstance(gate.take(_pass(gate, 8)), Grant)


def test_a_screenshot_that_was_refused_does_not_hide_the_next_slot(gate: Gate) -> None:
    old = _pass(gate, 7)
    gate.clock.pass_s(20)
    assert gate.take(old).reason is Reason.SLOT_STALE
    assert isinstance(gate.take(_pass(gate, 7)), Grant)
    assert gate.take(_pass(gate, 8)).reason is Reason.GRANTED


def test_a_copied_pass_is_not_accepted_twice_in_its_slot(gate: Gate) -> None:
    shown = _pass(gate, 7)
    assert isinstance(gate.take(shown), Grant)
    assert isinstance(gate.take(_pass(gate, 8)), Grant)
    assert gate.take(shown).reason is Reason.SLOT_USED


def test_a_pass_whose_grant_could_not_be_recorded_is_not_used_up(gate: Gate) -> None:
    gate.journal.error = JournalFullError("journal is full")
    shown = _pass(gate, 7)
    assert gate.take(shown).reason is Reason.NOT_RECORDED
    gate.journal.error = None
    assert isinstance(gate.take(shown), Grant)
