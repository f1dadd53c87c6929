"""What a decision rests on is said with it, so that it can be explained later."""

import pytest

from doorward.credential import CredentialClass, Form, Refusal
from doorward.decision import Basis, Bearer, Deny, Grant, Grounds, Movement, Rules, decide
from doorward.policy import Direction, Policy, Posture
from doorward.policy_draft import build_body
from doorward.reasons import Reason
from tests.kit.asking import STICKER, STICKERS, Case, blind, portal, visitor
from tests.kit.plant import (
    ALICE,
    ALICE_INDEX,
    BOB,
    GATE,
    NOON,
    Used,
    at,
    credential,
    draft,
    person,
    status_list,
)


def test_grounds_of_a_grant_say_everything_that_it_rests_on() -> None:
    decision = Case(draft={"portals": portal(pulse_ms=700)}).decision()
    assert decision == Grant(
        reason=Reason.GRANTED,
        grounds=Grounds(
            rule="10:staff>site@always",
            basis=Basis.SNAPSHOT,
            credential_id=ALICE,
            credential_class=CredentialClass.EMPLOYEE,
            form=Form.BADGE,
            policy_version=42,
            status_seq=1,
            policy_age_s=60,
        ),
        pulse_ms=700,
        movement=Movement(way=Direction.ENTRY, enters="site"),
        bearer=Bearer(credential_id=ALICE, holder_id=ALICE, status_index=ALICE_INDEX),
    )


def test_grounds_of_an_unlisted_visitor_rest_on_the_signature_alone() -> None:
    assert Case(visitor()).decision().grounds.basis is Basis.SIGNATURE_ONLY


def test_grounds_of_a_sticker_know_no_class() -> None:
    case = Case(STICKER, draft={"stickers": STICKERS, "people": [person(BOB)]})
    grounds = case.decision().grounds
    assert (grounds.form, grounds.credential_id) == (Form.STICKER, BOB)
    assert grounds.credential_class is None


def test_grounds_without_rules_know_nothing() -> None:
    assert Case(has_rules=False).decision().grounds == Grounds(rule="1:policy")


def test_grounds_give_no_age_where_there_is_no_list_or_no_clock() -> None:
    assert Case(has_status=False).decision().grounds.policy_age_s is None
    assert Case(has_status=False).decision().grounds.status_seq == 0
    assert Case(now=blind()).decision().grounds.policy_age_s is None
    assert Case(issued_at=NOON + 5).decision().grounds.policy_age_s == 0


@pytest.mark.parametrize("posture", [Posture.FREE, Posture.CLOSED, Posture.LOCKDOWN])
def test_posture_decides_and_the_grounds_still_say_who_it_was(posture: Posture) -> None:
    decision = Case(draft={"portals": portal(posture=posture)}).decision()
    assert decision.grounds.credential_id == ALICE
    nobody = Case(Refusal(Reason.NOT_OURS), draft={"portals": portal(posture=posture)})
    assert nobody.decision().grounds.credential_id is None


def test_profile_that_cannot_be_read_denies_and_does_not_raise() -> None:
    body = bytearray(build_body(draft()))
    good = Policy.from_body(bytes(body))
    start = len(body) - len(good.roster.find(ALICE).to_wire())  # type: ignore[union-attr]
    body[start] = 0xFF
    rules = Rules(policy=Policy.from_body(bytes(body)), status=status_list())
    decision = decide(credential(), GATE, rules, Used(), at(NOON))
    assert isinstance(decision, Deny)
    assert (decision.reason, decision.grounds.rule) == (Reason.ROSTER_UNREADABLE, "9:roster")
