"""A posture that a command set: how long it counts, and who has the last word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.commands import SetPosture
from doorward.ids import PortalId
from doorward.policy import Posture
from doorward.times import ClockTrust, UtcSeconds
from doorward_edge.commands.posture_keeper import PostureKeeper
from doorward_edge.commands.postures import LocalPostures
from tests.fakes.command_bench import FakeNotes
from tests.fakes.edge_ports import FakeClock
from tests.fakes.site_simulator import START_S

NORTH, SOUTH = PortalId("north"), PortalId("south")
LOCKDOWN, FREE, CLOSED, NORMAL = (
    Posture.LOCKDOWN,
    Posture.FREE,
    Posture.CLOSED,
    Posture.NORMAL,
)
NONE = LocalPostures({})


def order(posture: Posture, until: int = 0, portal: PortalId = NORTH) -> SetPosture:
    return SetPosture(portal=portal, posture=posture, until=UtcSeconds(until))


def posture_of(postures: LocalPostures) -> Posture | None:
    found = postures.order_of(NORTH)
    return None if found is None else found.posture


TIMES = {
    "a second before its end": (59, ClockTrust.SYNCHRONISED, True),
    "at its end": (60, ClockTrust.SYNCHRONISED, False),
    "at its end by a held-over clock": (60, ClockTrust.HELD_OVER, False),
    "long after, by a clock that nobody trusts": (6000, ClockTrust.UNKNOWN, True),
}


@pytest.mark.parametrize("sentence", TIMES)
def test_it_returns_at_its_time(sentence: str) -> None:
    seconds, trust, holds = TIMES[sentence]
    postures = NONE.after(order(CLOSED, START_S + 60), NORMAL)
    now = FakeClock(START_S + seconds, trust=trust).now()
    assert (postures.at(now, {NORTH: NORMAL}).order_of(NORTH) is not None) is holds


POLICIES = {
    "a bundle that says the same": (NORMAL, {NORTH: NORMAL}, CLOSED),
    "a bundle that says another posture": (NORMAL, {NORTH: LOCKDOWN}, None),
    "a bundle that says what the command said": (NORMAL, {NORTH: CLOSED}, None),
    "a bundle that lifts its own lockdown": (LOCKDOWN, {NORTH: NORMAL}, None),
    "a bundle that speaks of another portal": (NORMAL, {SOUTH: LOCKDOWN}, CLOSED),
    "no bundle yet": (NORMAL, None, CLOSED),
}


@pytest.mark.parametrize("sentence", POLICIES)
def test_the_newest_word_counts(sentence: str) -> None:
    stood, policy, expected = POLICIES[sentence]
    postures = NONE.after(order(CLOSED), stood)
    assert posture_of(postures.at(FakeClock(START_S).now(), policy)) is expected


def test_normal_lifts_and_another_posture_replaces() -> None:
    postures = NONE.after(order(CLOSED), NORMAL).after(order(FREE), NORMAL)
    assert posture_of(postures) is FREE
    both = postures.after(order(LOCKDOWN, portal=SOUTH), NORMAL)
    assert both.after(order(NORMAL), NORMAL).by_portal.keys() == {SOUTH}


@given(
    st.lists(
        st.builds(
            SetPosture,
            portal=st.sampled_from([NORTH, SOUTH]),
            posture=st.sampled_from(Posture),
            until=st.integers(0, 2**40).map(UtcSeconds),
            rank=st.none() | st.integers(0, 9),
        ),
        max_size=5,
    )
)
def test_what_is_noted_reads_back(orders: list[SetPosture]) -> None:
    postures = NONE
    for each in orders:
        postures = postures.after(each, NORMAL)
    assert LocalPostures.from_notes(postures.to_notes()) == postures


def test_the_keeper_outlives_a_restart_and_says_whose_time_is_over() -> None:
    notes, clock = FakeNotes(), FakeClock(START_S)
    PostureKeeper(notes, lambda: None).set(order(CLOSED, START_S + 10))
    keeper = PostureKeeper(notes, lambda: None)
    assert keeper.turn(clock.now()) == ()
    clock.pass_s(10)
    assert keeper.turn(clock.now()) == (NORTH,)
    assert PostureKeeper(notes, lambda: None).order_of(NORTH) is None


def test_what_is_over_is_over_on_a_full_disk_too() -> None:
    notes, clock = FakeNotes(), FakeClock(START_S)
    keeper = PostureKeeper(notes, lambda: None)
    keeper.set(order(FREE, START_S + 10))
    notes.broken = True
    clock.pass_s(10)
    assert keeper.turn(clock.now()) == (NORTH,)
    assert keeper.order_of(NORTH) is None
