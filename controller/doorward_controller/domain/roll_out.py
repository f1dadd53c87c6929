"""Roll-outs: one order for many gateways, wave by wave. Pure: states as data, and one step.

1. Who takes part, and in which wave, is fixed at the start.
2. A wave begins when each wave before it has passed: enough of its members succeeded, and its rest
   is over. Until then nothing is asked of the next one.
3. A roll-out fails as soon as more of a wave failed than may, or too few of it can still succeed.
   Who was not asked then is left out.
4. Paused, nothing more is handed out; what was goes on and counts. Aborted, it ends likewise.
5. A member that is away stays asked until the deadline; then it is missed, which counts as failed.
6. A member that succeeded and loses it again while its roll-out runs has failed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType


class RollOutState(StrEnum):
    """Where a roll-out stands."""

    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"


class RollOutWord(StrEnum):
    """What changes a roll-out's state."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    FINISH = "finish"
    FAIL = "fail"


class MemberState(StrEnum):
    """Where a member of a roll-out stands."""

    WAITING = "waiting"
    """Its wave has not begun."""
    ASKED = "asked"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    MISSED = "missed"
    """Nothing was heard of it until the deadline."""
    LEFT_OUT = "left_out"
    """The roll-out ended before its wave began."""


class MemberWord(StrEnum):
    """What changes a member's state."""

    ASK = "ask"
    SUCCEED = "succeed"
    FAIL = "fail"
    MISS = "miss"
    LEAVE_OUT = "leave_out"


class Ending(StrEnum):
    """Why a roll-out failed."""

    TOO_MANY_FAILED = "too_many_failed"
    TOO_FEW_SUCCEEDED = "too_few_succeeded"
    OUT_OF_TIME = "out_of_time"


_R, _W = RollOutState, RollOutWord
TRANSITIONS: Mapping[tuple[RollOutState, RollOutWord], RollOutState] = MappingProxyType(
    {
        (_R.RUNNING, _W.PAUSE): _R.PAUSED,
        (_R.PAUSED, _W.RESUME): _R.RUNNING,
        (_R.RUNNING, _W.ABORT): _R.ABORTED,
        (_R.PAUSED, _W.ABORT): _R.ABORTED,
        (_R.RUNNING, _W.FINISH): _R.SUCCEEDED,
        (_R.PAUSED, _W.FINISH): _R.SUCCEEDED,
        (_R.RUNNING, _W.FAIL): _R.FAILED,
        (_R.PAUSED, _W.FAIL): _R.FAILED,
    }
)
"""What is not here changes nothing: what has ended never begins again."""

_M, _S = MemberState, MemberWord
MEMBER_TRANSITIONS: Mapping[tuple[MemberState, MemberWord], MemberState] = MappingProxyType(
    {
        (_M.WAITING, _S.ASK): _M.ASKED,
        (_M.WAITING, _S.LEAVE_OUT): _M.LEFT_OUT,
        (_M.ASKED, _S.SUCCEED): _M.SUCCEEDED,
        (_M.ASKED, _S.FAIL): _M.FAILED,
        (_M.ASKED, _S.MISS): _M.MISSED,
        (_M.SUCCEEDED, _S.FAIL): _M.FAILED,
    }
)

OVER = frozenset({RollOutState.SUCCEEDED, RollOutState.FAILED, RollOutState.ABORTED})
_LOST = frozenset({MemberState.FAILED, MemberState.MISSED})


def next_state(state: RollOutState, word: RollOutWord) -> RollOutState:
    """Returns the state after a word: that of the table, else the old one."""
    return TRANSITIONS.get((state, word), state)


