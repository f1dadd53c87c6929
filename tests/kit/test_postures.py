"""How a portal stands: ordered, by policy, by schedule, and until when; lockdown and its ranks."""

import dataclasses
from typing import Any

import pytest

from doorward.credential import Refusal
from doorward.decision import Deny, Grant, Rules, decide, standing
from doorward.ids import GatewayId, PortalId
from doorward.policy import (
    AntiPassback,
    Direction,
    GroupRule,
    InDoubt,
    Policy,
    Posture,
    PostureOrder,
    PresenceDoubt,
    Unlisted,
)
from doorward.policy_draft import GrantDraft, PortalDraft, ZoneDraft, build_body
from doorward.presence_port import NothingSeen
from doorward.reasons import Reason
from doorward.schedule import DayType, Schedule, Span
from doorward.status import Status
from doorward.times import Instant
from tests.kit.asking import STICKER, STICKERS, Case, blind, portal, visitor
from tests.kit.plant import (
    ALICE,
    ALICE_INDEX,
    BERLIN,
    BOB,
    BOB_INDEX,
    GATE,
    GATEWAY,
    LAB_DOOR,
    NOON,
    OFFICE,
    OPEN,
    at,
    credential,
    draft,
    person,
    policy,
    status_list,
)
from tests.kit.remembering import INSIDE, OUTSIDE, Remembered

FREE, CLOSED, LOCKDOWN, NORMAL = Posture.FREE, Posture.CLOSED, Posture.LOCKDOWN, Posture.NORMAL
HOUR_S = 3600
EVENING = NOON + 7 * HOUR_S


def ordered(posture: Posture, **changes: Any) -> dict[PortalId, PostureOrder]:
    return {GATE: PostureOrder(posture=posture, **changes)}


STANDING: dict[str, tuple[dict[str, Any], dict[PortalId, PostureOrder], Instant, Posture, str]] = {
    "normal": ({}, {}, at(NOON), NORMAL, "2:posture"),
    "by policy": ({"posture": CLOSED}, {}, at(NOON), CLOSED, "2:posture"),
    "by order": ({}, ordered(CLOSED), at(NOON), CLOSED, "2:order"),
    "order before policy": ({"posture": CLOSED}, ordered(FREE), at(NOON), FREE, "2:order"),
    "an order of normal says nothing": (
        {"posture": CLOSED},
        ordered(NORMAL),
        at(NOON),
        CLOSED,
        "2:posture",
    ),
    "an order for another portal": (
        {},
        {PortalId("lab-door"): PostureOrder(posture=CLOSED)},
        at(NOON),
        NORMAL,
        "2:posture",
    ),
    "last second": ({}, ordered(FREE, until=NOON + 1), at(NOON), FREE, "2:order"),
    "returns by itself": ({}, ordered(FREE, until=NOON), at(NOON), NORMAL, "2:posture"),
    "returns to the policy's": (
        {"posture": CLOSED},
        ordered(FREE, until=NOON),
        at(NOON),
        CLOSED,
        "2:posture",
    ),
    "policy's last second": (
        {"posture": LOCKDOWN, "posture_until": NOON + 1},
        {},
        at(NOON),
        LOCKDOWN,
        "2:posture",
    ),
    "policy's returns by itself": (
        {"posture": LOCKDOWN, "posture_until": NOON},
        {},
        at(NOON),
        NORMAL,
        "2:posture",
    ),
    "without a clock lockdown stays": (
        {},
        ordered(LOCKDOWN, until=NOON - 9),
        blind(),
        LOCKDOWN,
        "2:order",
    ),
    "without a clock closed stays": (
        {"posture": CLOSED, "posture_until": NOON - 9},
        {},
        blind(),
        CLOSED,
        "2:posture",
    ),
    "without a clock nothing is free for a while": (
        {},
        ordered(FREE, until=NOON + 9),
        blind(),
        NORMAL,
        "2:posture",
    ),
    "without a clock free without an end stays": ({}, ordered(FREE), blind(), FREE, "2:order"),
    "unlocked by schedule": ({"unlock": "office"}, {}, at(NOON), FREE, "2:unlock@office"),
    "schedule is over": ({"unlock": "office"}, {}, at(EVENING), NORMAL, "2:posture"),
    "lockdown before the schedule": (
        {"unlock": "office", "posture": LOCKDOWN},
        {},
        at(NOON),
        LOCKDOWN,
        "2:posture",
    ),
    "schedule without a clock": ({"unlock": "office"}, {}, blind(), NORMAL, "2:posture"),
    "nobody came yet": (
        {"unlock": "office", "unlock_after_first": True},
        {},
        at(NOON),
        NORMAL,
        "2:posture",
    ),
}


