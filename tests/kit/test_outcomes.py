"""The states of a command, who changes them, and the message that tells of them."""

from itertools import product
from typing import Any

import pytest

from doorward import canonical
from doorward.envelope import parse_envelope, verify_with_key
from doorward.errors import MalformedError
from doorward.outcomes import (
    MAX_OUTCOME_BYTES,
    TERMINAL,
    TRANSITIONS,
    JobState,
    Outcome,
    Party,
    next_state,
)
from tests.kit.test_vectors import load

VECTORS = load("commands")
Q, P, S, F, T, R, C = (
    JobState.QUEUED,
    JobState.IN_PROGRESS,
    JobState.SUCCEEDED,
    JobState.FAILED,
    JobState.TIMED_OUT,
    JobState.REJECTED,
    JobState.CANCELED,
)
GATE, HOUSE = Party.GATEWAY, Party.CONTROLLER

STORIES = {
    "carried out": ([(GATE, P), (GATE, S)], S),
    "carried out in one word": ([(GATE, S)], S),
    "refused": ([(GATE, R)], R),
    "begun and failed": ([(GATE, P), (GATE, F)], F),
    "taken back before it was sent": ([(HOUSE, C)], C),
    "nobody was there": ([(HOUSE, T)], T),
    "begun, then silence": ([(GATE, P), (HOUSE, T)], T),
    "the door did open, we hear of it late": ([(HOUSE, T), (GATE, S)], S),
    "late word that it was refused": ([(HOUSE, T), (GATE, R)], R),
    "what is begun cannot be taken back": ([(GATE, P), (HOUSE, C)], P),
    "what succeeded cannot time out": ([(GATE, S), (HOUSE, T)], S),
    "a refusal stays one": ([(GATE, R), (GATE, S)], R),
    "what was taken back stays so": ([(HOUSE, C), (GATE, S)], C),
    "nothing is queued again": ([(GATE, P), (GATE, Q)], P),
    "time-out is not begun anew": ([(HOUSE, T), (GATE, P)], T),
    "the controller cannot say that it succeeded": ([(HOUSE, S)], Q),
}


@pytest.mark.parametrize("sentence", STORIES)
def test_a_command_ends_where_its_story_says(sentence: str) -> None:
    words, expected = STORIES[sentence]
    state = Q
    for party, word in words:
        state = next_state(state, word, party)
    assert state is expected


def test_what_ended_stays_but_for_a_time_out() -> None:
    for state, party, to in product(TERMINAL - {T}, Party, JobState):
        assert next_state(state, to, party) is state


def test_every_state_but_the_first_can_be_reached() -> None:
    reached = {to for ends in TRANSITIONS.values() for to in ends}
    assert reached == set(JobState) - {Q}


def test_transitions_of_the_vectors_are_the_table() -> None:
    for row in VECTORS["transitions"]:
        found = TRANSITIONS.get((JobState(row["from"]), Party(row["by"])), frozenset())
        assert sorted(found) == row["to"]


@pytest.mark.parametrize("row", VECTORS["outcomes"])
def test_outcomes_of_the_vectors_are_signed_and_read(row: dict[str, Any]) -> None:
    envelope = parse_envelope(bytes.fromhex(row["wire"]))
    verify_with_key(envelope, bytes.fromhex(VECTORS["record_key"]))
    read = Outcome.from_body(envelope.body)
    assert (read.state, read.to_body().hex()) == (row["state"], row["body"])


GOOD: dict[str, Any] = canonical.decode(bytes.fromhex(VECTORS["outcomes"][0]["body"]))
MALFORMED: dict[str, dict[str, Any]] = {
    "queued": {"state": "queued"},
    "canceled": {"state": "canceled"},
    "a state that is not known": {"state": "done"},
    "a state that is a list": {"state": ["succeeded"]},
    "number 0": {"seq": 0},
    "number 1001": {"seq": 1001},
    "an id with a slash": {"id": "a/b"},
    "a detail of 301 characters": {"detail": "x" * 301},
    "33 findings": {"findings": [["a", True, ""]] * 33},
    "a finding without its truth": {"findings": [["a", 1, ""]]},
    "an attachment of an unknown kind": {"attachment": ["film", True, b""]},
    "an attachment that is a text": {"attachment": "picture"},
    "a field more": {"more": 1},
}


@pytest.mark.parametrize("sentence", MALFORMED)
def test_what_is_not_an_outcome_is_refused(sentence: str) -> None:
    with pytest.raises(MalformedError):
        Outcome.from_body(canonical.encode(GOOD | MALFORMED[sentence]))


def test_an_outcome_longer_than_its_bound_is_refused_unread() -> None:
    with pytest.raises(MalformedError, match="at most"):
        Outcome.from_body(bytes(MAX_OUTCOME_BYTES + 1))
