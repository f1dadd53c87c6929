"""By hand: the rules decide, a guard may overrule some of them, all of it on record first."""

from dataclasses import dataclass, field

import pytest

from doorward.decision import Deny, Grant
from doorward.keys import pin_keyring
from doorward.policy import Posture
from doorward.presence_port import NothingSeen
from doorward.reasons import Reason
from doorward.records import Outcome, Record, RecordKind
from doorward.status import Status
from doorward.times import Instant
from doorward_edge.by_hand import (
    MOST_NOTE,
    MOST_SUBJECT,
    NEVER_OVERRULED,
    Answer,
    Cause,
    Gate,
    HandDesk,
    Registration,
    Way,
)
from doorward_edge.ports import JournalFullError
from doorward_edge.stages.decide import DecideStage
from doorward_edge.stages.record import RecordOutcome, RecordStage
from doorward_edge.sync import PolicyKeeper
from tests.fakes.edge_ports import FakeClock, FakeFloors, FakePolicyFiles
from tests.fakes.fake_journal import FakeJournal
from tests.fakes.site_simulator import PORTAL, SITE, START_S, SiteSimulator, credential_id


@dataclass
class FakePortal:
    """Remembers what it was told, and how much was on the disk then."""

    journal: FakeJournal
    told: list[Grant | Deny] = field(default_factory=list)
    on_disk: list[int] = field(default_factory=list)

    def act(
        self, decision: Grant | Deny, recorded: RecordOutcome, now: Instant, *, online: bool
    ) -> None:
        self.told.append(decision)
        self.on_disk.append(len(self.journal.records))


class Post:
    """A guard's post: one portal, rules, and everything around it in memory."""

    def __init__(self, posture: Posture = Posture.NORMAL) -> None:
        self.site, self.clock = SiteSimulator(posture=posture), FakeClock(START_S)
        self.journal = FakeJournal()
        self.portal = FakePortal(self.journal)
        self.keeper = PolicyKeeper(
            site=SITE,
            pinned=pin_keyring(self.site.keyrings[0]),
            files=FakePolicyFiles(),
            floors=FakeFloors(),
        )
        self.is_interlocked = False
        for wire in (self.site.bundle(), self.site.status()):
            self.keeper.take(wire, self.clock.now())
        gate = Gate(
            portal=PORTAL,
            decide=DecideStage(PORTAL, NothingSeen()).decide,
            is_interlocked=lambda _now: self.is_interlocked,
            record=RecordStage(
                self.journal, boot_id=bytes(8), portal=PORTAL, is_online=lambda: True
            ),
            acting=self.portal,
        )
        self.desk = HandDesk({PORTAL: gate}, self.keeper, self.clock, lambda: True)

    def take(self, **changes: object) -> Answer:
        plain: dict[str, object] = {
            "portal": PORTAL,
            "way": Way.IN,
            "code": "",
            "subject": "Visitor 17",
            "cause": Cause.PHONE_DEAD,
            "note": "",
            "actor": "g-07",
        }
        return self.desk.take(Registration(**(plain | changes)))  # type: ignore[arg-type]

    @property
    def record(self) -> Record:
        return self.journal.records[-1]

    @property
    def opened(self) -> list[Grant]:
        return [told for told in self.portal.told if isinstance(told, Grant)]


@pytest.fixture
def post() -> Post:
    return Post()


def test_a_typed_code_is_decided_as_if_it_were_held_up_and_recorded_first(post: Post) -> None:
    answer = post.take(code=post.site.badge(7))
    assert answer == Answer(
        is_open=True, reason=Reason.GRANTED, may_be_overruled=False, is_recorded=True
    )
    assert (len(post.opened), post.portal.on_disk) == (1, [1])
    record = post.record
    assert (record.kind, record.outcome, record.reader) == (
        RecordKind.MANUAL,
        Outcome.GRANT,
        "by_hand",
    )
    assert (record.actor, record.cause, record.subject) == ("g-07", "phone_dead", "Visitor 17")
    assert (record.credential_id, record.rule) == (credential_id(7), "10:staff>hall@always")


