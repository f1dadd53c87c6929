"""A portal at work: what it drives, shows, records, and tells presence of."""

from dataclasses import dataclass, field, replace

import pytest

from doorward.decision import Deny, Grant, Grounds
from doorward.events import EventCode
from doorward.ids import CredentialId, PortalId
from doorward.keys import pin_keyring
from doorward.policy import Direction, Posture
from doorward.reasons import Reason
from doorward.records import Record, RecordKind
from doorward.verdict import Bearer, Movement
from doorward_edge.door import DoorRule, DoorState, Order, Ordered
from doorward_edge.portal import REST_AFTER_MS
from doorward_edge.ports import InputChange, InputKind, JournalFullError, Signal
from doorward_edge.stages.record import Recorded, RecordOutcome
from doorward_edge.stutter import BURST
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
from tests.fakes.site_simulator import GATEWAY, PORTAL, SITE, START_S, SiteSimulator

BOTH = DoorRule(has_contact=True, has_passage=True)
SEVEN = CredentialId((7).to_bytes(8))


@dataclass
class BrokenLock(FakeLock):
    is_broken: bool = False
    secured: int = 0

    def release(self, pulse_ms: int) -> None:
        if self.is_broken:
            raise OSError("pin 17 is gone")
        super().release(pulse_ms)

    def secure(self) -> None:
        super().secure()
        self.secured += 1


@dataclass
class Link:
    is_connected: bool = True


@dataclass
class Site:
    """A portal with everything around it in memory."""

    rule: DoorRule = BOTH
    lock: BrokenLock = field(default_factory=BrokenLock)
    interlocked: bool = False

    def __post_init__(self) -> None:
        self.clock, self.journal = FakeClock(START_S), FakeJournal()
        self.indicator, self.link = FakeIndicator(), Link()
        self.site = SiteSimulator()
        self.keeper = PolicyKeeper(
            site=SITE,
            pinned=pin_keyring(self.site.keyrings[0]),
            files=FakePolicyFiles(),
            floors=FakeFloors(),
        )
        for wire in (self.site.bundle(), self.site.status()):
            self.keeper.take(wire, self.clock.now())
        around = Around(
            site=SITE,
            gateway=GATEWAY,
            rules=self.keeper,
            link=self.link,
            clock=self.clock,
            journal=self.journal,
        )
        self.made = make_door(
            around,
            PORTAL,
            self.lock,
            self.indicator,
            rule=self.rule,
            is_interlocked=lambda _: self.interlocked,
        )
        self.portal, self.book = self.made.portal, self.made.book
        for kind in InputKind:
            self.feed(kind, active=False)

    def posture(self, posture: Posture) -> None:
        """Has the controller release a policy with this posture."""
        self.site.posture = posture
        self.keeper.take(self.site.bundle(), self.clock.now())
        self.portal.look_at_posture(self.clock.now())

    def feed(self, kind: InputKind, *, active: bool) -> None:
        now = self.clock.now()
        change = InputChange(portal=PORTAL, kind=kind, is_active=active, at_mono_ms=now.mono_ms)
        self.portal.take_input(change, now)

    def decide(self, decision: Grant | Deny, seq: int = 5) -> None:
        recorded = self.journal.append(a_record())
        assert recorded.receipt is not None
        outcome = RecordOutcome(state=Recorded.DURABLE, receipt=replace(recorded.receipt, seq=seq))
        self.portal.act(decision, outcome, self.clock.now(), online=self.link.is_connected)

    def order(self, order: Order, until_mono_ms: int | None = None) -> bool:
        ordered = Ordered(order=order, pulse_ms=500)
        return self.portal.order(ordered, self.clock.now(), until_mono_ms=until_mono_ms)

    def wait(self, seconds: float) -> None:
        self.clock.pass_s(seconds)
        self.portal.turn(self.clock.now())

    def walk_through(self) -> None:
        for kind, active in (
            (InputKind.CONTACT, True),
            (InputKind.PASSAGE, True),
            (InputKind.PASSAGE, False),
            (InputKind.CONTACT, False),
        ):
            self.feed(kind, active=active)

    def written(self) -> list[tuple[str, int | None]]:
        """Returns what was recorded beside scans: reason, and the number that it is about."""
        self.made.events.write(self.clock.now(), is_last=True)
        return [
            (record.reason, record.about_seq)
            for record in self.journal.records
            if record.kind in {RecordKind.PASSAGE, RecordKind.EVENT}
        ]

    def is_held_open(self) -> bool:
        return self.lock.is_held_open

    def shown(self) -> list[Signal]:
        return [signal for signal, _ in self.indicator.shown]


def a_record() -> Record:
    return Record(kind=RecordKind.SCAN, utc_ms=0, mono_ms=0, boot_id=bytes(8), clock_trust=2)


def granted(holder: CredentialId = SEVEN, **more: object) -> Grant:
    return Grant(
        reason=Reason.GRANTED,
        grounds=Grounds(rule="10:x", credential_id=holder),
        pulse_ms=3000,
        movement=Movement(way=Direction.ENTRY, enters="hall"),
        bearer=Bearer(credential_id=holder, holder_id=holder, status_index=7),
        **more,  # type: ignore[arg-type]
    )


