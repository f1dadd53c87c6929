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


GUESTS = tuple(CredentialId(bytes(6) + b"\x07" + bytes([n])) for n in range(4))


def _led(at_most: int) -> Pair:
    portal = PortalDraft(
        zone="site",
        gateway=GATEWAY,
        escorted=("visitors",),
        escorts=("staff",),
        escort_leads=at_most,
        wait_s=20,
    )
    guests = tuple(person(one, groups=("visitors",)) for one in GUESTS)
    other = person(BOB)
    return Pair(policy=policy(portals={GATE: portal}, people=(person(), other, *guests)))


def test_an_escort_who_came_first_leads_as_many_as_the_portal_says() -> None:
    pair = _led(2)
    assert pair.go(GATE, ALICE, after(0)).reason is Reason.GRANTED
    reasons = [pair.go(GATE, one, after(1 + n)).reason for n, one in enumerate(GUESTS)]
    assert reasons == [Reason.GRANTED] * 2 + [Reason.ESCORT_NEEDED] * 2
    assert granted(pair.go(GATE, ALICE, after(6))).companions == (), "the same escort again"
    assert pair.ask(GATE, GUESTS[2], after(7)).reason is Reason.ESCORT_NEEDED
    another = granted(pair.go(GATE, BOB, after(8)))
    assert [one.bearer.credential_id for one in another.companions] == list(GUESTS[2:])


def test_of_those_who_wait_an_escort_takes_the_longest_there() -> None:
    pair = _led(3)
    for n, one in enumerate(GUESTS):
        assert pair.go(GATE, one, after(n)).reason is Reason.ESCORT_NEEDED
    escort = granted(pair.go(GATE, ALICE, after(5)))
    assert [one.bearer.credential_id for one in escort.companions] == list(GUESTS[:3])
    assert pair.go(GATE, GUESTS[3], after(6)).reason is Reason.ESCORT_NEEDED
    assert [one.bearer.credential_id for one in pair.north.companions(GATE, after(6))] == [
        ALICE,
        GUESTS[3],
    ]


def test_without_a_bound_an_escort_leads_as_many_as_come() -> None:
    pair = _led(0)
    pair.go(GATE, ALICE, after(0))
    assert {pair.go(GATE, one, after(1)).reason for one in GUESTS} == {Reason.GRANTED}


def test_later_the_same_escort_leads_others() -> None:
    pair = _led(1)
    pair.go(GATE, ALICE, after(0))
    assert pair.go(GATE, GUESTS[0], after(1)).reason is Reason.GRANTED
    assert pair.go(GATE, ALICE, after(20.5)).reason is Reason.GRANTED
    assert pair.go(GATE, GUESTS[1], after(21)).reason is Reason.GRANTED
