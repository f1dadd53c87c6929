"""The decision: each numbered step by a table, and their order pair by pair."""

import dataclasses
from typing import Any

import pytest

from doorward.credential import CredentialClass, Refusal, slot_of
from doorward.decision import Deny, Grant
from doorward.keys import Purpose
from doorward.policy import Foreign, InDoubt, Posture, Unlisted
from doorward.policy_draft import GrantDraft
from doorward.reasons import Reason
from doorward.status import Status
from doorward.times import ClockTrust
from tests.kit.asking import (
    FOREIGN,
    LINKED,
    NOWHERE,
    STICKER,
    STICKERS,
    Case,
    blind,
    portal,
    visitor,
)
from tests.kit.plant import (
    ALICE,
    ALICE_INDEX,
    BOB,
    BOB_INDEX,
    DAY_S,
    ISSUER,
    LAB_DOOR,
    NOON,
    SUMMER_BEGINS,
    SUMMER_ENDS,
    at,
    credential,
    key_of,
    person,
)

# ---- each step


G, D = Grant, Deny
PASSED = (Grant, Reason.GRANTED, "10:staff>site@always")
STEPS: dict[str, tuple[Case, type[Grant | Deny], Reason, str]] = {
    "1: no policy yet": (Case(has_rules=False), D, Reason.POLICY_MISSING, "1:policy"),
    "1: unknown portal": (Case(portal=NOWHERE), D, Reason.PORTAL_UNKNOWN, "1:portal"),
    "2: lockdown": (
        Case(draft={"portals": portal(posture=Posture.LOCKDOWN)}),
        D,
        Reason.LOCKDOWN,
        "2:posture",
    ),
    "2: closed": (
        Case(draft={"portals": portal(posture=Posture.CLOSED)}),
        D,
        Reason.PORTAL_CLOSED,
        "2:posture",
    ),
    "2: free": (
        Case(draft={"portals": portal(posture=Posture.FREE)}),
        G,
        Reason.FREE_PASSAGE,
        "2:posture",
    ),
    "2: free for what is no code at all": (
        Case(
            Refusal(Reason.NOT_OURS),
            draft={"portals": portal(posture=Posture.FREE)},
            has_status=False,
            now=blind(),
        ),
        G,
        Reason.FREE_PASSAGE,
        "2:posture",
    ),
    "3: not a code of ours": (Case(Refusal(Reason.NOT_OURS)), D, Reason.NOT_OURS, "3:code"),
    "3: altered code": (
        Case(Refusal(Reason.SIGNATURE_WRONG)),
        D,
        Reason.SIGNATURE_WRONG,
        "3:code",
    ),
    "3: unknown sticker": (Case(STICKER), D, Reason.STICKER_UNKNOWN, "3:sticker"),
    "4: clock unknown": (Case(now=blind()), D, Reason.CLOCK_UNTRUSTED, "4:clock"),
    "4: clock held over is trusted": (Case(now=at(NOON, ClockTrust.HELD_OVER)), *PASSED),
    "4: clock unknown, portal lets pass": (
        Case(now=blind(), draft={"portals": portal(clock_untrusted=InDoubt.ALLOW)}),
        *PASSED,
    ),
    "5: key not yet valid": (
        Case(credential(key=key_of(ISSUER, Purpose.ISSUE, NOON + 1))),
        D,
        Reason.KEY_OUTSIDE_WINDOW,
        "5:validity",
    ),
    "5: key valid from this second": (
        Case(credential(key=key_of(ISSUER, Purpose.ISSUE, NOON))),
        *PASSED,
    ),
    "5: key valid to this second": (
        Case(credential(key=key_of(ISSUER, Purpose.ISSUE, 0, NOON))),
        D,
        Reason.KEY_OUTSIDE_WINDOW,
        "5:validity",
    ),
    "5: not before the next second": (
        Case(credential(not_before=NOON + 1)),
        D,
        Reason.NOT_YET_VALID,
        "5:validity",
    ),
    "5: from this second": (Case(credential(not_before=NOON)), *PASSED),
    "5: expired this second": (Case(credential(expires=NOON)), D, Reason.EXPIRED, "5:validity"),
    "5: last second": (Case(credential(expires=NOON + 1)), *PASSED),
    "6: slot was used": (
        Case(credential(slot=slot_of(NOON)), used=((ALICE, slot_of(NOON)),)),
        D,
        Reason.SLOT_USED,
        "6:once",
    ),
    "6: slot was used by another": (
        Case(credential(slot=slot_of(NOON)), used=((BOB, slot_of(NOON)),)),
        *PASSED,
    ),
    "6: another slot was used": (
        Case(credential(slot=slot_of(NOON)), used=((ALICE, slot_of(NOON) - 1),)),
        *PASSED,
    ),
    "6: badges have no slot": (Case(used=((ALICE, slot_of(NOON)), (ALICE, 0))), *PASSED),
    "7: no status list yet": (Case(has_status=False), D, Reason.STATUS_UNKNOWN, "7:status"),
    "7: index past the list": (
        Case(credential(status_index=64)),
        D,
        Reason.STATUS_UNKNOWN,
        "7:status",
    ),
    "7: revoked": (Case(status=((ALICE_INDEX, Status.REVOKED),)), D, Reason.REVOKED, "7:status"),
    "7: suspended": (
        Case(status=((ALICE_INDEX, Status.SUSPENDED),)),
        D,
        Reason.SUSPENDED,
        "7:status",
    ),
    "7: neighbours revoked": (
        Case(status=((ALICE_INDEX - 1, Status.REVOKED), (ALICE_INDEX + 1, Status.SUSPENDED))),
        *PASSED,
    ),
    "3: foreign code nobody linked, portal as it comes": (
        Case(FOREIGN),
        D,
        Reason.NOT_OURS,
        "3:foreign",
    ),
    "3: foreign code nobody linked": (
        Case(FOREIGN, draft={"portals": portal(foreign=Foreign.ALLOW)}),
        D,
        Reason.FOREIGN_UNKNOWN,
        "3:foreign",
    ),
    "3: linked foreign code, portal as it comes": (
        Case(FOREIGN, draft={"stickers": LINKED, "people": [person(BOB)]}),
        D,
        Reason.FOREIGN_REFUSED,
        "3:foreign",
    ),
    "7: revoked foreign code": (
        Case(
            FOREIGN,
            draft={"stickers": LINKED, "portals": portal(foreign=Foreign.ALLOW)},
            status=((BOB_INDEX, Status.REVOKED),),
        ),
        D,
        Reason.REVOKED,
        "7:status",
    ),
    "9: linked foreign code of somebody": (
        Case(
            FOREIGN,
            draft={
                "stickers": LINKED,
                "people": [person(BOB)],
                "portals": portal(foreign=Foreign.ALLOW),
            },
        ),
        G,
        Reason.GRANTED,
        "10:staff>site@always",
    ),
    "7: revoked sticker": (
        Case(STICKER, draft={"stickers": STICKERS}, status=((BOB_INDEX, Status.REVOKED),)),
        D,
        Reason.REVOKED,
        "7:status",
    ),
    "8: status list as old as allowed": (Case(issued_at=NOON - 72 * 3600), *PASSED),
    "8: a second older, though the bundle is new": (
        Case(issued_at=NOON - 72 * 3600 - 1, draft={"created_at": NOON}),
        D,
        Reason.POLICY_STALE,
        "8:age",
    ),
    "8: older, and the portal lets pass": (
        Case(issued_at=0, draft={"portals": portal(stale=InDoubt.ALLOW)}),
        *PASSED,
    ),
    "8: the portal's own bound": (
        Case(issued_at=NOON - 61, draft={"portals": portal(max_age_s=60)}),
        D,
        Reason.POLICY_STALE,
        "8:age",
    ),
    "8: status list from the future is fresh": (Case(issued_at=NOON + 9), *PASSED),
    "8: age is not looked at without a clock": (
        Case(now=blind(), issued_at=0, draft={"portals": portal(clock_untrusted=InDoubt.ALLOW)}),
        *PASSED,
    ),
    "9: not listed, portal wants the roster": (
        Case(visitor(), draft={"portals": portal(unlisted=Unlisted.DENY)}),
        D,
        Reason.NOT_LISTED,
        "9:roster",
    ),
    "9: not listed, counts by class": (
        Case(visitor()),
        G,
        Reason.GRANTED,
        "10:visitors>site@office",
    ),
    "9: not listed, class without groups": (
        Case(credential(credential_id=BOB)),
        D,
        Reason.NOT_AUTHORISED,
        "10:grants",
    ),
    "9: sticker of nobody who is listed": (
        Case(STICKER, draft={"stickers": STICKERS}),
        D,
        Reason.NOT_LISTED,
        "9:roster",
    ),
    "9: sticker of somebody": (
        Case(STICKER, draft={"stickers": STICKERS, "people": [person(BOB)]}),
        *PASSED,
    ),
    "9: listed from the next second": (
        Case(draft={"people": [person(not_before=NOON + 1)]}),
        D,
        Reason.NOT_YET_VALID,
        "9:roster",
    ),
    "9: listed from this second to the next": (
        Case(draft={"people": [person(not_before=NOON, not_after=NOON + 1)]}),
        *PASSED,
    ),
    "9: listed until this second": (
        Case(draft={"people": [person(not_after=NOON)]}),
        D,
        Reason.EXPIRED,
        "9:roster",
    ),
    "9: listed without its class's rights": (
        Case(
            credential(credential_class=CredentialClass.VISITOR),
            draft={"people": [person(groups=())]},
        ),
        D,
        Reason.NOT_AUTHORISED,
        "10:grants",
    ),
    "9: listed span is not looked at without a clock": (
        Case(
            now=blind(),
            draft={
                "portals": portal(clock_untrusted=InDoubt.ALLOW),
                "people": [person(not_before=1, not_after=2)],
            },
        ),
        *PASSED,
    ),
    "10: another zone": (Case(portal=LAB_DOOR), D, Reason.NOT_AUTHORISED, "10:grants"),
    "10: outside the hours": (
        Case(visitor(), now=at(NOON + 6 * 3600)),
        D,
        Reason.OUTSIDE_SCHEDULE,
        "10:visitors>site@office",
    ),
    "10: hours are not looked at without a clock": (
        Case(
            visitor(),
            now=blind(NOON + 6 * 3600),
            draft={"portals": portal(clock_untrusted=InDoubt.ALLOW)},
        ),
        G,
        Reason.GRANTED,
        "10:visitors>site@office",
    ),
    "10: training missing": (
        Case(portal=LAB_DOOR, draft={"people": [person(groups=("chemists",))]}),
        D,
        Reason.QUALIFICATION_MISSING,
        "10:chemists>lab@always",
    ),
    "10: another training does not help": (
        Case(
            portal=LAB_DOOR,
            draft={"people": [person(groups=("chemists",), qualifications=(("fire", NOON + 9),))]},
        ),
        D,
        Reason.QUALIFICATION_MISSING,
        "10:chemists>lab@always",
    ),
    "10: training expires this second": (
        Case(
            portal=LAB_DOOR,
            draft={"people": [person(groups=("chemists",), qualifications=(("laser", NOON),))]},
        ),
        D,
        Reason.QUALIFICATION_EXPIRED,
        "10:chemists>lab@always",
    ),
    "10: last second of a training": (
        Case(
            portal=LAB_DOOR,
            draft={"people": [person(groups=("chemists",), qualifications=(("laser", NOON + 1),))]},
        ),
        G,
        Reason.GRANTED,
        "10:chemists>lab@always",
    ),
    "10: training must be there also without a clock": (
        Case(
            now=blind(),
            draft={
                "portals": portal("lab", clock_untrusted=InDoubt.ALLOW),
                "people": [person(groups=("chemists",))],
            },
        ),
        D,
        Reason.QUALIFICATION_MISSING,
        "10:chemists>lab@always",
    ),
    "10: its end is not looked at without a clock": (
        Case(
            now=blind(),
            draft={
                "portals": portal("lab", clock_untrusted=InDoubt.ALLOW),
                "people": [person(groups=("chemists",), qualifications=(("laser", 1),))],
            },
        ),
        G,
        Reason.GRANTED,
        "10:chemists>lab@always",
    ),
    "10: a class cannot hold a training": (
        Case(
            visitor(), portal=LAB_DOOR, draft={"classes": {CredentialClass.VISITOR: ("chemists",)}}
        ),
        D,
        Reason.QUALIFICATION_MISSING,
        "10:chemists>lab@always",
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_step(name: str) -> None:
    case, kind, reason, rule = STEPS[name]
    decision = case.decision()
    assert (type(decision), decision.reason, decision.grounds.rule) == (kind, reason, rule)


@pytest.mark.parametrize("away", [-3, -2, -1, 0, 1, 2, 3, -(2**30), 2**30])
def test_pass_counts_within_two_slots_of_the_gateways(away: int) -> None:
    decision = Case(credential(slot=slot_of(NOON) + away)).decision()
    expected = Reason.GRANTED if abs(away) <= 2 else Reason.SLOT_STALE
    assert decision.reason is expected


@pytest.mark.parametrize(("second", "expected"), [(0, True), (14, True), (15, False), (-10, True)])
def test_pass_of_a_slot_lives_fifteen_seconds_after_its_begin(second: int, expected: bool) -> None:
    one = credential(slot=slot_of(NOON))
    assert (Case(one, now=at(NOON + second)).decision().reason is Reason.GRANTED) == expected
    assert Case(one, now=at(NOON - 11)).decision().reason is Reason.SLOT_STALE


def test_pass_is_not_judged_by_a_clock_that_nobody_trusts_but_still_counts_once() -> None:
    old = Case(
        credential(slot=7), now=blind(), draft={"portals": portal(clock_untrusted=InDoubt.ALLOW)}
    )
    assert old.decision().reason is Reason.GRANTED
    again = dataclasses.replace(old, used=((ALICE, 7),))
    assert again.decision().reason is Reason.SLOT_USED


# ---- the order


ORDER: dict[str, tuple[Case, Reason]] = {
    "1 policy before 1 portal": (Case(portal=NOWHERE, has_rules=False), Reason.POLICY_MISSING),
    "1 before 2": (
        Case(portal=NOWHERE, draft={"portals": portal(posture=Posture.FREE)}),
        Reason.PORTAL_UNKNOWN,
    ),
    "2 before 3": (
        Case(Refusal(Reason.MALFORMED), draft={"portals": portal(posture=Posture.LOCKDOWN)}),
        Reason.LOCKDOWN,
    ),
    "3 before 4, no code": (Case(Refusal(Reason.MALFORMED), now=blind()), Reason.MALFORMED),
    "3 before 4, sticker": (Case(STICKER, now=blind()), Reason.STICKER_UNKNOWN),
    "4 before 5": (Case(credential(expires=NOON - DAY_S), now=blind()), Reason.CLOCK_UNTRUSTED),
    "5 key before 5 not before": (
        Case(credential(not_before=NOON + 9, key=key_of(ISSUER, Purpose.ISSUE, 0, 1))),
        Reason.KEY_OUTSIDE_WINDOW,
    ),
    "5 expired before 5 slot": (Case(credential(expires=NOON, slot=1)), Reason.EXPIRED),
    "5 before 6": (Case(credential(slot=1), used=((ALICE, 1),)), Reason.SLOT_STALE),
    "6 before 7": (
        Case(
            credential(slot=slot_of(NOON)),
            used=((ALICE, slot_of(NOON)),),
            status=((ALICE_INDEX, Status.REVOKED),),
        ),
        Reason.SLOT_USED,
    ),
    "7 before 8": (Case(status=((ALICE_INDEX, Status.SUSPENDED),), issued_at=0), Reason.SUSPENDED),
    "8 before 9": (
        Case(visitor(), draft={"portals": portal(unlisted=Unlisted.DENY)}, issued_at=0),
        Reason.POLICY_STALE,
    ),
    "9 before 10": (
        Case(portal=LAB_DOOR, draft={"people": [person(not_after=NOON)]}),
        Reason.EXPIRED,
    ),
    "10 hours before training": (
        Case(
            draft={
                "grants": (
                    GrantDraft(
                        group="staff", zone="site", schedule="night", qualifications=("fire",)
                    ),
                )
            }
        ),
        Reason.OUTSIDE_SCHEDULE,
    ),
    "10 missing before expired": (
        Case(
            draft={
                "people": [person(qualifications=(("fire", 1),))],
                "grants": (
                    GrantDraft(
                        group="staff",
                        zone="site",
                        schedule="always",
                        qualifications=("fire", "laser"),
                    ),
                ),
            }
        ),
        Reason.QUALIFICATION_MISSING,
    ),
}


@pytest.mark.parametrize("name", ORDER)
def test_where_two_steps_would_decide_the_earlier_one_does(name: str) -> None:
    case, reason = ORDER[name]
    assert case.decision().reason is reason


# ---- step 10 among several grants


def lines(*grants: tuple[str, str, tuple[str, ...]]) -> dict[str, Any]:
    drafted = [
        GrantDraft(group=group, zone="site", schedule=schedule, qualifications=needed)
        for group, schedule, needed in grants
    ]
    groups = tuple(sorted({group for group, _, _ in grants}))
    return {
        "grants": tuple(drafted),
        "people": [person(groups=groups, qualifications=(("fire", 1),))],
    }


@pytest.mark.parametrize(
    ("grants", "reason", "rule"),
    [
        (
            [("staff", "night", ()), ("staff", "always", ())],
            Reason.GRANTED,
            "10:staff>site@always",
        ),
        (
            [("staff", "always", ("laser",)), ("chemists", "office", ())],
            Reason.GRANTED,
            "10:chemists>site@office",
        ),
        (
            [("staff", "night", ()), ("staff", "always", ("laser",))],
            Reason.QUALIFICATION_MISSING,
            "10:staff>site@always",
        ),
        (
            [("staff", "always", ("laser",)), ("staff", "office", ("fire",))],
            Reason.QUALIFICATION_EXPIRED,
            "10:staff>site@office",
        ),
        (
            [("staff", "office", ("fire",)), ("chemists", "always", ("laser",))],
            Reason.QUALIFICATION_EXPIRED,
            "10:staff>site@office",
        ),
        (
            [("staff", "night", ()), ("chemists", "night", ())],
            Reason.OUTSIDE_SCHEDULE,
            "10:staff>site@night",
        ),
    ],
)
def test_any_grant_is_enough_and_a_denial_names_the_nearest_miss(
    grants: list[tuple[str, str, tuple[str, ...]]], reason: Reason, rule: str
) -> None:
    decision = Case(draft=lines(*grants)).decision()
    assert (decision.reason, decision.grounds.rule) == (reason, rule)


@pytest.mark.parametrize(
    ("utc_s", "expected"),
    [
        (NOON + 10 * 3600 - 1, Reason.OUTSIDE_SCHEDULE),
        (NOON + 10 * 3600, Reason.GRANTED),
        (NOON + 12 * 3600, Reason.GRANTED),
        (NOON + 18 * 3600 - 1, Reason.GRANTED),
        (NOON + 18 * 3600, Reason.OUTSIDE_SCHEDULE),
        (SUMMER_ENDS, Reason.OUTSIDE_SCHEDULE),
        (SUMMER_BEGINS, Reason.OUTSIDE_SCHEDULE),
    ],
    ids=["21:59:59", "22:00", "midnight", "05:59:59", "06:00", "clocks back", "clocks forward"],
)
def test_night_shift_passes_across_midnight(utc_s: int, expected: Reason) -> None:
    case = Case(draft=lines(("staff", "night", ())), now=at(utc_s), issued_at=utc_s)
    assert case.decision().reason is expected