def denied(reason: Reason, wait_s: int = 0) -> Deny:
    return Deny(reason=reason, grounds=Grounds(rule="16:x"), wait_s=wait_s)


def test_who_goes_through_is_recorded_about_the_scan_and_present_from_then_on() -> None:
    site = Site()
    site.decide(granted(), seq=41)
    assert (site.lock.pulses_ms, site.shown()) == ([3000], [Signal.GRANTED])
    stay = site.book.stay(SEVEN, "hall", site.clock.now())
    assert stay is None or not stay.is_inside
    site.walk_through()
    assert site.written() == [("entered", 41)]
    stay = site.book.stay(SEVEN, "hall", site.clock.now())
    assert stay is not None
    assert stay.is_inside
    assert site.journal.records[-1].detail == "passage sensor"


def test_who_does_not_go_through_was_not_there() -> None:
    site = Site()
    site.decide(granted(), seq=42)
    site.wait(BOTH.pass_within_ms / 1000)
    assert site.written() == [("no_entry", 42)]
    stay = site.book.stay(SEVEN, "hall", site.clock.now())
    assert stay is None or not stay.is_inside
    assert site.portal.counts["no_entry"] == 1


def test_a_one_time_code_counts_again_after_a_grant_that_came_to_nothing() -> None:
    site = Site()
    once = granted()
    assert once.bearer is not None
    once = replace(once, bearer=replace(once.bearer, once_until=START_S + 3600))
    site.decide(once)
    assert site.book.is_used_up(SEVEN, Direction.ENTRY, site.clock.now())
    site.wait(BOTH.pass_within_ms / 1000)
    assert not site.book.is_used_up(SEVEN, Direction.ENTRY, site.clock.now())


def test_where_nothing_sees_it_a_grant_counts_and_is_not_recorded_twice() -> None:
    site = Site(rule=DoorRule())
    site.decide(granted())
    stay = site.book.stay(SEVEN, "hall", site.clock.now())
    assert stay is not None
    assert stay.is_inside
    assert site.written() == []
    assert site.portal.counts["entered"] == 1


def test_a_passage_is_recorded_about_a_scan_whose_record_came_late() -> None:
    site = Site()
    site.journal.is_slow = True
    ticket = site.journal.append(a_record())
    late = RecordOutcome(state=Recorded.LATE, ticket=ticket)
    site.portal.act(granted(), late, site.clock.now(), online=True)
    site.walk_through()
    assert not site.made.events.write(site.clock.now())
    site.journal.is_slow = False
    site.journal.catch_up()
    site.made.events.write(site.clock.now())
    assert site.written() == [("entered", 1)]


def test_a_lock_that_cannot_be_driven_is_told_and_the_portal_goes_on() -> None:
    site = Site(lock=BrokenLock(is_broken=True))
    site.decide(granted())
    assert site.written() == [("lock_failed", None)]
    site.lock.is_broken = False
    site.decide(granted(CredentialId(bytes(8))))
    assert site.lock.pulses_ms == [3000]


def test_who_waits_for_a_second_person_is_shown_so_for_the_time_that_there_is() -> None:
    site = Site()
    site.decide(denied(Reason.SECOND_PERSON_NEEDED, wait_s=20))
    site.wait(19.9)
    assert site.shown() == [Signal.WAITING]
    site.wait(0.1)
    assert site.shown() == [Signal.WAITING, Signal.IDLE]
    assert site.portal.due_mono_ms() is None


def test_a_refusal_goes_out_by_itself() -> None:
    site = Site()
    site.decide(denied(Reason.REVOKED))
    assert (site.shown(), site.portal.due_mono_ms()) == ([Signal.REFUSED], None)


def test_duress_opens_is_recorded_and_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    site = Site()
    caplog.set_level("DEBUG")
    grounds = Grounds(rule="10:x", credential_id=SEVEN, notices=(Reason.DURESS,))
    site.decide(replace(granted(), grounds=grounds), seq=9)
    assert (site.lock.pulses_ms, site.shown()) == ([3000], [Signal.GRANTED])
    assert site.written() == [(EventCode.DURESS, 9)]
    assert "duress" not in caplog.text.lower()


def test_in_a_fire_nothing_else_is_shown_and_orders_are_refused() -> None:
    site = Site()
    site.feed(InputKind.FIRE, active=True)
    site.decide(granted())
    site.decide(denied(Reason.REVOKED))
    assert not site.order(Order.SECURE)
    assert not site.order(Order.OPEN_ONCE)
    assert site.shown() == [Signal.FIRE]
    assert (site.lock.pulses_ms, site.lock.secured, site.lock.is_held_open) == ([], 0, False)
    site.feed(InputKind.FIRE, active=False)
    assert site.shown() == [Signal.FIRE, Signal.IDLE]
    assert ("fire_alarm", None) in site.written()