@pytest.mark.parametrize("name", STANDING)
def test_standing(name: str) -> None:
    changes, orders, now, posture, rule = STANDING[name]
    rules = Rules(policy=policy(portals=portal(**changes)), status=status_list(), orders=orders)
    found = standing(GATE, rules, Remembered(), now)
    assert found is not None
    assert (found.posture, found.rule) == (posture, rule)
    decision = decide(credential(), GATE, rules, Remembered(), now)
    assert (decision.reason is Reason.FREE_PASSAGE) == (posture is FREE)
    assert (decision.reason is Reason.PORTAL_CLOSED) == (posture is CLOSED)
    assert (decision.reason is Reason.LOCKDOWN) == (posture is LOCKDOWN)


def test_portal_that_nobody_knows_stands_nowhere() -> None:
    rules = Rules(policy=policy(), status=None)
    assert standing(PortalId("nowhere"), rules, Remembered(), at(NOON)) is None
    assert standing(GATE, None, Remembered(), at(NOON)) is None


# ---- the first person opens

BEGAN = NOON - 4 * HOUR_S
"""Office hours began at eight."""


@pytest.mark.parametrize(
    ("came_at", "posture"),
    [
        (BEGAN - 1, NORMAL),
        (BEGAN, FREE),
        (NOON - 1, FREE),
        (BEGAN - 24 * HOUR_S + 60, NORMAL),
        (None, NORMAL),
    ],
    ids=["before eight", "at eight", "just now", "yesterday", "never"],
)
def test_door_unlocks_only_after_somebody_came_in_these_hours(
    came_at: int | None, posture: Posture
) -> None:
    rules = Rules(
        policy=policy(portals=portal(unlock="office", unlock_after_first=True)), status=None
    )
    found = standing(GATE, rules, Remembered(came_at=came_at), at(NOON))
    assert found is not None
    assert found.posture is posture


@pytest.mark.parametrize("day", [DayType.HOLIDAY, DayType.SUNDAY])
def test_calendar_keeps_a_door_locked_that_others_days_unlock(day: DayType) -> None:
    today = BERLIN.local_s(NOON) // 86_400
    time = dataclasses.replace(BERLIN, day_types={today: day})
    rules = Rules(policy=policy(time=time, portals=portal(unlock="office")), status=None)
    found = standing(GATE, rules, Remembered(), at(NOON))
    assert found is not None
    assert found.posture is NORMAL


def test_opening_across_midnight_is_one_for_the_first_person() -> None:
    night = Schedule(name="night", spans=(Span(255, 22 * 60, 30 * 60),))
    parts = {"schedules": (OPEN, OFFICE, night)}
    rules = Rules(
        policy=policy(portals=portal(unlock="night", unlock_after_first=True), **parts),
        status=None,
    )
    came_at = NOON + 10 * HOUR_S + 60
    for now, posture in ((came_at, FREE), (NOON + 17 * HOUR_S, FREE), (NOON + 35 * HOUR_S, NORMAL)):
        found = standing(GATE, rules, Remembered(came_at=came_at), at(now))
        assert found is not None
        assert found.posture is posture


# ---- lockdown and ranks

GUARDS = {"group_rules": {"staff": GroupRule(rank=5), "chemists": GroupRule(rank=2)}}


def locked(rank: int | None = 5, **changes: Any) -> dict[str, Any]:
    return GUARDS | {"portals": portal(posture=LOCKDOWN, posture_rank=rank, **changes)}