def next_member_state(state: MemberState, word: MemberWord) -> MemberState:
    """Returns a member's state after a word: that of the table, else the old one."""
    return MEMBER_TRANSITIONS.get((state, word), state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a roll-out proceeds.

    Attributes:
        success_percent: of each wave so many must succeed before the next one begins.
        failure_percent: of each wave so many may fail; one more ends the roll-out.
        rest_s: how long a wave stands well before it has passed.
        deadline_utc_s: whoever was not heard of until then is missed.
    """

    success_percent: int = 100
    failure_percent: int = 0
    rest_s: int = 0
    deadline_utc_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One gateway of a roll-out; waves count from 1."""

    gateway: str
    wave: int
    state: MemberState = MemberState.WAITING
    changed_at_utc_s: int = 0

    def after(self, word: MemberWord, now_utc_s: int) -> "Member":
        """Returns the member after a word; one that says nothing new leaves it as it is."""
        state = next_member_state(self.state, word)
        if state is self.state:
            return self
        return replace(self, state=state, changed_at_utc_s=now_utc_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a roll-out and its members stand."""

    state: RollOutState
    members: tuple[Member, ...]
    ending: Ending | None = None

    @property
    def is_settled(self) -> bool:
        """Nothing more is expected of it."""
        return self.state in OVER and all(m.state is not MemberState.ASKED for m in self.members)

    def told(self, word: RollOutWord, now_utc_s: int) -> "Position":
        """Returns the position after a word by a person, or of its own."""
        state = next_state(self.state, word)
        return _closed(replace(self, state=state), now_utc_s)

    def stepped(self, plan: Plan, now_utc_s: int) -> "Position":
        """Returns the position after everything that is due now; stepping again changes nothing."""
        at = self if now_utc_s < plan.deadline_utc_s else _missed(self, now_utc_s)
        if at.state in OVER:
            return at
        ending = _ending(at, plan, is_out_of_time=now_utc_s >= plan.deadline_utc_s)
        if ending is not None:
            return replace(at, ending=ending).told(RollOutWord.FAIL, now_utc_s)
        unpassed = next(
            (w for w in _waves(at.members) if not _has_passed(w, plan, now_utc_s)), None
        )
        if unpassed is None:
            is_open = any(member.state is MemberState.ASKED for member in at.members)
            return at if is_open else at.told(RollOutWord.FINISH, now_utc_s)
        if at.state is RollOutState.RUNNING:
            return _begun(at, unpassed[0].wave, now_utc_s)
        return at


def _waves(members: Sequence[Member]) -> Iterator[list[Member]]:
    for wave in sorted({member.wave for member in members}):
        yield [member for member in members if member.wave == wave]


def _needed(wave: Sequence[Member], plan: Plan) -> int:
    return -(-len(wave) * plan.success_percent // 100)


def _count(wave: Sequence[Member], states: frozenset[MemberState]) -> int:
    return sum(member.state in states for member in wave)


def _has_passed(wave: Sequence[Member], plan: Plan, now_utc_s: int) -> bool:
    good = [member for member in wave if member.state is MemberState.SUCCEEDED]
    since_utc_s = max((member.changed_at_utc_s for member in good), default=0)
    return len(good) >= _needed(wave, plan) and now_utc_s >= since_utc_s + plan.rest_s


def _ending(at: Position, plan: Plan, *, is_out_of_time: bool) -> Ending | None:
    """Returns why the roll-out cannot succeed any more, None while it can."""
    for wave in _waves(at.members):
        lost = _count(wave, _LOST)
        left_out = _count(wave, frozenset({MemberState.LEFT_OUT}))
        too_many = lost * 100 > plan.failure_percent * len(wave)
        if is_out_of_time and (too_many or left_out):
            return Ending.OUT_OF_TIME
        if too_many:
            return Ending.TOO_MANY_FAILED
        if len(wave) - lost - left_out < _needed(wave, plan):
            return Ending.TOO_FEW_SUCCEEDED
    return None


def _begun(at: Position, wave: int, now_utc_s: int) -> Position:
    return _with(at, MemberWord.ASK, now_utc_s, wave=wave)


def _missed(at: Position, now_utc_s: int) -> Position:
    return _with(_with(at, MemberWord.MISS, now_utc_s), MemberWord.LEAVE_OUT, now_utc_s)


def _closed(at: Position, now_utc_s: int) -> Position:
    """Leaves out whoever was not asked before the roll-out ended."""
    return _with(at, MemberWord.LEAVE_OUT, now_utc_s) if at.state in OVER else at


def _with(at: Position, word: MemberWord, now_utc_s: int, wave: int | None = None) -> Position:
    """Says a word to every member, or to those of a wave."""
    members = (
        member.after(word, now_utc_s) if wave in {None, member.wave} else member
        for member in at.members
    )
    return replace(at, members=tuple(members))
