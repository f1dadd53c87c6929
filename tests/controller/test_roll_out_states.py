"""Roll-outs as states: every transition, stories of whole roll-outs, and any order of events."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from doorward_controller.domain.roll_out import (
    MEMBER_TRANSITIONS,
    OVER,
    TRANSITIONS,
    Ending,
    Member,
    MemberState,
    MemberWord,
    Plan,
    Position,
    RollOutState,
    RollOutWord,
    next_member_state,
    next_state,
)

R, W, M, S = RollOutState, RollOutWord, MemberState, MemberWord
NOW, DEADLINE = 1_000, 10_000

MOVES = {
    (R.RUNNING, W.PAUSE): R.PAUSED,
    (R.RUNNING, W.ABORT): R.ABORTED,
    (R.RUNNING, W.FINISH): R.SUCCEEDED,
    (R.RUNNING, W.FAIL): R.FAILED,
    (R.PAUSED, W.RESUME): R.RUNNING,
    (R.PAUSED, W.ABORT): R.ABORTED,
    (R.PAUSED, W.FINISH): R.SUCCEEDED,
    (R.PAUSED, W.FAIL): R.FAILED,
}
MEMBER_MOVES = {
    (M.WAITING, S.ASK): M.ASKED,
    (M.WAITING, S.LEAVE_OUT): M.LEFT_OUT,
    (M.ASKED, S.SUCCEED): M.SUCCEEDED,
    (M.ASKED, S.FAIL): M.FAILED,
    (M.ASKED, S.MISS): M.MISSED,
    (M.SUCCEEDED, S.FAIL): M.FAILED,
}


@pytest.mark.parametrize(("state", "word"), list(product(R, W)))
def test_each_word_changes_a_roll_out_as_the_table_says(
    state: RollOutState, word: RollOutWord
) -> None:
    assert next_state(state, word) is MOVES.get((state, word), state)
    assert TRANSITIONS.get((state, word)) is MOVES.get((state, word))


@pytest.mark.parametrize(("state", "word"), list(product(M, S)))
def test_each_word_changes_a_member_as_the_table_says(state: MemberState, word: MemberWord) -> None:
    assert next_member_state(state, word) is MEMBER_MOVES.get((state, word), state)
    assert MEMBER_TRANSITIONS.get((state, word)) is MEMBER_MOVES.get((state, word))


def plan(**changes: int) -> Plan:
    return Plan(**{"deadline_utc_s": DEADLINE, **changes})


def position(*sizes: int) -> Position:
    members = [
        Member(gateway=f"g{wave}-{n}", wave=wave)
        for wave, size in enumerate(sizes, 1)
        for n in range(1, size + 1)
    ]
    return Position(state=R.RUNNING, members=tuple(members))


def said(at: Position, word: MemberWord, *names: str, now: int = NOW) -> Position:
    members = (m.after(word, now) if m.gateway in names else m for m in at.members)
    return replace(at, members=tuple(members))


def states(at: Position) -> str:
    """One letter a member: waiting, asked, succeeded, failed, missed, left out (=x)."""
    letter = {M.LEFT_OUT: "x"}
    return "".join(letter.get(member.state, member.state.value[0]) for member in at.members)


def test_waves_begin_one_after_the_other_and_the_end_is_success() -> None:
    at, its = position(1, 2), plan()
    at = at.stepped(its, NOW)
    assert states(at) == "aww"
    assert at.stepped(its, NOW) == at
    at = said(at, S.SUCCEED, "g1-1").stepped(its, NOW)
    assert states(at) == "saa"
    at = said(at, S.SUCCEED, "g2-1").stepped(its, NOW)
    assert (states(at), at.state) == ("ssa", R.RUNNING)
    at = said(at, S.SUCCEED, "g2-2").stepped(its, NOW)
    assert (states(at), at.state, at.is_settled) == ("sss", R.SUCCEEDED, True)


def test_one_failure_too_many_ends_it_and_the_next_wave_is_never_asked() -> None:
    at = said(position(1, 2, 2).stepped(plan(), NOW), S.SUCCEED, "g1-1").stepped(plan(), NOW)
    at = said(at, S.FAIL, "g2-1").stepped(plan(), NOW)
    assert (states(at), at.state, at.ending) == ("sfaxx", R.FAILED, Ending.TOO_MANY_FAILED)
    assert not at.is_settled
    at = said(at, S.SUCCEED, "g2-2")
    assert at.is_settled


CASES: dict[str, tuple[dict[str, int], str, str | None]] = {
    "half may fail, half failed": ({"success_percent": 50, "failure_percent": 50}, "ssff", None),
    "half may fail, more failed": (
        {"success_percent": 25, "failure_percent": 50},
        "sfff",
        "too_many_failed",
    ),
    "all must succeed, one failed of those that may": (
        {"failure_percent": 50},
        "sssf",
        "too_few_succeeded",
    ),
    "enough succeeded, one is still away": ({"success_percent": 75}, "sssa", None),
}


@pytest.mark.parametrize("sentence", CASES)
def test_thresholds_are_shares_of_a_wave(sentence: str) -> None:
    changes, letters, ending = CASES[sentence]
    its = plan(**changes)
    at = position(4, 1).stepped(its, NOW)
    for number, letter in enumerate(letters, 1):
        if letter != "a":
            at = said(at, S.SUCCEED if letter == "s" else S.FAIL, f"g1-{number}")
    at = at.stepped(its, NOW)
    assert (at.ending.value if at.ending else None) == ending
    assert states(at) == letters + ("x" if ending else "a")


def test_a_wave_rests_before_the_next_and_what_it_loses_meanwhile_counts() -> None:
    its = plan(rest_s=60)
    at = said(position(1, 1).stepped(its, NOW), S.SUCCEED, "g1-1")
    assert states(at.stepped(its, NOW + 59)) == "sw"
    assert states(at.stepped(its, NOW + 60)) == "sa"
    lost = said(at, S.FAIL, "g1-1").stepped(its, NOW + 60)
    assert (states(lost), lost.ending) == ("fx", Ending.TOO_MANY_FAILED)


def test_paused_nothing_begins_and_what_was_asked_goes_on() -> None:
    at = position(1, 1).stepped(plan(), NOW).told(W.PAUSE, NOW)
    at = said(at, S.SUCCEED, "g1-1").stepped(plan(), NOW)
    assert (states(at), at.state) == ("sw", R.PAUSED)
    assert states(at.told(W.RESUME, NOW).stepped(plan(), NOW)) == "sa"


def test_aborted_nobody_else_is_asked_and_who_was_is_still_followed() -> None:
    at = position(2, 1).stepped(plan(), NOW).told(W.ABORT, NOW)
    assert (states(at), at.state, at.is_settled) == ("aax", R.ABORTED, False)
    at = said(at, S.SUCCEED, "g1-1").stepped(plan(), DEADLINE)
    assert (states(at), at.state, at.is_settled) == ("smx", R.ABORTED, True)


def test_who_is_away_until_the_deadline_is_missed_and_counts_as_failed() -> None:
    at = position(1, 1).stepped(plan(), NOW)
    assert states(at.stepped(plan(), DEADLINE - 1)) == "aw"
    at = at.stepped(plan(), DEADLINE)
    assert (states(at), at.ending) == ("mx", Ending.OUT_OF_TIME)


def test_who_is_away_does_not_fail_a_roll_out_that_may_miss_some() -> None:
    its = plan(success_percent=50, failure_percent=50)
    at = said(position(2, 2).stepped(its, NOW), S.SUCCEED, "g1-1").stepped(its, NOW)
    at = said(at, S.SUCCEED, "g2-1", "g2-2").stepped(its, NOW)
    assert (states(at), at.state) == ("sass", R.RUNNING)
    at = at.stepped(its, DEADLINE)
    assert (states(at), at.state) == ("smss", R.SUCCEEDED)


class AnyRollOut(RuleBasedStateMachine):
    """Members answer, people interfere and time passes in any order."""

    @initialize(
        sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4),
        success=st.integers(1, 100),
        failure=st.integers(0, 100),
        rest_s=st.sampled_from([0, 60]),
    )
    def start(self, sizes: list[int], success: int, failure: int, rest_s: int) -> None:
        self.now = NOW
        self.plan = plan(success_percent=success, failure_percent=failure, rest_s=rest_s)
        self.at = position(*sizes)
        self.ended: RollOutState | None = None
        self.asked_at_end = 0

    @rule(pick=st.integers(0, 15), word=st.sampled_from([S.SUCCEED, S.FAIL]))
    def answer(self, pick: int, word: MemberWord) -> None:
        member = self.at.members[pick % len(self.at.members)]
        self.at = said(self.at, word, member.gateway, now=self.now)

    @rule(word=st.sampled_from([W.PAUSE, W.RESUME]))
    def interfere(self, word: RollOutWord) -> None:
        self.at = self.at.told(word, self.now)

    @rule()
    @precondition(lambda self: self.now > NOW + 200)
    def abort(self) -> None:
        self.at = self.at.told(W.ABORT, self.now)

    @rule(seconds=st.sampled_from([1, 30, 100, 4_000]))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def step(self) -> None:
        before = self.at
        self.at = self.at.stepped(self.plan, self.now)
        assert self.at.stepped(self.plan, self.now) == self.at, "a second step changed something"
        newly = [
            m for m, old in zip(self.at.members, before.members, strict=True)
            if m.state is M.ASKED and old.state is M.WAITING
        ]  # fmt: skip
        if newly:
            assert before.state is R.RUNNING
            self._check_earlier_waves({m.wave for m in newly})

    def _check_earlier_waves(self, begun: set[int]) -> None:
        (wave,) = begun
        for earlier in range(1, wave):
            members = [m for m in self.at.members if m.wave == earlier]
            good = [m for m in members if m.state is M.SUCCEEDED]
            bad = [m for m in members if m.state in {M.FAILED, M.MISSED}]
            assert len(good) * 100 >= self.plan.success_percent * len(members)
            assert len(bad) * 100 <= self.plan.failure_percent * len(members)
            assert all(self.now >= m.changed_at_utc_s + self.plan.rest_s for m in good)

    @invariant()
    def what_has_ended_stays_ended_and_nobody_waits_for_it(self) -> None:
        if self.at.state not in OVER:
            return
        self.ended = self.ended or self.at.state
        assert self.at.state is self.ended
        assert all(member.state is not M.WAITING for member in self.at.members)

    @invariant()
    def a_reason_stands_exactly_where_it_failed(self) -> None:
        assert (self.at.ending is not None) == (self.at.state is R.FAILED)

    def teardown(self) -> None:
        if not hasattr(self, "at"):
            return
        if self.at.state is R.PAUSED:
            self.at = self.at.told(W.RESUME, self.now)
        late = max(self.now, DEADLINE) + self.plan.rest_s
        for _ in range(len(self.at.members) + 2):
            self.at = self.at.stepped(self.plan, late)
        assert self.at.is_settled, "after its deadline nothing is open"


AnyRollOut.TestCase.settings = bounds(max_examples=150, stateful_step_count=40, deadline=None)
test_any_order_of_events = AnyRollOut.TestCase