RANKS: dict[str, tuple[Case, type[Grant | Deny], Reason, str]] = {
    "nobody without a rank": (Case(draft=locked(None)), Deny, Reason.LOCKDOWN, "2:posture"),
    "rank high enough": (Case(draft=locked()), Grant, Reason.GRANTED, "10:staff>site@always"),
    "rank too low": (Case(draft=locked(6)), Deny, Reason.LOCKDOWN, "2:posture"),
    "the highest of several groups counts": (
        Case(draft=locked() | {"people": (person(groups=("chemists", "staff")),)}),
        Grant,
        Reason.GRANTED,
        "10:staff>site@always",
    ),
    "group without a rank": (
        Case(visitor(), draft=locked(1)),
        Deny,
        Reason.LOCKDOWN,
        "2:posture",
    ),
    "no group at all": (
        Case(draft=locked(1) | {"people": (person(groups=()),)}),
        Deny,
        Reason.LOCKDOWN,
        "2:posture",
    ),
    "of rank and revoked": (
        Case(draft=locked(), status=((ALICE_INDEX, Status.REVOKED),)),
        Deny,
        Reason.REVOKED,
        "7:status",
    ),
    "of rank and expired in the roster": (
        Case(draft=locked() | {"people": (person(not_after=NOON),)}),
        Deny,
        Reason.EXPIRED,
        "9:roster",
    ),
    "of rank and not authorised": (
        Case(draft=locked() | {"grants": ()}),
        Deny,
        Reason.NOT_AUTHORISED,
        "10:grants",
    ),
    "of rank and without a clock": (
        Case(draft=locked(), now=blind()),
        Deny,
        Reason.CLOCK_UNTRUSTED,
        "4:clock",
    ),
    "no code at all": (
        Case(Refusal(Reason.NOT_OURS), draft=locked()),
        Deny,
        Reason.LOCKDOWN,
        "2:posture",
    ),
    "sticker that nobody knows": (
        Case(STICKER, draft=locked()),
        Deny,
        Reason.LOCKDOWN,
        "2:posture",
    ),
    "not listed": (
        Case(visitor(), draft=locked(unlisted=Unlisted.DENY)),
        Deny,
        Reason.LOCKDOWN,
        "2:posture",
    ),
    "by order, with its own rank": (
        Case(draft=GUARDS, orders=ordered(LOCKDOWN, rank=5)),
        Grant,
        Reason.GRANTED,
        "10:staff>site@always",
    ),
    "by order, without one": (
        Case(draft=locked(), orders=ordered(LOCKDOWN)),
        Deny,
        Reason.LOCKDOWN,
        "2:order",
    ),
    "an order of rank nought lets nobody pass": (
        Case(draft=GUARDS, orders=ordered(LOCKDOWN, rank=0)),
        Deny,
        Reason.LOCKDOWN,
        "2:order",
    ),
    "closed knows no ranks": (
        Case(draft=GUARDS | {"portals": portal(posture=CLOSED, posture_rank=1)}),
        Deny,
        Reason.PORTAL_CLOSED,
        "2:posture",
    ),
}


@pytest.mark.parametrize("name", RANKS)
def test_rank_in_lockdown(name: str) -> None:
    case, kind, reason, rule = RANKS[name]
    decision = case.decision()
    assert (type(decision), decision.reason, decision.grounds.rule) == (kind, reason, rule)
    noticed = (Reason.LOCKDOWN_PASSED,) if kind is Grant else ()
    assert decision.grounds.notices == noticed


def test_lockdown_says_nothing_of_what_else_is_wrong_to_who_may_not_pass_in_it() -> None:
    draft = locked(9, antipassback=AntiPassback.SOFT)
    case = Case(draft=draft, presence=Remembered(stays={"site": INSIDE}))
    assert case.decision().grounds.notices == ()


def test_duress_is_noticed_in_lockdown_too() -> None:
    forced = {"group_rules": {"staff": GroupRule(is_duress=True)}}
    decision = Case(draft=locked() | forced).decision()
    assert (decision.reason, decision.grounds.notices) == (Reason.LOCKDOWN, (Reason.DURESS,))


# ---- free passage knows who it is


