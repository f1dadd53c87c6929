"""Steps 11 to 16 of the decision: what just happened holds somebody up, each step by a table."""

from typing import Any

import pytest

from doorward.decision import Deny, Grant
from doorward.policy import GroupRule
from doorward.policy_draft import GrantDraft, ZoneDraft
from doorward.presence_port import Entries, Stay
from doorward.reasons import WAITING, Reason
from tests.kit.asking import Case
from tests.kit.plant import (
    ALICE,
    BOB,
    DAY_S,
    NOON,
)
from tests.kit.remembering import FORGIVEN, INSIDE, OUTSIDE, Remembered, companion
from tests.kit.restrained import (
    AIRLOCK,
    BOTH,
    DENY,
    ENTRY,
    EXIT,
    HARD,
    JUST_INSIDE,
    LAST,
    SOFT,
    SOUTH,
    TIMED,
    UNKNOWN,
    YES,
    Expected,
    at_gate,
    away,
    entries,
    exempt,
    forced,
    full,
    limited,
    once,
    seen,
    visited,
)

STEPS: dict[str, tuple[dict[str, Any], Remembered, Expected]] = {
    # ---- 10: the number of entries
    "10: no entry today": (limited(per_day=2), Remembered(), YES),
    "10: one entry of two": (limited(per_day=2), entries(60), YES),
    "10: two entries of two": (limited(per_day=2), entries(60, 120), Reason.DAY_LIMIT),
    "10: yesterday's do not count": (limited(per_day=1), entries(13 * 3600), YES),
    "10: since midnight on the site's clocks": (
        limited(per_day=1),
        entries(12 * 3600),
        Reason.DAY_LIMIT,
    ),
    "10: a second before midnight was yesterday": (limited(per_day=1), entries(43_201), YES),
    "10: an entry dated into tomorrow counts": (
        limited(per_day=1),
        entries(-DAY_S),
        Reason.DAY_LIMIT,
    ),
    "10: entries of the visit on all days": (
        limited(per_visit=2),
        entries(60, 40 * DAY_S),
        Reason.VISIT_LIMIT,
    ),
    "10: of those long ago only the number": (
        limited(per_visit=2),
        entries(60, earlier=1),
        Reason.VISIT_LIMIT,
    ),
    "10: another line without a limit lets pass": (
        {
            "grants": (
                GrantDraft(group="staff", zone="site", schedule="always", per_visit=1),
                GrantDraft(group="staff", zone="site", schedule="office"),
            )
        },
        entries(60),
        YES,
    ),
    "10: leaving is no entry": (
        limited(per_visit=1) | at_gate(direction=EXIT),
        entries(60),
        YES,
    ),
    "10: what others counted is not known": (
        limited(per_day=1) | away(),
        Remembered(hears=False),
        UNKNOWN,
    ),
    "10: what others counted is not known, portal denies": (
        limited(per_day=1) | away(presence_unknown=DENY),
        Remembered(hears=False),
        Reason.PRESENCE_UNKNOWN,
    ),
    "10: what is counted stays counted": (
        limited(per_day=1) | away(),
        Remembered(hears=False, entered=Entries(at=(NOON - 9,))),
        Reason.DAY_LIMIT,
    ),
    "10: what was counted may be forgotten": (
        limited(per_visit=1) | at_gate(presence_unknown=DENY),
        Remembered(entered=Entries(is_complete=False)),
        Reason.PRESENCE_UNKNOWN,
    ),
    # ---- 11: one-time
    "11: not used": (once(), Remembered(), YES),
    "11: used to enter": (once(), Remembered(used=frozenset({ENTRY})), Reason.USED_UP),
    "11: used to enter, and leaves": (
        once(direction=EXIT),
        Remembered(used=frozenset({ENTRY})),
        YES,
    ),
    "11: used to leave": (
        once(direction=EXIT),
        Remembered(used=frozenset({EXIT})),
        Reason.USED_UP,
    ),
    "11: others may pass as often as they like": (
        at_gate(),
        Remembered(used=frozenset({ENTRY, EXIT})),
        YES,
    ),
    "11: forgotten whether it was used": (once(), Remembered(used_is_sure=False), UNKNOWN),
    "11: forgotten, portal denies": (
        once(presence_unknown=DENY),
        Remembered(used_is_sure=False),
        Reason.PRESENCE_UNKNOWN,
    ),
    "11: not known to be used, others not heard": (
        away() | once(presence_unknown=LAST) | away(presence_unknown=LAST),
        Remembered(hears=False),
        UNKNOWN,
    ),
    "11: known to be used, others not heard": (
        once() | away(),
        Remembered(hears=False, used=frozenset({ENTRY})),
        Reason.USED_UP,
    ),
    # ---- 12: the least interval
    "12: never seen": (at_gate(min_interval_s=60), Remembered(), YES),
    "12: entered just now": (
        at_gate(min_interval_s=60),
        seen(Stay(is_inside=True, entered_at=NOON - 59, left_at=None)),
        Reason.TOO_SOON,
    ),
    "12: entered long enough ago": (
        at_gate(min_interval_s=60),
        seen(Stay(is_inside=True, entered_at=NOON - 60, left_at=None)),
        YES,
    ),
    "12: left just now, and enters": (
        at_gate(min_interval_s=60),
        seen(Stay(is_inside=False, entered_at=NOON - 900, left_at=NOON - 1)),
        YES,
    ),
    "12: left just now, and leaves": (
        at_gate(min_interval_s=60, direction=EXIT),
        seen(Stay(is_inside=False, entered_at=NOON - 900, left_at=NOON - 1)),
        Reason.TOO_SOON,
    ),
    "12: never left": (at_gate(min_interval_s=60, direction=EXIT), seen(INSIDE), YES),
    "12: dated into the future by another clock": (
        at_gate(min_interval_s=60),
        seen(Stay(is_inside=True, entered_at=NOON + 30, left_at=None)),
        Reason.TOO_SOON,
    ),
    "12: others not heard, entered just now": (
        away(min_interval_s=60),
        seen(Stay(is_inside=True, entered_at=NOON - 1, left_at=None), hears=False),
        Reason.TOO_SOON,
    ),
    "12: others not heard, never seen": (
        away(min_interval_s=60, presence_unknown=LAST),
        Remembered(hears=False),
        UNKNOWN,
    ),
    "12: memory was lost, portal denies": (
        at_gate(min_interval_s=60, presence_unknown=DENY),
        Remembered(whole=False),
        Reason.PRESENCE_UNKNOWN,
    ),
    "12: exempt": (
        exempt(at_gate(min_interval_s=60)),
        seen(Stay(is_inside=True, entered_at=NOON - 1, left_at=None)),
        YES,
    ),
    # ---- 13: anti-passback
    "13: off, entered twice": (at_gate(), seen(INSIDE), YES),
    "13: hard, never seen": (at_gate(antipassback=HARD), Remembered(), YES),
    "13: hard, was outside": (at_gate(antipassback=HARD), seen(OUTSIDE), YES),
    "13: hard, is inside": (at_gate(antipassback=HARD), seen(INSIDE), Reason.ALREADY_INSIDE),
    "13: hard, forgiven": (at_gate(antipassback=HARD), seen(FORGIVEN), YES),
    "13: hard, inside another zone": (
        at_gate(antipassback=HARD),
        Remembered(stays={"lab": INSIDE}),
        YES,
    ),
    "13: hard, somebody else is inside": (
        at_gate(antipassback=HARD),
        seen(INSIDE, holder=BOB),
        YES,
    ),
    "13: hard, leaves from inside": (at_gate(antipassback=HARD, direction=EXIT), seen(INSIDE), YES),
    "13: hard, leaves from outside": (
        at_gate(antipassback=HARD, direction=EXIT),
        seen(OUTSIDE),
        Reason.NOT_INSIDE,
    ),
    "13: hard, leaves and was forgiven": (
        at_gate(antipassback=HARD, direction=EXIT),
        seen(FORGIVEN),
        YES,
    ),
    "13: hard, leaves and was never seen": (
        at_gate(antipassback=HARD, direction=EXIT),
        Remembered(),
        UNKNOWN,
    ),
    "13: hard, leaves and was never seen, portal denies": (
        at_gate(antipassback=HARD, direction=EXIT, presence_unknown=DENY),
        Remembered(),
        Reason.PRESENCE_UNKNOWN,
    ),
    "13: hard, the reader of both ways follows the person": (
        at_gate(antipassback=HARD, direction=BOTH),
        seen(INSIDE),
        YES,
    ),
    "13: hard, one gateway knows its own zone when the broker is away": (
        at_gate(antipassback=HARD),
        seen(INSIDE, hears=False),
        Reason.ALREADY_INSIDE,
    ),
    "13: hard, was inside when the broker went away": (
        away(antipassback=HARD),
        seen(INSIDE, hears=False),
        UNKNOWN,
    ),
    "13: hard, was inside, and what was last known counts": (
        away(antipassback=HARD, presence_unknown=LAST),
        seen(INSIDE, hears=False),
        Reason.ALREADY_INSIDE,
    ),
    "13: hard, was outside, and what was last known counts": (
        away(antipassback=HARD, presence_unknown=LAST),
        seen(OUTSIDE, hears=False),
        UNKNOWN,
    ),
    "13: hard, was inside, and doubt denies": (
        away(antipassback=HARD, presence_unknown=DENY),
        seen(INSIDE, hears=False),
        Reason.ALREADY_INSIDE,
    ),
    "13: hard, was outside, and doubt denies": (
        away(antipassback=HARD, presence_unknown=DENY),
        seen(OUTSIDE, hears=False),
        Reason.PRESENCE_UNKNOWN,
    ),
    "13: hard, memory was lost": (at_gate(antipassback=HARD), Remembered(whole=False), UNKNOWN),
    "13: hard, memory was lost, seen since": (
        at_gate(antipassback=HARD),
        seen(OUTSIDE, whole=False),
        YES,
    ),
    "13: soft, was outside": (at_gate(antipassback=SOFT), seen(OUTSIDE), YES),
    "13: soft, is inside": (
        at_gate(antipassback=SOFT),
        seen(INSIDE),
        (Reason.ALREADY_INSIDE,),
    ),
    "13: soft, leaves from outside": (
        at_gate(antipassback=SOFT, direction=EXIT),
        seen(OUTSIDE),
        (Reason.NOT_INSIDE,),
    ),
    "13: soft, was inside when the broker went away": (
        away(antipassback=SOFT),
        seen(INSIDE, hears=False),
        UNKNOWN,
    ),
    "13: timed, entered a moment ago": (
        at_gate(antipassback=TIMED, antipassback_s=601),
        seen(INSIDE),
        Reason.PASSED_RECENTLY,
    ),
    "13: timed, also when left since": (
        at_gate(antipassback=TIMED, antipassback_s=901),
        seen(OUTSIDE),
        Reason.PASSED_RECENTLY,
    ),
    "13: timed, the time is over": (
        at_gate(antipassback=TIMED, antipassback_s=600),
        seen(INSIDE),
        YES,
    ),
    "13: timed, leaving is free": (
        at_gate(antipassback=TIMED, antipassback_s=9999, direction=EXIT),
        seen(INSIDE),
        YES,
    ),
    "13: timed, others not heard": (
        away(antipassback=TIMED, antipassback_s=601),
        seen(INSIDE, hears=False),
        Reason.PASSED_RECENTLY,
    ),
    "13: exempt": (exempt(at_gate(antipassback=HARD)), seen(INSIDE), YES),
    "13: forced": (forced(at_gate(antipassback=HARD)), seen(INSIDE), (Reason.DURESS,)),
    # ---- 14: entries into the zone, by whatever line
    "14: no entry yet": (visited(per_day=1), Remembered(), YES),
    "14: one entry of two": (visited(per_day=2), entries(60), YES),
    "14: two entries of two": (visited(per_day=2), entries(60, 120), Reason.DAY_LIMIT),
    "14: yesterday's do not count": (visited(per_day=1), entries(13 * 3600), YES),
    "14: entries of the visit on all days": (
        visited(per_visit=2),
        entries(60, 40 * DAY_S),
        Reason.VISIT_LIMIT,
    ),
    "14: the visit's limit is named before the day's": (
        visited(per_day=1, per_visit=1),
        entries(60),
        Reason.VISIT_LIMIT,
    ),
    "14: a line that allows more does not help": (
        visited(limited(per_day=9), per_day=1),
        entries(60),
        Reason.DAY_LIMIT,
    ),
    "14: nor does one without a limit": (
        visited(
            {
                "grants": (
                    GrantDraft(group="staff", zone="site", schedule="office", per_day=9),
                    GrantDraft(group="staff", zone="site", schedule="always"),
                )
            },
            per_day=1,
        ),
        entries(60),
        Reason.DAY_LIMIT,
    ),
    "14: leaving is not an entry": (
        visited(at_gate(direction=EXIT), per_visit=1),
        entries(60),
        YES,
    ),
    "14: leaving for a zone that was entered too often": (
        at_gate(direction=EXIT, beyond="lab") | {"zone_rules": {"lab": ZoneDraft(per_day=1)}},
        entries(60),
        YES,
    ),
    "14: exempt from the zone's limit": (exempt(visited(per_day=1)), entries(60), YES),
    "14: others not heard, counted here": (
        visited(away(), per_day=1),
        Remembered(hears=False, entered=Entries(at=(NOON - 9,))),
        Reason.DAY_LIMIT,
    ),
    "14: others not heard, nothing counted here": (
        visited(away(), per_day=1),
        Remembered(hears=False),
        UNKNOWN,
    ),
    "14: others not heard, portal denies": (
        visited(away(presence_unknown=DENY), per_day=1),
        Remembered(hears=False),
        Reason.PRESENCE_UNKNOWN,
    ),
    "14: what was counted at the zone may be forgotten": (
        visited(at_gate(presence_unknown=DENY), per_visit=1),
        Remembered(entered=Entries(is_complete=False)),
        Reason.PRESENCE_UNKNOWN,
    ),
    # ---- 14: occupancy
    "14: room for one": (full(10), Remembered(inside=9), YES),
    "14: full": (full(10), Remembered(inside=10), Reason.ZONE_FULL),
    "14: more than full": (full(10), Remembered(inside=11), Reason.ZONE_FULL),
    "14: counted already": (full(10), seen(INSIDE, inside=10), YES),
    "14: leaving": (full(10, direction=EXIT), seen(INSIDE, inside=10), YES),
    "14: leaving into a full zone": (
        at_gate(direction=EXIT, beyond="lab") | {"zone_rules": {"lab": ZoneDraft(at_most=1)}},
        seen(INSIDE, inside=1),
        Reason.ZONE_FULL,
    ),
    "14: full when the broker went away": (
        full(10) | away(),
        Remembered(inside=10, hears=False),
        UNKNOWN,
    ),
    "14: full, and what was last known counts": (
        full(10) | away(presence_unknown=LAST),
        Remembered(inside=10, hears=False),
        Reason.ZONE_FULL,
    ),
    "14: room, and doubt denies": (
        full(10) | away(presence_unknown=DENY),
        Remembered(inside=1, hears=False),
        Reason.PRESENCE_UNKNOWN,
    ),
    "14: exempt": (exempt(full(10)), Remembered(inside=10), YES),
    "14: forced, and full": (forced(full(10)), Remembered(inside=10), Reason.ZONE_FULL),
    # ---- 15: interlock
    "15: the other door is closed": (
        at_gate(interlock=(AIRLOCK,)),
        Remembered(doors={AIRLOCK: False}),
        YES,
    ),
    "15: the other door is open": (
        at_gate(interlock=(AIRLOCK,)),
        Remembered(doors={AIRLOCK: True}),
        Reason.INTERLOCK_OPEN,
    ),
    "15: nobody sees the other door": (
        at_gate(interlock=(AIRLOCK,)),
        Remembered(),
        Reason.INTERLOCK_UNKNOWN,
    ),
    "15: one open, one not seen": (
        at_gate(interlock=(SOUTH, AIRLOCK)),
        Remembered(doors={AIRLOCK: True}),
        Reason.INTERLOCK_OPEN,
    ),
    "15: doors of others do not matter": (at_gate(), Remembered(doors={AIRLOCK: True}), YES),
    "15: leaving as well": (
        at_gate(interlock=(AIRLOCK,), direction=EXIT),
        Remembered(doors={AIRLOCK: True}),
        Reason.INTERLOCK_OPEN,
    ),
    "15: exempt people are not exempt from it": (
        exempt(at_gate(interlock=(AIRLOCK,))),
        Remembered(doors={AIRLOCK: True}),
        Reason.INTERLOCK_OPEN,
    ),
    # ---- 16: together
    "16: two persons, nobody there": (
        at_gate(two_persons=True),
        Remembered(),
        Reason.SECOND_PERSON_NEEDED,
    ),
    "16: two persons, the other waits": (
        at_gate(two_persons=True),
        Remembered(there=(companion(Reason.SECOND_PERSON_NEEDED),)),
        YES,
    ),
    "16: two persons, the other gave up": (
        at_gate(two_persons=True, wait_s=10),
        Remembered(there=(companion(Reason.SECOND_PERSON_NEEDED, ago_s=11),)),
        Reason.SECOND_PERSON_NEEDED,
    ),
    "16: two persons, the same one again": (
        at_gate(two_persons=True),
        Remembered(there=(companion(Reason.SECOND_PERSON_NEEDED, who=ALICE),)),
        Reason.SECOND_PERSON_NEEDED,
    ),
    "16: two persons, the other's status is not known": (
        at_gate(two_persons=True),
        Remembered(there=(companion(Reason.SECOND_PERSON_NEEDED, index=64),)),
        Reason.SECOND_PERSON_NEEDED,
    ),
    "16: two persons, the other wants out": (
        at_gate(two_persons=True),
        Remembered(there=(companion(Reason.SECOND_PERSON_NEEDED, way=EXIT),)),
        Reason.SECOND_PERSON_NEEDED,
    ),
    "16: two persons, the other was let in as an escort": (
        at_gate(two_persons=True),
        Remembered(there=(companion(None, is_escort=True),)),
        Reason.SECOND_PERSON_NEEDED,
    ),
    "16: two persons, leaving": (at_gate(two_persons=True, direction=EXIT), Remembered(), YES),
    "16: two persons, forced": (
        forced(at_gate(two_persons=True)),
        Remembered(),
        Reason.SECOND_PERSON_NEEDED,
    ),
    "16: escort, nobody there": (
        at_gate(escorted=("staff",), escorts=("chemists",)),
        Remembered(),
        Reason.ESCORT_NEEDED,
    ),
    "16: escort was let in": (
        at_gate(escorted=("staff",), escorts=("chemists",)),
        Remembered(there=(companion(None, is_escort=True),)),
        YES,
    ),
    "16: somebody else is there": (
        at_gate(escorted=("staff",), escorts=("chemists",)),
        Remembered(there=(companion(Reason.ESCORT_NEEDED),)),
        Reason.ESCORT_NEEDED,
    ),
    "16: an escort needs none": (
        at_gate(escorted=("staff",), escorts=("staff",)),
        Remembered(),
        YES,
    ),
    "16: other groups need none": (
        at_gate(escorted=("visitors",), escorts=("chemists",)),
        Remembered(),
        YES,
    ),
    "16: an escort waits for a second person": (
        at_gate(escorted=("staff",), escorts=("chemists",), two_persons=True),
        Remembered(there=(companion(Reason.SECOND_PERSON_NEEDED, is_escort=True),)),
        YES,
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_step(name: str) -> None:
    draft, presence, expected = STEPS[name]
    decision = Case(draft=draft, presence=presence).decision()
    if isinstance(expected, tuple):
        assert isinstance(decision, Grant), decision
        assert decision.grounds.notices == expected
    else:
        assert isinstance(decision, Deny), decision
        assert decision.reason is expected
        step = name.split(":", maxsplit=1)[0]
        assert decision.grounds.rule.split(":", maxsplit=1)[0] == step
        assert (decision.wait_s > 0) == (expected in WAITING)


# ---- the order


EVERYTHING = at_gate(
    min_interval_s=60,
    antipassback=HARD,
    interlock=(AIRLOCK,),
    escorted=("staff",),
    escorts=("chemists",),
    two_persons=True,
) | {
    "group_rules": {"staff": GroupRule(is_once=True)},
    "zone_rules": {"site": ZoneDraft(at_most=1, per_day=1)},
}
LONG_INSIDE = Stay(is_inside=True, entered_at=NOON - 999, left_at=None)


@pytest.mark.parametrize(
    ("presence", "reason"),
    [
        (seen(JUST_INSIDE, used=frozenset({ENTRY}), inside=1), Reason.USED_UP),
        (seen(JUST_INSIDE, inside=1), Reason.TOO_SOON),
        (seen(LONG_INSIDE, inside=1), Reason.ALREADY_INSIDE),
        (seen(OUTSIDE, inside=1, entered=Entries(at=(NOON - 9,))), Reason.DAY_LIMIT),
        (seen(OUTSIDE, inside=1), Reason.ZONE_FULL),
        (seen(OUTSIDE, doors={AIRLOCK: True}), Reason.INTERLOCK_OPEN),
        (seen(OUTSIDE, doors={AIRLOCK: False}), Reason.ESCORT_NEEDED),
        (
            seen(OUTSIDE, doors={AIRLOCK: False}, there=(companion(None, is_escort=True),)),
            Reason.SECOND_PERSON_NEEDED,
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Reason) else "",
)
def test_where_two_steps_would_deny_the_earlier_one_does(
    presence: Remembered, reason: Reason
) -> None:
    assert Case(draft=EVERYTHING, presence=presence).decision().reason is reason