def test_an_order_to_hold_open_ends_at_its_time() -> None:
    site = Site()
    assert site.order(Order.HOLD_OPEN, until_mono_ms=site.clock.mono_ms + 60_000)
    assert site.is_held_open()
    assert site.portal.due_mono_ms() == site.clock.mono_ms + 60_000
    site.wait(60)
    assert not site.is_held_open()
    assert site.portal.door.state is DoorState.LOCKED
    assert [reason for reason, _ in site.written()] == ["hold_began", "hold_ended"]


def test_an_order_to_open_once_lasts_as_long_as_it_says() -> None:
    site = Site()
    assert site.order(Order.OPEN_ONCE)
    assert site.lock.pulses_ms == [500]


def test_the_exit_button_waits_for_a_door_that_stands_open() -> None:
    site = Site(interlocked=True)
    site.feed(InputKind.EXIT_BUTTON, active=True)
    assert (site.lock.pulses_ms, site.shown()) == ([], [Signal.REFUSED])
    assert site.written() == [("exit_interlocked", None)]
    site.feed(InputKind.EXIT_BUTTON, active=False)
    site.interlocked = False
    site.feed(InputKind.EXIT_BUTTON, active=True)
    assert site.lock.pulses_ms == [BOTH.exit_pulse_ms]


def test_presence_knows_of_a_door_what_its_contact_says() -> None:
    site = Site()
    said = []
    for active in (True, False):
        said.append(site.book.is_door_open(PORTAL, site.clock.now()))
        site.feed(InputKind.CONTACT, active=active)
    said.append(site.book.is_door_open(PORTAL, site.clock.now()))
    assert said == [False, True, False]
    blind = Site(rule=DoorRule())
    assert blind.book.is_door_open(PORTAL, blind.clock.now()) is None


def test_postures_of_the_policy_reach_the_door_and_are_shown_again_after_a_decision() -> None:
    site = Site()
    site.portal.look_at_posture(site.clock.now())
    assert site.shown() == []
    site.posture(Posture.FREE)
    assert site.is_held_open()
    site.posture(Posture.LOCKDOWN)
    assert not site.is_held_open()
    site.decide(granted())
    assert site.shown()[-2:] == [Signal.LOCKDOWN, Signal.GRANTED]
    site.wait(REST_AFTER_MS / 1000)
    assert site.shown()[-1] is Signal.LOCKDOWN
    assert [reason for reason, _ in site.written()] == ["posture_changed", "posture_changed"]


def test_a_passage_that_the_disk_refuses_is_recorded_when_it_can_be() -> None:
    site = Site()
    site.decide(granted(), seq=3)
    site.journal.error = JournalFullError("full")
    site.walk_through()
    assert not site.made.events.write(site.clock.now())
    site.journal.error = None
    site.clock.pass_s(10)
    assert site.written() == [("entered", 3)]


def test_a_loose_wire_does_not_fill_the_journal_and_is_told_with_its_count() -> None:
    site = Site()
    for _ in range(500):
        for active in (True, False):
            site.feed(InputKind.CONTACT, active=active)
    site.wait(10)
    site.portal.look_at_posture(site.clock.now())
    told = [reason for reason, _ in site.written()]
    assert told.count("forced") == told.count("door_closed_again") == BURST
    assert told.count("door_stuttered") == 2
    assert site.portal.counts["forced"] == 500
    details = {r.detail for r in site.journal.records if r.reason == "door_stuttered"}
    assert f"forced: {500 - BURST} more times" in details


def test_the_portals_name_is_on_what_is_recorded() -> None:
    site = Site()
    site.feed(InputKind.TAMPER, active=True)
    site.written()
    assert site.journal.records[-1].portal == PortalId(PORTAL)


def test_a_unit_shows_which_one_it_is_and_then_how_it_stands() -> None:
    site = Site()
    site.posture(Posture.LOCKDOWN)
    assert site.portal.identify(site.clock.now())
    assert site.indicator.shown[-1] == (Signal.IDENTIFY, False)
    site.wait(REST_AFTER_MS / 1000)
    assert site.indicator.shown[-1] == (Signal.LOCKDOWN, False)
    assert site.lock.pulses_ms == []


def test_who_held_up_one_code_too_many_is_told_to_do_it_again() -> None:
    site = Site()
    site.portal.pass_over(site.clock.now())
    assert site.indicator.shown[-1] == (Signal.UNREADABLE, False)
    assert site.indicator.reasons[-1] is Reason.BUSY
    assert site.journal.records == []


def test_during_a_fire_alarm_nothing_else_is_shown() -> None:
    site = Site()
    site.feed(InputKind.FIRE, active=True)
    shown = list(site.indicator.shown)
    assert not site.portal.identify(site.clock.now())
    site.portal.pass_over(site.clock.now())
    assert site.indicator.shown == shown


def test_a_passage_that_a_turnstile_cannot_promise_is_on_record() -> None:
    site = Site(lock=BrokenLock(is_broken=True))
    site.decide(Grant(reason=Reason.GRANTED, grounds=Grounds(rule="1:x"), pulse_ms=500))
    site.made.events.write(site.clock.now())
    assert EventCode.LOCK_FAILED in {record.reason for record in site.journal.records}
