"""One vocabulary for people at the portal (architecture, §9)."""

import itertools

import pytest

from doorward.decision import Deny, Grant, Grounds
from doorward.reasons import Reason
from doorward_edge.config_panel import PerceptionSection, SignalSection, Tone
from doorward_edge.perception import (
    PATTERNS,
    WORDS,
    Lamp,
    PerceptionError,
    duration_ms,
    perception_of,
    signal_of,
    sound_of,
    with_offline_dot,
)
from doorward_edge.ports import Signal

GROUNDS = Grounds(rule="test")
MAX_FLASHES_PER_S = 3
SILENT = {Signal.IDLE, Signal.FIRE, Signal.CAMERA_FAULT}
SPOKEN = [signal for signal in Signal if signal not in SILENT]


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


def test_a_unit_that_shows_which_one_it_is_blinks_and_sounds_and_is_no_answer_to_a_code() -> None:
    pattern = PATTERNS[Signal.IDENTIFY]
    assert {step.lamps for step in pattern.steps} == {frozenset({Lamp.BLUE}), frozenset()}
    assert sound_of(pattern)
    assert not pattern.stays
    refused = [Deny(reason=reason, grounds=GROUNDS) for reason in Reason]
    assert Signal.IDENTIFY not in map(signal_of, refused)


def test_signals_differ_by_more_than_colour() -> None:
    decided = [Signal.GRANTED, Signal.REFUSED, Signal.UNREADABLE, Signal.NOT_ENROLLED]
    decided.append(Signal.IDENTIFY)
    for one, other in itertools.combinations(decided, 2):
        assert sound_of(PATTERNS[one]) != sound_of(PATTERNS[other])


@pytest.mark.parametrize("signal", Signal)
def test_nothing_flashes_more_than_three_times_a_second(signal: Signal) -> None:
    lit = [bool(step.lamps) for step in PATTERNS[signal].steps]
    changes = sum(not before and after for before, after in itertools.pairwise([False, *lit]))
    seconds = sum(step.for_ms for step in PATTERNS[signal].steps) / 1000
    assert changes <= 1 or changes / seconds <= MAX_FLASHES_PER_S


@pytest.mark.parametrize("signal", SPOKEN)
def test_offline_is_the_same_plus_a_blue_dot(signal: Signal) -> None:
    online, offline = PATTERNS[signal], with_offline_dot(PATTERNS[signal])
    assert sound_of(offline) == sound_of(online)
    for before, after in zip(online.steps, offline.steps, strict=True):
        assert after.lamps == before.lamps | {Lamp.BLUE}


def test_every_signal_has_words_in_both_languages_and_no_two_the_same() -> None:
    assert set(WORDS) == set(PATTERNS) == set(Signal)
    for language in ("en", "zh"):
        said = [getattr(words, language) for words in WORDS.values()]
        assert all(said)
        assert len(set(said)) == len(said)


def test_a_site_that_sets_nothing_has_the_usual_vocabulary() -> None:
    usual = perception_of(PerceptionSection())
    assert (usual.patterns, usual.words) == (PATTERNS, WORDS)


def test_words_can_be_set_in_one_language_and_stay_in_the_other() -> None:
    words = perception_of(PerceptionSection(granted=SignalSection(zh="欢迎"))).words
    assert words[Signal.GRANTED].zh == "欢迎"
    assert words[Signal.GRANTED].en == WORDS[Signal.GRANTED].en


def test_tones_can_be_set_and_the_lamps_stay_as_long_as_before() -> None:
    tones: tuple[Tone, ...] = ((500, 100), (0, 50), (700, 100))
    pattern = perception_of(PerceptionSection(granted=SignalSection(tones=tones))).patterns[
        Signal.GRANTED
    ]
    usual = PATTERNS[Signal.GRANTED]
    assert sound_of(pattern) == ((500, 100), (700, 100))
    assert duration_ms(pattern) == duration_ms(usual)
    assert {step.lamps for step in pattern.steps} == {step.lamps for step in usual.steps}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            PerceptionSection(
                refused=SignalSection(tones=((660, 120), (880, 160))),
            ),
            r"perception\.granted\.tones sounds like perception\.refused\.tones",
        ),
        (
            PerceptionSection(granted=SignalSection(tones=((660, 2000), (880, 2000)))),
            r"perception\.granted\.tones last 4000 ms, at most 3000 ms",
        ),
        (
            PerceptionSection(not_enrolled=SignalSection(tones=((660, 20),))),
            r"perception\.not_enrolled\.tones cannot be set: its lamps blink",
        ),
    ],
)
def test_tones_that_nobody_would_understand_are_refused(
    section: PerceptionSection, said: str
) -> None:
    with pytest.raises(PerceptionError, match=said):
        perception_of(section)
