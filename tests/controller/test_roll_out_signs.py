"""What is concluded from what is known of a roll-out's member."""

from typing import Any

import pytest

from doorward.commands import CommandName
from doorward.outcomes import JobState
from doorward_controller.domain.roll_out import MemberState
from doorward_controller.domain.roll_out_order import CommandOrder, ConfigurationOrder, Order
from doorward_controller.domain.roll_out_signs import Signs, sign_of, want_of

SELF_TEST = CommandOrder(name=CommandName.SELF_TEST)
SETTINGS = ConfigurationOrder(changes={"health.interval_s": 30})
QUIET = ConfigurationOrder(changes={"health.interval_s": 30}, restart=False)
SENT: dict[str, Any] = {"was_sent": True}
TAKEN: dict[str, Any] = {"version": 4, "newest": 4, "taken": 4}

SAID: dict[str, tuple[Order, dict[str, Any], tuple[str, str] | None]] = {
    "a command under way": (SELF_TEST, {"command": JobState.IN_PROGRESS, **SENT}, None),
    "a command that went well": (
        SELF_TEST,
        {"command": JobState.SUCCEEDED, "command_detail": "all good", **SENT},
        ("succeed", "all good"),
    ),
    "a command that was refused": (
        SELF_TEST,
        {"command": JobState.REJECTED, "command_detail": "not_here", **SENT},
        ("fail", "not_here"),
    ),
    "a command of which nothing was heard": (
        SELF_TEST,
        {"command": JobState.TIMED_OUT, **SENT},
        ("fail", "timed_out"),
    ),
    "a command that was never sent": (SELF_TEST, {"command": JobState.TIMED_OUT}, None),
    "a command that somebody took back": (
        SELF_TEST,
        {"command": JobState.CANCELED},
        ("fail", "canceled"),
    ),
    "a gateway that was revoked": (
        SELF_TEST,
        {"is_enrolled": False},
        ("fail", "the gateway was revoked"),
    ),
    "settings not handed over": (SETTINGS, {}, None),
    "settings not heard of": (SETTINGS, {"version": 4, "newest": 4}, None),
    "settings that wait for the restart": (SETTINGS, TAKEN, None),
    "settings that wait, and no restart is wanted": (QUIET, TAKEN, ("succeed", "")),
    "settings in force": (SETTINGS, {**TAKEN, "in_force": 4}, ("succeed", "")),
    "settings that were refused": (
        SETTINGS,
        {"version": 4, "newest": 4, "rejected": {4: "held_s is 99"}},
        ("fail", "held_s is 99"),
    ),
    "another version was refused": (SETTINGS, {**TAKEN, "rejected": {3: "old"}}, None),
    "somebody desired something else": (
        SETTINGS,
        {**TAKEN, "newest": 5},
        ("fail", "superseded by another configuration"),
    ),
    "the restart failed": (
        SETTINGS,
        {**TAKEN, "command": JobState.FAILED, "command_detail": "no", **SENT},
        ("fail", "no"),
    ),
    "the restart went well, the gateway is on its way": (
        SETTINGS,
        {**TAKEN, "command": JobState.SUCCEEDED, **SENT},
        None,
    ),
}


@pytest.mark.parametrize("sentence", SAID)
def test_what_a_member_that_was_asked_has_come_to(sentence: str) -> None:
    order, known, expected = SAID[sentence]
    sign = sign_of(order, MemberState.ASKED, Signs(**known))
    assert (sign and (sign.word.value, sign.detail)) == expected


@pytest.mark.parametrize("state", [MemberState.WAITING, MemberState.FAILED, MemberState.LEFT_OUT])
def test_nothing_is_concluded_of_who_was_not_asked_or_has_ended(state: MemberState) -> None:
    assert sign_of(SETTINGS, state, Signs(**TAKEN, in_force=4)) is None


def test_settings_that_were_taken_back_fail_who_had_succeeded() -> None:
    lost = Signs(version=4, newest=4, rejected={4: "taken back"})
    sign = sign_of(SETTINGS, MemberState.SUCCEEDED, lost)
    assert sign is not None
    assert (sign.word.value, sign.detail) == ("fail", "taken back")
    assert sign_of(SETTINGS, MemberState.SUCCEEDED, Signs(**TAKEN, in_force=4)) is None
    assert sign_of(SELF_TEST, MemberState.SUCCEEDED, Signs(rejected={0: "x"})) is None


WANTED: dict[str, tuple[Order, dict[str, Any], str | None]] = {
    "a command, and it is there": (SELF_TEST, {}, "command"),
    "a command, and it is away": (SELF_TEST, {"online": False}, None),
    "a command was given": (SELF_TEST, {"command": JobState.QUEUED}, None),
    "a command that never left is given anew": (
        SELF_TEST,
        {"command": JobState.TIMED_OUT},
        "command",
    ),
    "a command that left is not given twice": (
        SELF_TEST,
        {"command": JobState.TIMED_OUT, **SENT},
        None,
    ),
    "settings go to who is away, too": (SETTINGS, {"online": False}, "settings"),
    "settings were handed over": (SETTINGS, {"version": 4}, None),
    "settings were taken and wait": (SETTINGS, TAKEN, "command"),
    "settings were taken, no restart is wanted": (QUIET, TAKEN, None),
    "settings were taken by who is away": (SETTINGS, {**TAKEN, "online": False}, None),
    "settings are in force": (SETTINGS, {**TAKEN, "in_force": 4}, None),
}


@pytest.mark.parametrize("sentence", WANTED)
def test_what_a_member_is_handed_next(sentence: str) -> None:
    order, known, expected = WANTED[sentence]
    want = want_of(order, Signs(**known))
    assert (want and want.value) == expected
