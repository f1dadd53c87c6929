"""One vocabulary for people at the portal (architecture, §9)."""

import itertools

import pytest

from doorward.decision import Deny, Grant, Grounds
from doorward.reasons import Reason
from doorward_edge.perception import PATTERNS, Lamp, Pattern, signal_of, with_offline_dot
from doorward_edge.ports import Signal

GROUNDS = Grounds(rule="test")
MAX_FLASHES_PER_S = 3
SPOKEN = [signal for signal in Signal if signal not in {Signal.IDLE, Signal.FIRE}]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_of_a_refusal_has_a_signal_that_is_not_green(reason: Reason) -> None:
    signal = signal_of(Deny(reason=reason, grounds=GROUNDS))
    assert signal is not Signal.GRANTED
    assert all(Lamp.GREEN not in step.lamps for step in PATTERNS[signal].steps)


def test_a_code_that_could_not_be_read_is_never_called_refused() -> None:
    for reason in (Reason.MALFORMED, Reason.NOT_OURS, Reason.STICKER_CHECK_WRONG):
        assert signal_of(Deny(reason=reason, grounds=GROUNDS)) is Signal.UNREADABLE


def test_a_grant_is_steady_green_with_two_rising_tones() -> None:
    signal = signal_of(Grant(reason=Reason.GRANTED, grounds=GROUNDS, pulse_ms=1000))
    steps = PATTERNS[signal].steps
    tones = [step.tone_hz for step in steps if step.tone_hz]
    assert tones == sorted(set(tones))
    assert len(tones) == 2
    assert {step.lamps for step in steps} == {frozenset({Lamp.GREEN})}


def _sound(pattern: Pattern) -> tuple[tuple[int, int], ...]:
    return tuple((step.tone_hz, step.for_ms) for step in pattern.steps if step.tone_hz)


def test_signals_differ_by_more_than_colour() -> None:
    decided = [Signal.GRANTED, Signal.REFUSED, Signal.UNREADABLE, Signal.NOT_ENROLLED]
    for one, other in itertools.combinations(decided, 2):
        assert _sound(PATTERNS[one]) != _sound(PATTERNS[other])


@pytest.mark.parametrize("signal", Signal)
def test_nothing_flashes_more_than_three_times_a_second(signal: Signal) -> None:
    lit = [bool(step.lamps) for step in PATTERNS[signal].steps]
    changes = sum(not before and after for before, after in itertools.pairwise([False, *lit]))
    seconds = sum(step.for_ms for step in PATTERNS[signal].steps) / 1000
    assert changes <= 1 or changes / seconds <= MAX_FLASHES_PER_S


@pytest.mark.parametrize("signal", SPOKEN)
def test_offline_is_the_same_plus_a_blue_dot(signal: Signal) -> None:
    online, offline = PATTERNS[signal], with_offline_dot(PATTERNS[signal])
    assert _sound(offline) == _sound(online)
    for before, after in zip(online.steps, offline.steps, strict=True):
        assert after.lamps == before.lamps | {Lamp.BLUE}
