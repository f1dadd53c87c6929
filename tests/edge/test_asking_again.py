"""When retained messages that did not count are asked for again."""

from collections.abc import Callable

import pytest

from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.asking_again import FIRST_PAUSE_MS, LONGEST_PAUSE_MS, AskAgain
from doorward_edge.sync import Taken, Verdict

TRUSTED, BLIND = ClockTrust.SYNCHRONISED, ClockTrust.UNKNOWN
KEYRING = 3


def at(mono_ms: int, trust: ClockTrust = TRUSTED) -> Instant:
    return Instant(utc_ms=UtcMs(mono_ms), mono_ms=MonoMs(mono_ms), trust=trust)


def taken(verdict: Verdict, what: str = "bundle") -> Taken:
    return Taken(verdict=verdict, what=what)


def asked_at(again: AskAgain, until_ms: int, meanwhile: Callable[[Instant], None]) -> list[int]:
    """The seconds at which it asked; `meanwhile` says what became of what came then."""
    found = []
    for mono_ms in range(0, until_ms, 1000):
        if again.is_due(KEYRING, at(mono_ms)):
            found.append(mono_ms)
            meanwhile(at(mono_ms))
    return found


def test_a_full_disk_is_tried_with_pauses_that_double_up_to_a_bound() -> None:
    again = AskAgain()

    def fails(now: Instant) -> None:
        again.note(taken(Verdict.UNWRITTEN), KEYRING, now)
        again.note(taken(Verdict.UNWRITTEN, "status"), KEYRING, now)

    fails(at(0))
    asked = asked_at(again, 2_000_000, fails)
    pauses = [b - a for a, b in zip([0, *asked], asked, strict=False)]
    assert pauses[:6] == [FIRST_PAUSE_MS * 2**n for n in range(6)]
    assert set(pauses[6:]) == {LONGEST_PAUSE_MS}


@pytest.mark.parametrize("end", [Verdict.APPLIED, Verdict.ALREADY, Verdict.GAP])
def test_what_was_taken_is_asked_for_no_more_and_the_next_pause_is_short(end: Verdict) -> None:
    again = AskAgain()
    again.note(taken(Verdict.UNWRITTEN), KEYRING, at(0))
    assert again.is_due(KEYRING, at(FIRST_PAUSE_MS))
    again.note(taken(Verdict.UNWRITTEN), KEYRING, at(FIRST_PAUSE_MS))
    again.note(taken(end), KEYRING, at(FIRST_PAUSE_MS))
    assert not again.is_due(KEYRING, at(10**9))
    again.note(taken(Verdict.UNWRITTEN), KEYRING, at(0))
    assert again.is_due(KEYRING, at(FIRST_PAUSE_MS))


def test_while_one_kind_is_not_written_another_that_was_changes_nothing() -> None:
    again = AskAgain()
    again.note(taken(Verdict.UNWRITTEN), KEYRING, at(0))
    again.note(taken(Verdict.APPLIED, "status"), KEYRING, at(0))
    assert again.is_due(KEYRING, at(FIRST_PAUSE_MS))


@pytest.mark.parametrize(
    ("keyring", "trust"), [(KEYRING, BLIND), (KEYRING + 1, TRUSTED)], ids=["clock", "keyring"]
)
def test_what_was_refused_is_asked_for_once_when_it_would_be_judged_anew(
    keyring: int, trust: ClockTrust
) -> None:
    again = AskAgain()
    again.note(taken(Verdict.REFUSED), KEYRING, at(0))
    assert not again.is_due(KEYRING, at(10**9))
    assert again.is_due(keyring, at(10**9, trust))
    assert not again.is_due(keyring, at(10**9, trust)), "once"
    again.note(taken(Verdict.REFUSED), keyring, at(10**9, trust))
    assert not again.is_due(keyring, at(10**9, trust)), "refused by the same grounds"


def test_a_new_connection_begins_anew() -> None:
    again = AskAgain()
    again.note(taken(Verdict.UNWRITTEN), KEYRING, at(0))
    again.note(taken(Verdict.REFUSED, "status"), KEYRING, at(0))
    again.forget()
    assert not again.is_due(KEYRING + 1, at(10**9, BLIND))
