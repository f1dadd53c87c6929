"""The book of presence: who comes with whom, and who comes first."""

import pytest

from doorward.decision import Deny, Grant
from doorward.ids import CredentialId
from doorward.policy import Direction, GroupRule
from doorward.policy_draft import PortalDraft
from doorward.reasons import Reason
from tests.kit.plant import (
    ALICE,
    BOB,
    GATE,
    GATEWAY,
    NOON,
    person,
    policy,
)
from tests.kit.two_gateways import SOUTH, WAY_OUT, Pair, after

ENTRY = Direction.ENTRY


def granted(decision: Grant | Deny) -> Grant:
    assert isinstance(decision, Grant), decision
    return decision


TOGETHER_PORTALS = {
    GATE: PortalDraft(zone="site", gateway=GATEWAY, two_persons=True, wait_s=20),
    WAY_OUT: PortalDraft(zone="site", gateway=SOUTH),
}


def test_two_persons_enter_with_one_opening_and_both_are_inside() -> None:
    pair = Pair(policy=policy(portals=TOGETHER_PORTALS, people=(person(), person(BOB))))
    assert pair.go(GATE, ALICE, after(0)).reason is Reason.SECOND_PERSON_NEEDED
    assert pair.go(GATE, ALICE, after(1)).reason is Reason.SECOND_PERSON_NEEDED
    assert len(pair.north.companions(GATE, after(1))) == 1
    second = granted(pair.go(GATE, BOB, after(10)))
    assert [one.bearer.credential_id for one in second.companions] == [ALICE]
    assert pair.north.occupancy("site", after(11)) == 2
    assert pair.north.companions(GATE, after(11)) == []
    assert pair.ask(GATE, BOB, after(12)).reason is Reason.SECOND_PERSON_NEEDED


def test_second_person_who_comes_too_late_waits_himself() -> None:
    pair = Pair(policy=policy(portals=TOGETHER_PORTALS, people=(person(), person(BOB))))
    pair.go(GATE, ALICE, after(0))
    assert pair.go(GATE, BOB, after(20.001)).reason is Reason.SECOND_PERSON_NEEDED
    assert pair.go(GATE, ALICE, after(30)).reason is Reason.GRANTED


@pytest.mark.parametrize("first", [ALICE, BOB], ids=["escort first", "guest first"])
def test_escort_and_guest_pass_in_either_order(first: CredentialId) -> None:
    pair = Pair(policy=policy(portals=ESCORTED, people=ESCORT_AND_GUEST))
    reasons = [pair.go(GATE, who, after(at)).reason for at, who in enumerate((first, BOB))]
    if first == BOB:
        assert reasons == [Reason.ESCORT_NEEDED, Reason.ESCORT_NEEDED]
        escort = granted(pair.go(GATE, ALICE, after(5)))
        assert [one.bearer.credential_id for one in escort.companions] == [BOB]
    else:
        assert reasons == [Reason.GRANTED, Reason.GRANTED]
    assert pair.north.occupancy("site", after(6)) == 2
    assert pair.go(GATE, BOB, after(30)).reason is Reason.ESCORT_NEEDED


ESCORTED = {
    GATE: PortalDraft(
        zone="site", gateway=GATEWAY, escorted=("visitors",), escorts=("staff",), wait_s=20
    ),
    WAY_OUT: PortalDraft(zone="site", gateway=SOUTH),
}
ESCORT_AND_GUEST = (person(), person(BOB, groups=("visitors",)))


def test_after_the_first_person_the_door_stands_free_and_free_passage_is_no_first_person() -> None:
    unlocked = PortalDraft(zone="site", gateway=GATEWAY, unlock="office", unlock_after_first=True)
    pair = Pair(policy=policy(portals={GATE: unlocked}, people=(person(), person(BOB))))
    assert pair.north.last_grant_at(GATE, after(0)) is None
    assert pair.go(GATE, ALICE, after(0)).reason is Reason.GRANTED
    assert pair.north.last_grant_at(GATE, after(1)) == NOON
    assert pair.go(GATE, BOB, after(60)).reason is Reason.FREE_PASSAGE
    assert pair.north.last_grant_at(GATE, after(61)) == NOON
    assert pair.north.occupancy("site", after(61)) == 2


def test_free_passage_uses_no_one_time_code_up() -> None:
    free = policy(
        portals={GATE: PortalDraft(zone="site", gateway=GATEWAY, unlock="always")},
        group_rules={"staff": GroupRule(is_once=True)},
    )
    pair = Pair(policy=free)
    decision = granted(pair.go(GATE, ALICE, after(0)))
    assert decision.bearer is not None
    assert decision.bearer.once_until
    assert pair.north.is_used_up(ALICE, ENTRY, after(1)) is False