@pytest.mark.parametrize("may_overrule", [True, False])
def test_who_has_no_code_is_let_in_only_by_a_guard_who_may_overrule(
    post: Post, may_overrule: bool
) -> None:
    first = post.take(may_overrule=may_overrule)
    assert (first.is_open, first.reason) == (False, Reason.NO_CODE)
    assert first.may_be_overruled is may_overrule
    second = post.take(may_overrule=may_overrule, overrules=True, note="I know her")
    assert second.is_open is may_overrule
    assert len(post.opened) == int(may_overrule)
    assert [r.kind for r in post.journal.records] == [RecordKind.MANUAL] * 2
    if may_overrule:
        assert (post.record.reason, post.record.rule) == ("by_hand", "overruled:no_code|3:code")
        assert (post.record.detail, post.record.note) == ("in", "I know her")


def test_a_guard_who_may_not_overrule_does_not_by_saying_so(post: Post) -> None:
    answer = post.take(code="rubbish", overrules=True, may_overrule=False)
    assert (answer.is_open, answer.reason, post.opened) == (False, Reason.NOT_OURS, [])


def test_a_revoked_code_opens_for_nobody(post: Post) -> None:
    post.keeper.take(post.site.set_status(7, Status.REVOKED), post.clock.now())
    answer = post.take(code=post.site.badge(7), may_overrule=True, overrules=True)
    assert (answer.is_open, answer.reason, answer.may_be_overruled) == (
        False,
        Reason.REVOKED,
        False,
    )
    assert post.record.outcome is Outcome.DENY


def test_a_lockdown_is_not_overruled() -> None:
    post = Post(Posture.LOCKDOWN)
    answer = post.take(may_overrule=True, overrules=True)
    assert (answer.reason, answer.may_be_overruled, post.opened) == (Reason.LOCKDOWN, False, [])


def test_a_closed_portal_may_be_opened_by_a_guard_who_may_overrule() -> None:
    post = Post(Posture.CLOSED)
    assert post.take(may_overrule=True).reason is Reason.PORTAL_CLOSED
    assert post.take(may_overrule=True, overrules=True).is_open


def test_an_interlocked_door_stays_shut_whoever_asks(post: Post) -> None:
    post.is_interlocked = True
    answer = post.take(may_overrule=True, overrules=True)
    assert (answer.is_open, answer.reason) == (False, Reason.INTERLOCK_OPEN)


def test_without_rules_nothing_is_overruled(post: Post) -> None:
    post.keeper.rules = None
    answer = post.take(may_overrule=True, overrules=True)
    assert (answer.is_open, answer.reason) == (False, Reason.POLICY_MISSING)


def test_what_cannot_be_recorded_does_not_open(post: Post) -> None:
    post.journal.error = JournalFullError("full")
    answer = post.take(code=post.site.badge(7))
    assert (answer.is_open, answer.is_recorded, answer.reason) == (
        False,
        False,
        Reason.NOT_RECORDED,
    )
    assert post.opened == []


def test_a_paper_form_is_recorded_with_its_own_time_and_moves_nothing(post: Post) -> None:
    happened = (START_S - 86_400) * 1000
    answer = post.take(
        code=post.site.badge(7), happened_utc_ms=happened, cause=Cause.POWER_FAILED, note="page 3"
    )
    assert answer.is_recorded
    assert post.portal.told == []
    record = post.record
    assert (record.kind, record.reason, record.reader) == (RecordKind.MANUAL, "paper", "paper")
    assert (record.happened_utc_ms, record.utc_ms) == (happened, START_S * 1000)
    assert (record.outcome, record.actor, record.subject) == (None, "g-07", "Visitor 17")


def test_the_longest_words_fit_a_record(post: Post) -> None:
    answer = post.take(
        subject="访" * MOST_SUBJECT,
        note="因" * MOST_NOTE,
        may_overrule=True,
        overrules=True,
        code=post.site.badge(7)[:-1],
    )
    assert answer.is_recorded
    assert len(post.record.to_wire()) < 1792


def test_neither_the_person_nor_the_guard_stands_in_the_log(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        post.take(code=post.site.badge(7), subject="Grace Hopper", note="a friend", actor="g-07")
    assert caplog.text
    assert not any(word in caplog.text for word in ("Hopper", "friend", "g-07", "DW1"))


def test_nothing_that_was_withdrawn_or_forged_can_be_overruled() -> None:
    assert {Reason.REVOKED, Reason.KEY_REVOKED, Reason.SIGNATURE_WRONG, Reason.LOCKDOWN} <= (
        NEVER_OVERRULED
    )
