"""What is concluded from what is known of a roll-out's member."""

from typing import Any

import pytest

from doorward.commands import CommandName
from doorward.outcomes import JobState
from doorward.software import SoftwareReport, UpdateOutcome, UpdateState
from doorward_controller.domain.roll_out import MemberState
from doorward_controller.domain.roll_out_order import CommandOrder, ConfigurationOrder, Order
from doorward_controller.domain.roll_out_signs import Signs, sign_of, want_of

SELF_TEST = CommandOrder(name=CommandName.SELF_TEST)
SETTINGS = ConfigurationOrder(changes={"health.interval_s": 30})
QUIET = ConfigurationOrder(changes={"health.interval_s": 30}, restart=False)
SENT: dict[str, Any] = {"was_sent": True}
UPDATE = CommandOrder(name=CommandName.UPDATE_SOFTWARE, arguments={"version": "0.2.0"})
BACK = CommandOrder(name=CommandName.UPDATE_SOFTWARE, arguments={"version": ""})
ORDERED: dict[str, Any] = {"command": JobState.SUCCEEDED, "command_id": "c1", **SENT}


def says(**said: Any) -> dict[str, Any]:
    return {**ORDERED, "software": SoftwareReport(**{"confirmed": "0.1.0", "order": "c1"} | said)}


TAKEN: dict[str, Any] = {"version": 4, "newest": 4, "taken": 4}

SAID: dict[str, tuple[Order, dict[str, Any], tuple[str, str] | None]] = {
    "an update that was ordered is not one that proved well": (UPDATE, ORDERED, None),
    "an update on trial": (UPDATE, says(state=UpdateState.ON_TRIAL, target="0.2.0"), None),
    "an update that waits": (UPDATE, says(state=UpdateState.INSTALLED, detail="waits"), None),
    "an update that proved well": (
        UPDATE,
        says(confirmed="0.2.0", outcome=UpdateOutcome.CONFIRMED),
        ("succeed", "0.2.0 proved well"),
    ),
    "an update that runs already": (
        UPDATE,
        says(confirmed="0.2.0", outcome=UpdateOutcome.REFUSED, detail="runs already"),
        ("succeed", "0.2.0 proved well"),
    ),
    "an update that was taken back": (
        UPDATE,
        says(outcome=UpdateOutcome.RETURNED, detail="camera: dark"),
        ("fail", "returned: camera: dark"),
    ),
    "an update that could not be had": (
        UPDATE,
        says(outcome=UpdateOutcome.FAILED, detail="the disk is too full"),
        ("fail", "failed: the disk is too full"),
    ),
    "the outcome of another order": (
        UPDATE,
        says(order="c0", outcome=UpdateOutcome.FAILED, detail="long ago"),
        None,
    ),
    "an update at a gateway without an updater": (
        UPDATE,
        {"command": JobState.REJECTED, "command_detail": "not_here: not set up", **SENT},
        ("fail", "not_here: not set up"),
    ),
    "a return": (BACK, says(outcome=UpdateOutcome.RETURNED), ("succeed", "0.1.0 is back")),
    "a return to nowhere": (
        BACK,
        says(outcome=UpdateOutcome.REFUSED, detail="none is kept"),
        ("fail", "refused: none is kept"),
    ),
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


def test_a_release_that_is_taken_back_later_fails_its_member_after_all() -> None:
    signs = Signs(software=SoftwareReport(confirmed="0.2.0"))
    assert sign_of(UPDATE, MemberState.SUCCEEDED, signs) is None
    back = Signs(software=SoftwareReport(confirmed="0.1.0"))
    sign = sign_of(UPDATE, MemberState.SUCCEEDED, back)
    assert sign is not None
    assert (sign.word.value, sign.detail) == ("fail", "it went back to 0.1.0")