def test_free_portal_names_who_passes_so_that_presence_stays_right() -> None:
    free = portal(posture=FREE)
    decision = Case(draft={"portals": free}).decision()
    assert isinstance(decision, Grant)
    assert decision.bearer is not None
    assert (decision.bearer.credential_id, decision.movement.enters) == (ALICE, "site")
    nobody = Case(Refusal(Reason.NOT_OURS), draft={"portals": free}).decision()
    assert isinstance(nobody, Grant)
    assert nobody.bearer is None
    unlisted = portal(posture=FREE, unlisted=Unlisted.DENY)
    stranger = Case(visitor(), draft={"portals": unlisted}).decision()
    assert isinstance(stranger, Grant)
    assert stranger.bearer is not None
    assert stranger.bearer.holder_id == BOB
    forced = {"group_rules": {"staff": GroupRule(is_duress=True)}, "portals": free}
    assert Case(draft=forced).decision().grounds.notices == (Reason.DURESS,)


def test_free_portal_opens_though_the_roster_cannot_be_read() -> None:
    body = bytearray(build_body(draft(portals=portal(posture=FREE))))
    whole = Policy.from_body(bytes(body)).roster.find(ALICE)
    assert whole is not None
    body[len(body) - len(whole.to_wire())] = 0xFF
    rules = Rules(policy=Policy.from_body(bytes(body)), status=None)
    decision = decide(credential(), GATE, rules, Remembered(), at(NOON))
    assert decision.reason is Reason.FREE_PASSAGE


# ---- which way one goes


@pytest.mark.parametrize(
    ("changes", "stays", "way", "enters", "leaves"),
    [
        ({}, {}, Direction.ENTRY, "site", ()),
        ({"direction": Direction.EXIT}, {}, Direction.EXIT, "", ("site", "lab")),
        ({"beyond": "lab"}, {}, Direction.ENTRY, "site", ("lab",)),
        (
            {"direction": Direction.EXIT, "beyond": "lab"},
            {},
            Direction.EXIT,
            "lab",
            ("site", "lab"),
        ),
        ({"direction": Direction.BOTH}, {}, Direction.ENTRY, "site", ()),
        ({"direction": Direction.BOTH}, {"site": OUTSIDE}, Direction.ENTRY, "site", ()),
        ({"direction": Direction.BOTH}, {"site": INSIDE}, Direction.EXIT, "", ("site", "lab")),
    ],
)
def test_grant_says_where_one_goes(
    changes: dict[str, Any], stays: Any, way: Direction, enters: str, leaves: tuple[str, ...]
) -> None:
    within = {"zone_rules": {"lab": ZoneDraft(within="site")}}
    case = Case(draft=within | {"portals": portal(**changes)}, presence=Remembered(stays=stays))
    decision = case.decision()
    assert isinstance(decision, Grant)
    said = decision.movement
    assert (said.way, said.enters, said.leaves) == (way, enters, leaves)


def test_without_any_memory_the_reader_of_both_ways_lets_in() -> None:
    draft = {"portals": portal(direction=Direction.BOTH, clock_untrusted=InDoubt.ALLOW)}
    decision = Case(STICKER, draft=draft | {"stickers": STICKERS, "people": (person(BOB),)})
    assert isinstance(decision.decision(), Grant)
    assert BOB_INDEX != ALICE_INDEX


def test_where_nothing_was_ever_seen_no_memory_holds_anybody_up() -> None:
    draft = {
        "portals": {
            GATE: PortalDraft(
                zone="site",
                gateway=GATEWAY,
                antipassback=AntiPassback.HARD,
                min_interval_s=60,
                presence_unknown=PresenceDoubt.DENY,
                unlock="always",
                unlock_after_first=True,
                interlock=(LAB_DOOR,),
            ),
            LAB_DOOR: PortalDraft(zone="site", gateway=GatewayId("gw-lab")),
        },
        "group_rules": {"staff": GroupRule(is_once=True)},
        "zone_rules": {"site": ZoneDraft(at_most=1)},
        "grants": (GrantDraft(group="staff", zone="site", schedule="always", per_day=1),),
    }
    decision = Case(draft=draft, presence=NothingSeen()).decision()
    assert (decision.reason, decision.grounds.notices) == (Reason.GRANTED, ())
    passing = credential(slot=NOON // 5)
    assert Case(passing, draft=draft, presence=NothingSeen()).decision().reason is Reason.GRANTED
