"""The door, case by case: what happened, what it is then, and what was done about it."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from doorward.events import EventCode, Passage
from doorward.policy import Posture
from doorward_edge.door import (
    TABLE,
    Door,
    DoorRule,
    DoorState,
    Granted,
    KeepReleased,
    Noted,
    Order,
    Ordered,
    Release,
    SecureLock,
    Seen,
    Show,
    Told,
    Turn,
    new_door,
)
from doorward_edge.door_steps import due_mono_ms, step
from doorward_edge.ports import InputChange, InputKind, Signal
from tests.edge.door_case import PULSE_MS, Case

DESK = DoorRule()
CONTACT = DoorRule(has_contact=True)
TURNSTILE = DoorRule(has_passage=True)
BOTH = DoorRule(has_contact=True, has_passage=True)


# --- A grant


def test_a_desk_without_anything_counts_the_grant_itself() -> None:
    case = Case(DESK).grant()
    assert case.take() == [
        Release(pulse_ms=PULSE_MS),
        Told(passage=Passage.ENTERED, about=1, seen=Seen.NOTHING),
    ]
    assert case.state() is DoorState.UNLOCKED
    case.wait(PULSE_MS)
    assert (case.take(), case.state()) == ([SecureLock()], DoorState.LOCKED)


def test_with_a_contact_alone_the_opening_counts_and_the_closing_secures() -> None:
    case = Case(CONTACT).grant()
    assert case.take() == [Release(pulse_ms=PULSE_MS)]
    case.wait(500).opens()
    assert case.take() == [Told(passage=Passage.ENTERED, about=1, seen=Seen.CONTACT)]
    assert case.state() is DoorState.OPEN
    case.wait(500).closes()
    assert (case.take(), case.state()) == ([SecureLock()], DoorState.LOCKED)


def test_a_turnstile_is_secured_behind_the_one_who_went_through() -> None:
    case = Case(TURNSTILE).grant()
    case.wait(800).passes()
    assert case.take() == [
        Release(pulse_ms=PULSE_MS),
        Told(passage=Passage.ENTERED, about=1, seen=Seen.SENSOR),
        SecureLock(),
    ]
    assert case.state() is DoorState.LOCKED


def test_with_contact_and_sensor_an_opened_door_alone_is_no_entry() -> None:
    case = Case(BOTH).grant().wait(500).opens().wait(500).closes()
    assert case.take() == [Release(pulse_ms=PULSE_MS)]
    case.wait(BOTH.pass_within_ms)
    assert case.told() == [("no_entry", 1)]
    case.grant().opens().passes().closes()
    assert case.told() == [("entered", 2)]
    assert case.state() is DoorState.LOCKED


@pytest.mark.parametrize("rule", [CONTACT, TURNSTILE, BOTH])
def test_who_does_not_pass_in_time_did_not_enter(rule: DoorRule) -> None:
    case = Case(rule).grant().wait(PULSE_MS)
    assert case.take() == [Release(pulse_ms=PULSE_MS), SecureLock()]
    assert case.state() is DoorState.LOCKED
    case.wait(rule.pass_within_ms - PULSE_MS - 1)
    assert case.told() == []
    case.wait(1)
    assert case.told() == [("no_entry", 1)]
    assert due_mono_ms(case.door, rule) is None


def test_two_who_were_let_in_pass_one_after_the_other() -> None:
    case = Case(TURNSTILE).grant().wait(500).grant().wait(500).passes()
    assert case.state() is DoorState.UNLOCKED
    case.wait(200).passes()
    assert case.told() == [("entered", 1), ("entered", 2)]
    assert case.state() is DoorState.LOCKED


def test_one_opening_counts_for_all_who_were_let_in_where_a_contact_is_all() -> None:
    case = Case(CONTACT).grant().grant().opens()
    assert case.told() == [("entered", 1), ("entered", 2)]


def test_who_is_let_in_again_before_passing_gave_up_the_first_grant() -> None:
    case = Case(TURNSTILE).grant(b"a").grant(b"b").grant(b"a")
    assert case.told() == [("no_entry", 1)]
    case.passes().passes()
    assert case.told() == [("entered", 2), ("entered", 3)]


def test_a_second_grant_never_shortens_a_pulse() -> None:
    case = Case(CONTACT).grant().wait(1_000)
    case.event(Granted(about=9, pulse_ms=500))
    assert case.take() == [Release(pulse_ms=PULSE_MS), Release(pulse_ms=2_000)]


def test_who_is_let_in_while_the_leaf_stands_open_counts_where_nothing_can_see_it() -> None:
    case = Case(CONTACT).grant().opens()
    case.take()
    case.grant()
    assert case.told() == [("entered", 2)]
    case = Case(BOTH).grant().opens().passes()
    case.take()
    assert case.grant().told() == []
    assert case.passes().told() == [("entered", 2)]


def test_an_open_leaf_gives_those_who_were_let_in_more_time() -> None:
    case = Case(BOTH).grant().wait(2_000).opens().wait(BOTH.pass_within_ms)
    assert case.told() == []
    assert case.passes().told() == [("entered", 1)]
    case.closes().grant().opens().wait(BOTH.pass_within_ms).closes().wait(0)
    assert case.told() == [("no_entry", 2)]


def test_a_drive_gets_one_pulse_for_each_person_and_locks_by_itself() -> None:
    case = Case(DoorRule(has_passage=True, is_pulsed=True)).grant().wait(100).grant()
    assert case.take() == [Release(pulse_ms=PULSE_MS), Release(pulse_ms=PULSE_MS)]
    case.wait(PULSE_MS + 1_000).passes().wait(1_000).passes()
    assert case.told() == [("entered", 1), ("entered", 2)]
    assert case.state() is DoorState.LOCKED
    case.wait(5_000).passes()
    assert case.told() == [("forced", None), ("door_closed_again", None)]
    case.grant()
    case.take()
    case.wait(case.rule.pass_within_ms)
    assert case.take() == [Told(passage=Passage.NO_ENTRY, about=3)]
    case.grant().order(Order.SECURE)
    assert SecureLock() in case.take()


# --- Forced


def test_an_opening_without_release_is_forced() -> None:
    case = Case(CONTACT).opens().opens()
    assert case.take() == [Told(passage=Passage.FORCED)]
    assert case.state() is DoorState.FORCED
    case.wait(3_600_000).grant()
    assert case.state() is DoorState.FORCED
    case.closes()
    assert case.told() == [("entered", 1), ("door_closed_again", None)]


def test_an_opening_in_the_last_moment_of_a_pulse_is_not_forced() -> None:
    case = Case(CONTACT).grant().wait(PULSE_MS + CONTACT.grace_ms + 50)
    case.take()
    case.opens(ago_ms=50)
    assert (case.told(), case.state()) == ([("entered", 1)], DoorState.OPEN)
    case.closes().wait(CONTACT.grace_ms + 1).opens()
    assert case.told() == [("forced", None)]


def test_a_late_turn_of_the_loop_does_not_lengthen_the_grace() -> None:
    case = Case(CONTACT).grant()
    case.now_ms += 20_000
    assert case.opens().told() == [("no_entry", 1), ("forced", None)]


def test_a_door_with_a_free_handle_opens_from_inside_without_alarm() -> None:
    case = Case(DoorRule(has_contact=True, has_passage=True, has_free_handle=True))
    case.opens().passes()
    assert (case.told(), case.state()) == ([], DoorState.OPEN)
    case.wait(case.rule.held_after_ms)
    assert case.told() == [("held", None)]
    assert case.closes().state() is DoorState.LOCKED


def test_a_turnstile_that_is_pushed_through_is_forced() -> None:
    case = Case(TURNSTILE).passes()
    assert case.told() == [("forced", None), ("door_closed_again", None)]
    assert case.state() is DoorState.LOCKED


def test_whoever_follows_without_a_grant_is_noted_and_an_arm_is_not() -> None:
    case = Case(BOTH).grant().opens().passes().wait(300).passes()
    assert case.told() == [("entered", 1)]
    case.wait(1_000).passes()
    assert case.told() == [("tailgated", None)]
    case = Case(TURNSTILE).grant().passes().wait(TURNSTILE.same_person_ms).passes()
    assert case.told() == [("entered", 1), ("tailgated", None)]


def test_somebody_before_the_sensor_of_a_closed_door_is_nobody_passing() -> None:
    assert Case(BOTH).passes().take() == []


# --- Held open


def test_a_held_door_is_told_and_told_again_as_often_as_the_rule_says() -> None:
    rule = DoorRule(has_contact=True, held_after_ms=20_000, held_again_ms=60_000)
    case = Case(rule).grant().opens()
    case.take()
    case.wait(19_999)
    assert case.state() is DoorState.OPEN
    case.wait(1)
    assert (case.told(), case.state()) == ([("held", None)], DoorState.HELD_OPEN)
    case.wait(59_999)
    assert case.told() == []
    case.wait(60_001)
    assert case.told() == [("held", None), ("held", None)]
    case.closes()
    assert case.told() == [("door_closed_again", None)]
    assert due_mono_ms(case.door, rule) is None


def test_a_held_door_is_told_once_where_the_rule_says_so() -> None:
    case = Case(DoorRule(has_contact=True, held_again_ms=0)).grant().opens()
    case.wait(86_400_000)
    assert case.told() == [("entered", 1), ("held", None)]
    case.order(Order.HOLD_OPEN).order(Order.SECURE).wait(86_400_000)
    assert case.told() == [("hold_began", None), ("hold_ended", None)]
    assert case.state() is DoorState.HELD_OPEN


def test_who_was_let_in_and_holds_the_door_did_not_enter() -> None:
    case = Case(BOTH).grant().opens().wait(BOTH.held_after_ms)
    assert case.told() == [("no_entry", 1), ("held", None)]


def test_somebody_who_stands_in_a_turnstile_holds_it() -> None:
    case = Case(TURNSTILE).grant().feed(InputKind.PASSAGE, active=True)
    case.wait(TURNSTILE.held_after_ms)
    assert case.told() == [("entered", 1), ("held", None)]
    case.feed(InputKind.PASSAGE, active=False)
    assert case.state() is DoorState.LOCKED


# --- Exit button


def test_the_exit_button_opens_and_nobody_is_missed_when_nobody_goes() -> None:
    case = Case(BOTH).presses()
    assert case.take() == [Noted(code=EventCode.EXIT_BUTTON), Release(pulse_ms=5_000)]
    case.opens().passes().closes()
    assert case.take() == [SecureLock()]
    case.presses().take()
    case.wait(60_000)
    assert case.told() == []
    assert case.state() is DoorState.LOCKED


def test_a_button_that_is_wired_to_the_lock_only_tells_that_nobody_forces_it() -> None:
    case = Case(DoorRule(has_contact=True, is_exit_wired=True)).presses()
    assert case.take() == [Noted(code=EventCode.EXIT_BUTTON)]
    case.opens().closes()
    assert case.told() == []


def test_a_button_that_is_stuck_or_whose_line_is_cut_opens_nothing() -> None:
    door = new_door(CONTACT)
    stuck = InputChange(portal=None, kind=InputKind.EXIT_BUTTON, is_active=True, at_mono_ms=0)
    _, actions = step(door, stuck, CONTACT, 0)
    assert actions == ()
    case = Case(CONTACT).feed(InputKind.EXIT_BUTTON, active=True, faulty=True)
    assert case.take() == [Noted(code=EventCode.INPUT_FAULTY, detail="exit_button")]
    case.feed(InputKind.EXIT_BUTTON, active=True)
    assert case.take() == [Noted(code=EventCode.INPUT_WELL, detail="exit_button")]
    case.feed(InputKind.EXIT_BUTTON, active=False).presses()
    assert Release(pulse_ms=5_000) in case.take()


# --- Orders and postures


def test_an_order_holds_the_door_open_until_another_secures_it() -> None:
    case = Case(CONTACT).order(Order.HOLD_OPEN).order(Order.HOLD_OPEN)
    assert case.take() == [Noted(code=EventCode.HOLD_BEGAN), KeepReleased()]
    case.grant().opens().wait(86_400_000)
    assert case.told() == [("entered", 1)]
    case.closes()
    assert case.state() is DoorState.UNLOCKED
    case.order(Order.SECURE).order(Order.SECURE)
    assert case.take() == [Noted(code=EventCode.HOLD_ENDED), SecureLock()]
    assert case.state() is DoorState.LOCKED


def test_an_order_opens_once_and_another_ends_the_pulse() -> None:
    case = Case(BOTH).order(Order.OPEN_ONCE)
    assert (case.take(), case.state()) == ([Release(pulse_ms=PULSE_MS)], DoorState.UNLOCKED)
    case.order(Order.SECURE)
    assert (case.take(), case.state()) == ([SecureLock()], DoorState.LOCKED)
    assert case.event(Ordered(order=Order.OPEN_ONCE)).take() == []


def test_an_opening_that_ends_a_hold_gives_the_leaf_its_whole_time() -> None:
    case = Case(CONTACT).order(Order.HOLD_OPEN).opens().wait(86_400_000).order(Order.SECURE)
    case.take()
    case.wait(CONTACT.held_after_ms - 1)
    assert case.take() == []
    assert case.wait(1).told() == [("held", None)]


def test_free_passage_unlocks_while_it_lasts() -> None:
    case = Case(CONTACT).posture(Posture.FREE).posture(Posture.FREE)
    assert case.take() == [
        Noted(code=EventCode.POSTURE_CHANGED, detail="normal to free"),
        KeepReleased(),
        Show(signal=Signal.IDLE),
    ]
    case.opens().closes().wait(86_400_000)
    assert (case.take(), case.state()) == ([], DoorState.UNLOCKED)
    case.posture(Posture.NORMAL)
    assert SecureLock() in case.take()
    assert case.state() is DoorState.LOCKED


def test_free_passage_does_not_end_an_order_nor_an_order_free_passage() -> None:
    case = Case(CONTACT).order(Order.HOLD_OPEN).posture(Posture.FREE).posture(Posture.NORMAL)
    assert case.state() is DoorState.UNLOCKED
    case.posture(Posture.FREE).order(Order.SECURE)
    assert case.state() is DoorState.UNLOCKED
    assert SecureLock() not in case.take()


@pytest.mark.parametrize("posture", [Posture.LOCKDOWN, Posture.CLOSED])
def test_whoever_shuts_a_portal_ends_what_kept_it_open(posture: Posture) -> None:
    case = Case(CONTACT).order(Order.HOLD_OPEN)
    case.take()
    case.posture(posture)
    assert SecureLock() in case.take()
    assert case.state() is DoorState.LOCKED
    case.posture(Posture.FREE).posture(posture)
    assert case.state() is DoorState.LOCKED


def test_lockdown_is_shown_until_it_is_over() -> None:
    case = Case(DESK).posture(Posture.LOCKDOWN)
    assert Show(signal=Signal.LOCKDOWN) in case.take()
    case.fire(on=True).fire(on=False)
    assert [a.signal for a in case.take() if isinstance(a, Show)] == [
        Signal.FIRE,
        Signal.LOCKDOWN,
    ]
    case.posture(Posture.NORMAL)
    assert Show(signal=Signal.IDLE) in case.take()


def test_leaving_is_possible_in_a_lockdown() -> None:
    case = Case(CONTACT).posture(Posture.LOCKDOWN).presses()
    assert Release(pulse_ms=5_000) in case.take()


# --- Fire


def test_fire_is_shown_and_recorded_and_the_lock_is_left_alone() -> None:
    case = Case(CONTACT).fire(on=True)
    assert case.take() == [Noted(code=EventCode.FIRE_ALARM), Show(signal=Signal.FIRE)]
    assert case.state() is DoorState.UNLOCKED
    case.grant().presses().order(Order.OPEN_ONCE).order(Order.HOLD_OPEN).order(Order.SECURE)
    case.posture(Posture.FREE).posture(Posture.NORMAL)
    case.opens().wait(86_400_000).closes()
    done = case.take()
    assert not [
        action for action in done if isinstance(action, Release | KeepReleased | SecureLock)
    ]
    assert {action.signal for action in done if isinstance(action, Show)} == {Signal.FIRE}
    case.fire(on=False)
    assert case.take() == [
        SecureLock(),
        Noted(code=EventCode.FIRE_OVER),
        Show(signal=Signal.IDLE),
    ]
    assert case.state() is DoorState.LOCKED


def test_a_pulse_that_runs_when_fire_breaks_out_does_not_secure_the_lock() -> None:
    case = Case(CONTACT).grant()
    case.take()
    case.fire(on=True)
    assert case.take()[0] == KeepReleased()
    case.wait(60_000)
    assert case.told() == [("no_entry", 1)]
    case.fire(on=False)
    assert case.take()[0] == SecureLock()


def test_after_a_fire_the_rule_counts_that_was_made_meanwhile() -> None:
    case = Case(CONTACT).fire(on=True).order(Order.HOLD_OPEN)
    case.take()
    case.fire(on=False)
    assert case.take()[0] == KeepReleased()
    assert case.state() is DoorState.UNLOCKED


def test_a_cut_line_neither_begins_nor_ends_a_fire() -> None:
    case = Case(CONTACT).feed(InputKind.FIRE, active=True, faulty=True)
    assert case.told() == [("input_faulty", None)]
    case.fire(on=True)
    assert case.told() == [("input_well", None), ("fire_alarm", None)]
    case.feed(InputKind.FIRE, active=False, faulty=True)
    assert (case.told(), case.door.is_fire) == ([("input_faulty", None)], True)


def test_a_forced_door_in_a_fire_is_an_open_door() -> None:
    case = Case(CONTACT).opens().fire(on=True)
    assert case.state() is DoorState.OPEN
    case.fire(on=False).wait(CONTACT.held_after_ms)
    assert case.state() is DoorState.HELD_OPEN


# --- Faults


def test_a_door_whose_contact_is_cut_goes_on_without_it() -> None:
    case = Case(CONTACT).grant()
    case.take()
    case.feed(InputKind.CONTACT, active=True, faulty=True)
    assert case.take() == [
        Noted(code=EventCode.INPUT_FAULTY, detail="contact"),
        Told(passage=Passage.ENTERED, about=1, seen=Seen.NOTHING),
    ]
    assert case.state() is DoorState.FAULT
    case.wait(PULSE_MS)
    assert case.take() == [SecureLock()]
    case.grant()
    assert case.told() == [("entered", 2)]
    case.closes()
    assert (case.told(), case.state()) == ([("input_well", None)], DoorState.UNLOCKED)


def test_a_sensor_that_is_lost_leaves_the_contact_to_count() -> None:
    case = Case(BOTH).grant().feed(InputKind.PASSAGE, active=True, faulty=True)
    assert case.told() == [("input_faulty", None), ("entered", 1)]
    assert case.state() is DoorState.UNLOCKED
    case.closes().grant()
    assert case.told() == []
    assert case.opens().told() == [("entered", 2)]


def test_a_contact_that_is_lost_leaves_the_sensor_to_count() -> None:
    case = Case(BOTH).feed(InputKind.CONTACT, active=True, faulty=True).grant()
    assert case.state() is DoorState.FAULT
    case.take()
    case.passes()
    assert (case.told(), case.state()) == ([("entered", 1)], DoorState.FAULT)


def test_a_door_that_is_found_open_is_neither_forced_nor_trusted() -> None:
    door, actions = step(
        new_door(CONTACT),
        InputChange(portal=None, kind=InputKind.CONTACT, is_active=True, at_mono_ms=0),
        CONTACT,
        0,
    )
    assert (door.state, actions) == (DoorState.OPEN, (Noted(code=EventCode.DOOR_FOUND_OPEN),))
    assert due_mono_ms(door, CONTACT) == CONTACT.held_after_ms


def test_a_housing_that_is_opened_is_told_once() -> None:
    case = Case(DESK)
    for active in (True, True, False, False):
        case.feed(InputKind.TAMPER, active=active)
    assert case.told() == [("tamper_opened", None), ("tamper_closed", None)]


# --- The table itself


def test_every_state_has_its_row_and_can_be_reached_and_left() -> None:
    assert set(TABLE) == set(DoorState)
    reached = {target for row in TABLE.values() for target in row.values()}
    assert reached == set(DoorState)
    assert {turn for row in TABLE.values() for turn in row} == set(Turn)


def test_states_follow_each_other_as_the_table_says() -> None:
    case = Case(CONTACT)
    states = [case.state()]
    acts: tuple[Callable[[], object], ...] = (
        case.grant,
        case.opens,
        lambda: case.wait(CONTACT.held_after_ms),
        case.closes,
        lambda: case.wait(10_000),
        case.opens,
        case.closes,
    )
    for act in acts:
        act()
        states.append(case.state())
    assert [state.value for state in states] == [
        "locked",
        "unlocked",
        "open",
        "held_open",
        "locked",
        "locked",
        "forced",
        "locked",
    ]
    for before, after in pairwise(states):
        assert before is after or after in TABLE[before].values()


def test_a_new_door_is_locked_or_not_yet_known() -> None:
    assert new_door(DESK) == Door(state=DoorState.LOCKED)
    assert new_door(TURNSTILE) == Door(state=DoorState.FAULT)
