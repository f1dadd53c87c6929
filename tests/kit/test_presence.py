"""The book of presence: what a gateway knows by itself, and what others tell it."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.decision import Deny, Grant, Rules, decide
from doorward.ids import Epoch, PortalId, SiteId
from doorward.policy import Direction, GroupRule
from doorward.policy_draft import GrantDraft, PortalDraft
from doorward.presence import MAX_AHEAD_S, USES_LOST_S, PresenceBook
from doorward.presence_message import PresenceMessage, Sign, token_of
from doorward.presence_port import Entries, NothingSeen, Stay
from doorward.reasons import Reason
from doorward.times import ClockTrust
from tests.kit.plant import (
    ALICE,
    BOB,
    GATE,
    GATEWAY,
    NOON,
    SITE,
    credential,
    person,
    policy,
    status_list,
)
from tests.kit.two_gateways import SOUTH, WAY_OUT, Pair, after, book, seen

ENTRY, EXIT = Direction.ENTRY, Direction.EXIT
BLIND = ClockTrust.UNKNOWN
HOUR_S = 3600


def granted(decision: Grant | Deny) -> Grant:
    assert isinstance(decision, Grant), decision
    return decision


# ---- anti-passback over two gateways


def test_who_entered_in_the_north_leaves_in_the_south_and_enters_again() -> None:
    site = Pair()
    site.connect(after(0))
    assert site.go(WAY_OUT, ALICE, after(0)).grounds.notices == (Reason.PRESENCE_UNKNOWN,)
    site.exchange(after(0))
    assert site.go(GATE, ALICE, after(1)).reason is Reason.GRANTED
    assert site.ask(GATE, ALICE, after(2)).reason is Reason.ALREADY_INSIDE
    assert site.ask(GATE, BOB, after(2)).reason is Reason.GRANTED
    site.exchange(after(3))
    assert site.go(WAY_OUT, ALICE, after(4)).grounds.notices == ()
    assert site.ask(WAY_OUT, ALICE, after(5)).reason is Reason.NOT_INSIDE
    site.exchange(after(5))
    assert site.ask(GATE, ALICE, after(6)).reason is Reason.GRANTED


def test_while_the_link_is_away_doubt_lets_pass_and_is_noticed() -> None:
    site = Pair()
    site.connect(after(0))
    site.go(GATE, ALICE, after(1))
    site.north.note_link(is_connected=False, now=after(2))
    decision = site.ask(GATE, ALICE, after(3))
    assert decision.reason is Reason.GRANTED
    assert decision.grounds.notices == (Reason.PRESENCE_UNKNOWN,)
    site.north.note_link(is_connected=True, now=after(4))
    assert site.ask(GATE, ALICE, after(5)).grounds.notices == (Reason.PRESENCE_UNKNOWN,)
    site.south.beat(after(6))
    site.exchange(after(6))
    assert site.ask(GATE, ALICE, after(7)).reason is Reason.ALREADY_INSIDE


def test_who_left_while_the_link_was_away_is_let_in_when_that_arrives() -> None:
    site = Pair()
    site.connect(after(0))
    site.go(GATE, ALICE, after(1))
    site.exchange(after(1))
    site.go(WAY_OUT, ALICE, after(2))
    assert site.ask(GATE, ALICE, after(3)).reason is Reason.ALREADY_INSIDE
    site.exchange(after(600))
    site.south.beat(after(600))
    site.exchange(after(600))
    assert site.ask(GATE, ALICE, after(601)).reason is Reason.GRANTED


@pytest.mark.parametrize(
    ("later_s", "current"), [(0, True), (149, True), (150, False), (100_000, False)]
)
def test_gateway_that_falls_silent_is_not_known_about(later_s: int, current: bool) -> None:
    one = book()
    one.note_link(is_connected=True, now=after(0))
    one.take(seen(Sign.ALIVE, who=None, portal=None), after(0))
    assert one.is_current({SOUTH}, after(later_s)) is current
    assert one.is_current((), after(later_s))
    one.note_link(is_connected=True, now=after(1))
    assert one.is_current({SOUTH}, after(1)), "connected again without having been away"


def test_what_lay_at_the_broker_for_long_says_nothing_of_now() -> None:
    one = book()
    one.note_link(is_connected=True, now=after(1000))
    one.take(seen(Sign.ALIVE, who=None, at=NOON), after(1000))
    assert not one.is_current({SOUTH}, after(1000))
    one.take(seen(Sign.ALIVE, 2, who=None, at=NOON + 999), after(1000))
    assert one.is_current({SOUTH}, after(1000))
    blind = book()
    blind.note_link(is_connected=True, now=after(1000, BLIND))
    blind.take(seen(Sign.ALIVE, who=None, at=NOON), after(1000, BLIND))
    assert blind.is_current({SOUTH}, after(1000, BLIND))


# ---- messages: repeated, reordered, of others, of nobody

PASSAGES = [
    seen(seq=1, at=NOON, enters="site"),
    seen(seq=2, at=NOON + 10, leaves=("site",)),
    seen(seq=3, at=NOON + 20, enters="site"),
    seen(seq=4, at=NOON + 30, leaves=("site",), enters="lab"),
    seen(seq=1, at=NOON + 25, who=BOB, enters="site", epoch=Epoch(7)),
]


def told(messages: Any) -> PresenceBook:
    one = book()
    for message in messages:
        one.take(message, after(60))
    return one


def known(one: PresenceBook) -> object:
    now = after(60)
    people = itertools.product((ALICE, BOB), ("site", "lab"))
    stays = [one.stay(who, zone, now) for who, zone in people]
    return stays, [one.occupancy(zone, now) for zone in ("site", "lab")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(PASSAGES))))[::7])
def test_whatever_the_order_the_last_passage_counts(order: tuple[int, ...]) -> None:
    shuffled = told(PASSAGES[index] for index in order)
    assert known(shuffled) == known(told(PASSAGES))
    assert shuffled.occupancy("site", after(60)) == 1
    assert shuffled.stay(ALICE, "site", after(60)) == Stay(
        is_inside=False, entered_at=NOON + 20, left_at=NOON + 30
    )


def test_message_counts_once_however_often_it_comes() -> None:
    counted = seen(enters="site", counts_until=NOON + 999)
    one = book()
    assert one.take(counted, after(0)) == counted
    for _ in range(3):
        assert one.take(counted, after(1)) is None
    assert one.entries(ALICE, "site", after(2)) == Entries(at=(NOON,))


def test_within_one_epoch_the_number_counts_and_not_the_clock() -> None:
    one = told([seen(seq=8, at=NOON + 50, enters="site"), seen(seq=9, at=NOON, leaves=("site",))])
    stay = one.stay(ALICE, "site", after(60))
    assert stay is not None
    assert stay.is_inside is False


@pytest.mark.parametrize(
    "message",
    [
        seen(gateway=GATEWAY, enters="site"),
        seen(site=SiteId("elsewhere"), enters="site"),
        seen(portal=GATE, enters="site"),
    ],
    ids=["our own", "of another site", "of a portal that another gateway serves"],
)
def test_message_that_is_none_of_ours_is_not_taken(message: PresenceMessage) -> None:
    one = book()
    assert one.take(message, after(0)) is None
    assert one.stay(ALICE, "site", after(0)) is None


def test_message_of_a_portal_that_the_policy_does_not_know_yet_is_taken() -> None:
    one = book()
    assert one.take(seen(portal=PortalId("brand-new"), enters="site"), after(0)) is not None


@pytest.mark.parametrize(
    ("said", "trusted", "counts_as"),
    [
        (NOON - 30, True, NOON - 30),
        (NOON + MAX_AHEAD_S, True, NOON + MAX_AHEAD_S),
        (NOON + MAX_AHEAD_S + 1, True, NOON),
        (5, False, NOON),
    ],
    ids=["delayed", "a little fast", "far ahead", "without a clock"],
)
def test_time_of_others_is_believed_within_bounds(said: int, trusted: bool, counts_as: int) -> None:
    one = book()
    message = one.take(seen(at=said, is_clock_trusted=trusted, enters="site"), after(0))
    assert message is not None
    assert (message.at, message.is_clock_trusted) == (counts_as, True)
    stay = one.stay(ALICE, "site", after(0))
    assert stay is not None
    assert stay.entered_at == counts_as


def test_without_a_clock_of_ours_others_are_believed() -> None:
    one = book()
    message = one.take(seen(at=NOON + 10**6, enters="site"), after(0, BLIND))
    assert message is not None
    assert message.at == NOON + 10**6


# ---- used up


ONCE = policy(
    portals={
        GATE: PortalDraft(zone="site", gateway=GATEWAY),
        WAY_OUT: PortalDraft(zone="site", gateway=SOUTH),
    },
    group_rules={"staff": GroupRule(is_once=True)},
    grants=(GrantDraft(group="staff", zone="site", schedule="always", per_visit=3),),
    people=(person(not_after=NOON + HOUR_S),),
)


def test_one_time_code_opens_once_on_the_whole_site_and_again_when_nobody_passed() -> None:
    pair = Pair(policy=ONCE)
    pair.connect(after(0))
    first = granted(pair.ask(GATE, ALICE, after(0)))
    pair.north.note_decision(GATE, first, after(0))
    assert pair.ask(GATE, ALICE, after(1)).reason is Reason.USED_UP
    pair.exchange(after(1))
    assert pair.ask(WAY_OUT, ALICE, after(1)).reason is Reason.USED_UP
    pair.north.note_annulled(GATE, first, after(5))
    pair.exchange(after(5))
    assert granted(pair.ask(WAY_OUT, ALICE, after(6))).grounds.notices == ()
    assert granted(pair.go(GATE, ALICE, after(7))).grounds.notices == ()
    pair.exchange(after(7))
    for portal in (GATE, WAY_OUT):
        assert pair.ask(portal, ALICE, after(8)).reason is Reason.USED_UP


def test_of_a_one_time_code_the_last_word_of_each_gateway_counts() -> None:
    one, time = book(), NOON + 99

    def said(sign: Sign, seq: int, epoch: int = 2, way: Direction | None = ENTRY) -> bool | None:
        one.take(seen(sign, seq, epoch=Epoch(epoch), way=way, once_until=time), after(seq))
        return one.is_used_up(ALICE, ENTRY, after(seq))

    assert said(Sign.GRANTED, 1, way=None) is False, "without a way nothing is used"
    assert said(Sign.GRANTED, 2) is True
    assert one.is_used_up(ALICE, EXIT, after(2)) is False
    assert said(Sign.ANNULLED, 1, epoch=3) is True, "that was another one's grant"
    assert said(Sign.ANNULLED, 5) is False
    assert said(Sign.GRANTED, 4) is False, "it was annulled before it was heard of"
    assert said(Sign.GRANTED, 9) is True
    assert said(Sign.ANNULLED, 8) is True, "annulled was the one before"


def test_slot_of_a_pass_is_used_on_every_gateway_until_no_clock_accepts_it() -> None:
    pair = Pair()
    rules = Rules(policy=pair.policy, status=status_list())
    slot = NOON // 5
    decision = decide(credential(slot=slot), GATE, rules, pair.north, after(0))
    assert not pair.north.is_slot_used(ALICE, slot), "asking uses nothing up"
    pair.north.note_decision(GATE, decision, after(0))
    pair.exchange(after(1))
    for one in (pair.north, pair.south):
        assert one.is_slot_used(ALICE, slot)
        assert not one.is_slot_used(ALICE, slot + 1)
        assert not one.is_slot_used(BOB, slot)
    again = decide(credential(slot=slot), WAY_OUT, rules, pair.south, after(2))
    assert again.reason is Reason.SLOT_USED


def test_entries_are_counted_for_those_whose_line_says_so() -> None:
    pair = Pair(policy=ONCE)
    pair.connect(after(0))
    pair.go(GATE, ALICE, after(0))
    pair.exchange(after(0))
    for one in (pair.north, pair.south):
        assert one.entries(ALICE, "site", after(1)) == Entries(at=(NOON,))
        assert one.entries(ALICE, "lab", after(1)) == Entries()
    plain = Pair()
    plain.go(GATE, ALICE, after(0))
    assert plain.north.entries(ALICE, "site", after(1)) == Entries()


# ---- doors


def test_door_is_open_while_its_leaf_is_and_from_release_until_somebody_passed() -> None:
    pair = Pair()
    one = pair.north
    assert one.is_door_open(GATE, after(0)) is None
    one.note_door(GATE, is_open=False, now=after(0))
    assert one.is_door_open(GATE, after(0)) is False
    decision = granted(pair.ask(GATE, ALICE, after(1)))
    one.note_decision(GATE, decision, after(1))
    assert one.is_door_open(GATE, after(1)) is True
    assert one.is_door_open(GATE, after(61)) is False, "nothing was heard of it again"
    one.note_annulled(GATE, decision, after(4))
    assert one.is_door_open(GATE, after(4)) is False
    one.note_door(GATE, is_open=True, now=after(5))
    one.note_passed(GATE, decision, after(5))
    assert one.is_door_open(GATE, after(5)) is True
    one.note_door(GATE, is_open=None, now=after(6))
    assert one.is_door_open(GATE, after(6)) is None


def test_door_that_closes_is_closed_whatever_was_released() -> None:
    pair = Pair()
    pair.north.note_decision(GATE, pair.ask(GATE, ALICE, after(0)), after(0))
    pair.north.note_door(GATE, is_open=True, now=after(1))
    pair.north.note_door(GATE, is_open=False, now=after(2))
    assert pair.north.is_door_open(GATE, after(2)) is False


def test_door_of_another_gateway_is_known_while_that_is_heard() -> None:
    pair = Pair()
    pair.south.note_door(WAY_OUT, is_open=False, now=after(0))
    pair.connect(after(0))
    assert pair.north.is_door_open(WAY_OUT, after(1)) is False
    pair.south.note_door(WAY_OUT, is_open=True, now=after(2))
    pair.exchange(after(2))
    assert pair.north.is_door_open(WAY_OUT, after(2)) is True
    pair.north.note_link(is_connected=False, now=after(3))
    assert pair.north.is_door_open(WAY_OUT, after(3)) is None
    pair.north.note_link(is_connected=True, now=after(4))
    assert pair.north.is_door_open(WAY_OUT, after(4)) is None
    pair.south.beat(after(5))
    pair.exchange(after(5))
    assert pair.north.is_door_open(WAY_OUT, after(5)) is True, "a beat says where the leaves are"


def test_release_by_another_gateway_counts_at_once() -> None:
    pair = Pair()
    pair.south.note_door(WAY_OUT, is_open=False, now=after(0))
    pair.connect(after(0))
    pair.south.note_decision(WAY_OUT, pair.ask(WAY_OUT, ALICE, after(1)), after(1))
    pair.exchange(after(1))
    assert pair.north.is_door_open(WAY_OUT, after(1)) is True


def test_denial_that_waits_for_nobody_leaves_nothing_behind() -> None:
    pair = Pair()
    pair.connect(after(0))
    pair.go(GATE, ALICE, after(0))
    before = pair.north.to_wire()
    assert pair.north.note_decision(GATE, pair.ask(GATE, ALICE, after(1)), after(1)) == ()
    assert pair.north.to_wire() == before


def test_code_of_nobody_passes_a_free_portal_and_leaves_nothing_to_tell() -> None:
    pair = Pair()
    grant = Grant(reason=Reason.FREE_PASSAGE, grounds=GROUNDS, pulse_ms=500)
    assert pair.north.note_decision(GATE, grant, after(0)) == ()
    assert pair.north.note_passed(GATE, grant, after(1)) == ()


GROUNDS = decide(credential(), GATE, None, NothingSeen(), after(0)).grounds


# ---- forgiven, forgotten, lost


@pytest.mark.parametrize("zone", ["", "site"])
def test_forgiven_either_way_fits_everywhere(zone: str) -> None:
    pair = Pair()
    pair.connect(after(0))
    pair.go(GATE, ALICE, after(1))
    pair.exchange(after(1))
    pair.south.forgive(ALICE, after(2), zone)
    pair.exchange(after(2))
    assert pair.ask(GATE, ALICE, after(3)).reason is Reason.GRANTED
    assert granted(pair.ask(WAY_OUT, ALICE, after(3))).grounds.notices == ()
    assert pair.north.occupancy("site", after(3)) == 0


@pytest.mark.parametrize("zone", ["", "site"])
def test_somebody_who_was_never_seen_can_be_forgiven(zone: str) -> None:
    pair = Pair()
    pair.connect(after(0))
    assert granted(pair.ask(WAY_OUT, ALICE, after(1))).grounds.notices
    pair.south.forgive(ALICE, after(2), zone)
    assert not granted(pair.ask(WAY_OUT, ALICE, after(3))).grounds.notices


def test_everybody_at_a_zone_is_forgiven_at_every_gateway() -> None:
    pair = Pair()
    pair.connect(after(0))
    pair.go(GATE, ALICE, after(1))
    pair.go(GATE, BOB, after(1))
    pair.exchange(after(1))
    assert pair.ask(GATE, ALICE, after(2)).reason is Reason.ALREADY_INSIDE
    pair.south.forgive_all("lab", after(2))
    pair.exchange(after(2))
    assert pair.north.occupancy("site", after(2)) == 2
    pair.south.forgive_all("site", after(3))
    pair.exchange(after(3))
    for who in (ALICE, BOB):
        assert pair.ask(GATE, who, after(4)).reason is Reason.GRANTED
        assert granted(pair.ask(WAY_OUT, who, after(4))).grounds.notices == ()
    assert pair.north.occupancy("site", after(4)) == 0
    assert pair.north.muster(after(4))[0].people == ()


def test_a_passage_that_a_gateway_tells_late_does_not_undo_what_was_forgiven() -> None:
    pair = Pair()
    pair.connect(after(0))
    pair.go(GATE, ALICE, after(1))
    pair.south.forgive(ALICE, after(2))
    pair.exchange(after(3))
    assert pair.south.occupancy("site", after(3)) == 0
    assert pair.north.occupancy("site", after(3)) == 0
    assert pair.ask(GATE, ALICE, after(4)).reason is Reason.GRANTED


def test_nobody_counts_as_inside_for_ever() -> None:
    pair = Pair()
    one = pair.north
    pair.go(GATE, ALICE, after(0))
    day = 36 * HOUR_S
    assert one.stay(ALICE, "site", after(day)) is not None
    assert one.stay(ALICE, "site", after(day + 1)) is None
    assert one.stay(ALICE, "site", after(day + 1, BLIND)) is not None
    one.forget(after(day + 1, BLIND))
    assert one.occupancy("site", after(day)) == 1
    one.forget(after(day))
    assert one.occupancy("site", after(day)) == 1
    one.forget(after(day + 1))
    assert one.occupancy("site", after(day + 1)) == 0
    assert one.muster(after(day + 1))[0].people == ()


def test_news_from_before_the_time_of_remembering_place_nobody() -> None:
    one = book()
    one.take(seen(at=NOON - 37 * HOUR_S, enters="site", counts_until=NOON + 9), after(0))
    assert one.occupancy("site", after(0)) == 0
    assert one.entries(ALICE, "site", after(0)).at == (NOON - 37 * HOUR_S,)


def test_what_counts_until_a_time_is_forgotten_then() -> None:
    one = book()
    one.take(seen(Sign.GRANTED, 1, way=ENTRY, once_until=NOON + 50), after(0))
    one.take(seen(Sign.PASSED, 2, enters="site", counts_until=NOON + 50), after(0))
    one.forget(after(49))
    assert one.is_used_up(ALICE, ENTRY, after(49)) is True
    one.forget(after(50))
    assert one.is_used_up(ALICE, ENTRY, after(50)) is False
    assert one.entries(ALICE, "site", after(50)) == Entries()


def test_book_that_lost_its_memory_says_so_until_that_matters_no_more() -> None:
    lost = book(is_complete=False)
    assert not lost.is_complete(after(0, BLIND))
    assert not lost.is_complete(after(10**9)), "nobody knows yet when it was lost"
    lost.forget(after(0))
    assert not lost.is_complete(after(36 * HOUR_S - 1))
    assert not lost.is_complete(after(36 * HOUR_S, BLIND))
    assert lost.is_complete(after(36 * HOUR_S))
    assert lost.is_used_up(ALICE, ENTRY, after(36 * HOUR_S)) is None
    assert not lost.entries(ALICE, "site", after(USES_LOST_S - 1)).is_complete
    assert lost.is_used_up(ALICE, ENTRY, after(USES_LOST_S)) is False
    assert lost.entries(ALICE, "site", after(USES_LOST_S)).is_complete
    assert book().is_complete(after(0, BLIND))


def test_without_a_clock_things_are_noted_at_the_last_time_that_was_trusted() -> None:
    pair = Pair()
    pair.north.forget(after(0))
    message = pair.north.forgive(ALICE, after(-(10**6), BLIND), "site")[0]
    assert (message.at, message.is_clock_trusted) == (NOON, False)
    fresh = book().forgive(ALICE, after(5, BLIND), "site")[0]
    assert (fresh.at, fresh.is_clock_trusted) == (NOON + 5, False)


# ---- what is to be told


def test_messages_are_numbered_and_wait_until_they_are_sent() -> None:
    pair = Pair()
    pair.go(GATE, ALICE, after(0))
    first, second = pair.north.unsent()
    assert [(one.seq, one.sign) for one in (first, second)] == [
        (1, Sign.GRANTED),
        (2, Sign.PASSED),
    ]
    assert first.holder == token_of(SITE, ALICE)
    pair.north.sent(first)
    pair.north.sent(first)
    assert pair.north.unsent() == (second,)


def test_of_a_door_and_of_being_there_only_the_last_waits() -> None:
    one = book()
    one.beat(after(0))
    one.note_door(GATE, is_open=True, now=after(1))
    one.note_door(PortalId("lab-door"), is_open=True, now=after(1))
    one.note_door(GATE, is_open=False, now=after(2))
    one.beat(after(3))
    assert [(message.sign, message.portal) for message in one.unsent()] == [
        (Sign.ALIVE, None),
        (Sign.CLOSED, GATE),
        (Sign.OPENED, "lab-door"),
    ]


def test_replay_after_a_crash_gives_the_same_knowledge_and_tells_it_again() -> None:
    pair = Pair()
    pair.connect(after(0))
    saved = pair.north.to_wire()
    log = [*pair.north.note_door(GATE, is_open=False, now=after(0))]
    decision = granted(pair.ask(GATE, ALICE, after(1)))
    log += pair.north.note_decision(GATE, decision, after(1))
    log += pair.north.note_passed(GATE, decision, after(2))
    heard = pair.north.take(seen(seq=50, who=BOB, enters="site", at=NOON + 3), after(3))
    assert heard is not None
    log.append(heard)
    again = PresenceBook.from_wire(
        saved, site=SITE, gateway=GATEWAY, epoch=Epoch(99), now=after(10)
    )
    again.follow(pair.policy)
    for _ in range(2):
        again.replay(log, after(10))
    assert again.occupancy("site", after(10)) == 2
    assert again.stay(ALICE, "site", after(10)) == pair.north.stay(ALICE, "site", after(10))
    told_again = [message for message in again.unsent() if message.gateway == GATEWAY]
    assert [message.sign for message in told_again] == [Sign.GRANTED, Sign.PASSED]
    assert again.take(seen(seq=50, who=BOB, enters="site"), after(11)) is None


@given(
    st.lists(
        st.builds(
            seen,
            sign=st.sampled_from([Sign.GRANTED, Sign.PASSED, Sign.ANNULLED, Sign.FORGIVEN]),
            seq=st.integers(1, 40),
            epoch=st.sampled_from([Epoch(2), Epoch(3)]),
            at=st.integers(NOON - 200_000, NOON + 500),
            who=st.sampled_from([ALICE, BOB]),
            way=st.sampled_from([None, ENTRY, EXIT]),
            portal=st.sampled_from([None, WAY_OUT]),
            enters=st.sampled_from(["", "site", "lab"]),
            leaves=st.sampled_from([(), ("site",), ("site", "lab")]),
            slot=st.none() | st.integers(0, 5),
            once_until=st.sampled_from([0, NOON + 5]),
            counts_until=st.sampled_from([0, NOON + 5]),
            is_clock_trusted=st.booleans(),
        ),
        max_size=30,
    ),
    st.sampled_from(ClockTrust),
)
def test_whatever_others_say_the_book_takes_it_counts_right_and_survives_a_restart(
    messages: list[PresenceMessage], trust: ClockTrust
) -> None:
    one, now = book(), after(0, trust)
    for message in messages:
        one.take(message, now)
    again = PresenceBook.from_wire(
        one.to_wire(), site=SITE, gateway=GATEWAY, epoch=one.epoch, now=now
    )
    again.follow(Pair().policy)
    assert again.to_wire() == one.to_wire()
    assert known(again) == known(one)
    for zone in ("site", "lab"):
        stays = [one.stay(who, zone, after(0, BLIND)) for who in (ALICE, BOB)]
        assert one.occupancy(zone, now) == sum(bool(stay and stay.is_inside) for stay in stays)
    one.forget(now)
    one.muster(now)
