"""Steps 10 to 16: who passes along, who it is, what is not known, and that none of it loosens."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.credential import CredentialClass, Refusal
from doorward.decision import Deny, Grant
from doorward.ids import CredentialId
from doorward.policy import AntiPassback, Direction, GroupRule, InDoubt, Posture, PresenceDoubt
from doorward.policy_draft import ZoneDraft
from doorward.presence_port import Entries
from doorward.reasons import REASON_TEXTS, SILENT, WAITING, Reason, Severity
from doorward.status import Status
from tests.kit.asking import Case, blind, visitor
from tests.kit.plant import (
    ALICE,
    ALICE_INDEX,
    BOB,
    BOB_INDEX,
    NOON,
    at,
    credential,
    person,
)
from tests.kit.remembering import FORGIVEN, INSIDE, OUTSIDE, Remembered, companion
from tests.kit.restrained import (
    AIRLOCK,
    DENY,
    ENTRY,
    EXIT,
    HARD,
    JUST_INSIDE,
    LAST,
    TIMED,
    UNKNOWN,
    YES,
    Expected,
    at_gate,
    away,
    entries,
    forced,
    full,
    limited,
    once,
    seen,
)

# ---- who passes along


def test_second_person_lets_the_first_one_pass_along() -> None:
    waiting = companion(Reason.SECOND_PERSON_NEEDED)
    case = Case(draft=at_gate(two_persons=True), presence=Remembered(there=(waiting,)))
    decision = case.decision()
    assert isinstance(decision, Grant)
    assert decision.companions == (waiting,)
    revoked = Case(
        draft=at_gate(two_persons=True),
        presence=Remembered(there=(waiting,)),
        status=((BOB_INDEX, Status.REVOKED),),
    )
    assert revoked.decision().reason is Reason.SECOND_PERSON_NEEDED


def test_escort_lets_everybody_pass_who_waits_for_one() -> None:
    draft = at_gate(escorted=("visitors",), escorts=("staff",))
    waiting = (
        companion(Reason.ESCORT_NEEDED),
        companion(Reason.ESCORT_NEEDED, who=CredentialId(bytes(8)), index=9),
    )
    decision = Case(draft=draft, presence=Remembered(there=waiting)).decision()
    assert isinstance(decision, Grant)
    assert decision.companions == waiting
    assert decision.bearer is not None
    assert decision.bearer.is_escort
    plain = Case(draft=at_gate(), presence=Remembered(there=waiting)).decision()
    assert isinstance(plain, Grant)
    assert plain.companions == ()


def test_who_waits_is_named_with_the_denial_and_how_long() -> None:
    draft = at_gate(escorted=("visitors",), escorts=("staff",), wait_s=15)
    decision = Case(visitor(), draft=draft, presence=Remembered()).decision()
    assert isinstance(decision, Deny)
    assert decision.reason is Reason.ESCORT_NEEDED
    assert decision.wait_s == 15
    assert decision.bearer is not None
    assert decision.bearer.credential_id == BOB
    assert decision.movement is not None
    assert decision.movement.enters == "site"
    refused = Case(draft=at_gate(antipassback=HARD), presence=seen(INSIDE)).decision()
    assert isinstance(refused, Deny)
    assert (refused.wait_s, refused.bearer, refused.movement) == (0, None, None)


def test_zone_has_room_for_all_who_pass_along_or_for_none() -> None:
    waiting = companion(Reason.SECOND_PERSON_NEEDED)
    for inside, reason in ((8, Reason.GRANTED), (9, Reason.ZONE_FULL)):
        presence = Remembered(there=(waiting,), inside=inside)
        case = Case(draft=full(10, two_persons=True), presence=presence)
        assert case.decision().reason is reason


@pytest.mark.parametrize("reason", sorted(WAITING))
def test_waiting_is_no_alarm(reason: Reason) -> None:
    assert REASON_TEXTS[reason].severity is Severity.NORMAL


# ---- who it is


def test_badge_and_phone_of_one_person_are_one_person() -> None:
    phone = CredentialId(b"the-fone")
    draft = at_gate(antipassback=HARD) | {"people": (person(), person(phone, holder=ALICE))}
    case = Case(credential(credential_id=phone), draft=draft, presence=seen(INSIDE))
    assert case.decision().reason is Reason.ALREADY_INSIDE


def test_duress_is_noticed_on_whatever_is_decided_and_changes_nothing_that_is_seen() -> None:
    plain = Case(draft=at_gate(), presence=Remembered()).decision()
    silent = Case(draft=forced(at_gate()), presence=Remembered()).decision()
    assert isinstance(plain, Grant)
    assert isinstance(silent, Grant)
    assert (silent.reason, silent.pulse_ms, silent.grounds.rule) == (
        plain.reason,
        plain.pulse_ms,
        plain.grounds.rule,
    )
    assert silent.grounds.notices == (Reason.DURESS,)
    assert set(silent.grounds.notices) <= SILENT
    denied = Case(draft=forced({}) | {"grants": ()}, presence=Remembered()).decision()
    assert denied.reason is Reason.NOT_AUTHORISED
    assert denied.grounds.notices == (Reason.DURESS,)


def test_one_time_code_and_counted_entries_say_until_when_to_remember_them() -> None:
    one = credential(expires=NOON + 500)
    draft = once() | limited(per_day=1) | {"people": (person(not_after=NOON + 900),)}
    decision = Case(one, draft=draft, presence=Remembered()).decision()
    assert isinstance(decision, Grant)
    assert decision.bearer is not None
    assert (decision.bearer.once_until, decision.bearer.counts_until) == (NOON + 500, NOON + 500)
    by_class = Case(
        visitor(expires=NOON + 700),
        draft={
            "group_rules": {"visitors": GroupRule(is_once=True)},
            "classes": {CredentialClass.VISITOR: ("visitors",)},
        },
        presence=Remembered(),
    ).decision()
    assert isinstance(by_class, Grant)
    assert by_class.bearer is not None
    assert (by_class.bearer.once_until, by_class.bearer.counts_until) == (NOON + 700, 0)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (Case(credential(expires=NOON)), Reason.EXPIRED),
        (Case(status=((ALICE_INDEX, Status.REVOKED),)), Reason.REVOKED),
        (Case(draft={"people": (person(not_after=NOON),)}), Reason.EXPIRED),
        (Case(draft=at_gate(posture=Posture.CLOSED)), Reason.PORTAL_CLOSED),
        (Case(draft=at_gate(posture=Posture.LOCKDOWN)), Reason.LOCKDOWN),
        (Case(now=blind()), Reason.CLOCK_UNTRUSTED),
        (Case(visitor()), Reason.GRANTED),
        (Case(Refusal(Reason.SIGNATURE_WRONG)), Reason.SIGNATURE_WRONG),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_duress_is_noticed_whatever_is_wrong_with_an_authentic_code(
    case: Case, reason: Reason
) -> None:
    decision = dataclasses.replace(case, draft=forced(case.draft)).decision()
    is_staff = case.presentation == credential() or reason is Reason.EXPIRED
    assert decision.reason is reason
    assert decision.grounds.notices == ((Reason.DURESS,) if is_staff else ())


# ---- without a clock


@pytest.mark.parametrize(
    ("draft", "presence", "expected"),
    [
        ({"antipassback": HARD}, seen(INSIDE), Reason.ALREADY_INSIDE),
        ({"antipassback": HARD}, seen(OUTSIDE), YES),
        ({"min_interval_s": 60}, seen(JUST_INSIDE), UNKNOWN),
        ({"min_interval_s": 60, "presence_unknown": DENY}, seen(OUTSIDE), Reason.PRESENCE_UNKNOWN),
        ({"antipassback": TIMED, "antipassback_s": 60}, seen(JUST_INSIDE), UNKNOWN),
    ],
)
def test_without_a_clock_no_length_of_time_is_known(
    draft: dict[str, Any], presence: Remembered, expected: Expected
) -> None:
    case = Case(
        draft=at_gate(clock_untrusted=InDoubt.ALLOW, **draft), presence=presence, now=blind()
    )
    decision = case.decision()
    if isinstance(expected, tuple):
        assert decision.reason is Reason.GRANTED
        assert decision.grounds.notices == expected
    else:
        assert decision.reason is expected


def test_without_a_clock_entries_of_both_days_count() -> None:
    draft = limited(per_day=2) | at_gate(clock_untrusted=InDoubt.ALLOW)
    presence = entries(30 * 3600, 60)
    assert Case(draft=draft, presence=presence, now=blind()).decision().reason is Reason.DAY_LIMIT
    assert Case(draft=draft, presence=presence).decision().reason is Reason.GRANTED


# ---- no rule is loosened by missing information

STAYS = st.sampled_from([None, INSIDE, OUTSIDE, FORGIVEN, JUST_INSIDE])
RULED = st.fixed_dictionaries(
    {
        "direction": st.sampled_from(Direction),
        "antipassback": st.sampled_from(AntiPassback),
        "antipassback_s": st.sampled_from([1, 60, 1000]),
        "min_interval_s": st.sampled_from([0, 60]),
        "two_persons": st.booleans(),
        "interlock": st.sampled_from([(), (AIRLOCK,)]),
        "clock_untrusted": st.just(InDoubt.ALLOW),
    }
)


@st.composite
def memories(draw: st.DrawFn) -> dict[str, Any]:
    stay = draw(STAYS)
    return {
        "stays": {} if stay is None else {"site": stay},
        "used": draw(st.sampled_from([frozenset(), frozenset({ENTRY}), frozenset({EXIT})])),
        "entered": draw(st.sampled_from([Entries(), Entries(at=(NOON - 5,)), Entries(earlier=3)])),
        "inside": draw(st.integers(0, 3)),
        "doors": draw(st.sampled_from([{}, {AIRLOCK: False}, {AIRLOCK: True}])),
        "there": draw(st.sampled_from([(), (companion(Reason.SECOND_PERSON_NEEDED),)])),
    }


@given(
    rule=RULED,
    memory=memories(),
    doubt=st.sampled_from(PresenceDoubt),
    per_day=st.integers(0, 1),
    per_visit=st.integers(0, 1),
    of_zone=st.sampled_from([ZoneDraft(per_day=3), ZoneDraft(per_visit=3), ZoneDraft(at_most=3)]),
    groups=st.builds(GroupRule, is_once=st.booleans(), is_exempt=st.booleans()),
    has_clock=st.booleans(),
    lost=st.sampled_from(["hears", "whole", "used_is_sure"]),
)
def test_missing_information_loosens_no_rule_unless_the_policy_says_so(
    rule: dict[str, Any],
    memory: dict[str, Any],
    doubt: PresenceDoubt,
    per_day: int,
    per_visit: int,
    of_zone: ZoneDraft,
    groups: GroupRule,
    has_clock: bool,
    lost: str,
) -> None:
    draft = (
        limited(per_day=per_day, per_visit=per_visit)
        | away(presence_unknown=doubt, **rule)
        | {"group_rules": {"staff": groups}, "zone_rules": {"site": of_zone}}
    )
    now = at(NOON) if has_clock else blind()
    known = Case(draft=draft, presence=Remembered(**memory), now=now).decision()
    gaps: dict[str, Any] = {lost: False}
    doubtful = Case(draft=draft, presence=Remembered(**memory, **gaps), now=now).decision()
    if isinstance(doubtful, Grant):
        was_refused = isinstance(known, Deny)
        is_doubted = Reason.PRESENCE_UNKNOWN in doubtful.grounds.notices
        assert is_doubted or not was_refused, "what is let pass in doubt is noticed"
        assert not (doubt is DENY and was_refused), "doubt never opens where the policy denies"
        is_soft = rule["antipassback"] is AntiPassback.SOFT
        assert is_soft or not (doubt is DENY and is_doubted), "only what is soft never refuses"
    if doubt is LAST and isinstance(known, Deny):
        assert isinstance(doubtful, Deny), "what is last known denies as what is known"
