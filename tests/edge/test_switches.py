"""Levels into meanings, and how long a meaning must stay before it is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.boards import Contact, Level, Pull
from doorward_edge.config import InputLine, InputPin
from doorward_edge.ports import InputKind
from doorward_edge.switches import (
    Debounce,
    Reading,
    Settled,
    faulty_levels,
    levels_of,
    reading_of,
    unreadable,
)

HIGH, LOW = Level.HIGH, Level.LOW


def line(
    kind: InputKind = InputKind.CONTACT,
    contact: Contact = Contact.NC,
    *,
    closed: Level = LOW,
    supervised: bool = False,
) -> InputLine:
    def pin(number: int) -> InputPin:
        return InputPin(terminal=f"GPIO{number}", pin=number, closed=closed, pull=Pull.UP)

    return InputLine(
        kind=kind,
        first=pin(5),
        second=pin(6) if supervised else None,
        contact=contact,
        debounce_ms=50,
    )


SINGLE = [
    # at rest, level of a closed circuit, level now, active
    (Contact.NO, LOW, LOW, True),
    (Contact.NO, LOW, HIGH, False),
    (Contact.NO, HIGH, LOW, False),
    (Contact.NO, HIGH, HIGH, True),
    (Contact.NC, LOW, LOW, False),
    (Contact.NC, LOW, HIGH, True),
    (Contact.NC, HIGH, LOW, True),
    (Contact.NC, HIGH, HIGH, False),
]


@pytest.mark.parametrize(("contact", "closed", "level", "is_active"), SINGLE)
def test_a_switch_is_active_when_it_is_away_from_its_rest(
    contact: Contact, closed: Level, level: Level, *, is_active: bool
) -> None:
    assert reading_of(line(contact=contact, closed=closed), level, None) == Reading(is_active)


SUPERVISED = [
    # first throw, second throw: a closed circuit reads low
    (LOW, HIGH, "rest"),
    (HIGH, LOW, "active"),
    (HIGH, HIGH, "cut"),
    (LOW, LOW, "shorted"),
]


@pytest.mark.parametrize(("first", "second", "state"), SUPERVISED)
@pytest.mark.parametrize("kind", InputKind)
def test_a_changeover_contact_tells_rest_and_alarm_from_cut_and_shorted(
    kind: InputKind, first: Level, second: Level, state: str
) -> None:
    reading = reading_of(line(kind, supervised=True), first, second)
    if state in {"cut", "shorted"}:
        assert reading == unreadable(line(kind))
        assert reading.is_faulty
    else:
        assert reading == Reading(state == "active")


COUNTS_AS = {
    InputKind.CONTACT: True,
    InputKind.TAMPER: True,
    InputKind.PASSAGE: False,
    InputKind.EXIT_BUTTON: False,
    InputKind.FIRE: False,
}


@pytest.mark.parametrize("kind", InputKind)
def test_a_faulty_line_never_opens_a_door_and_never_hides_that_somebody_is_at_it(
    kind: InputKind,
) -> None:
    assert unreadable(line(kind)) == Reading(COUNTS_AS[kind], is_faulty=True)


@pytest.mark.parametrize("contact", Contact)
@pytest.mark.parametrize("closed", Level)
@pytest.mark.parametrize("supervised", [False, True])
@pytest.mark.parametrize("is_active", [False, True])
def test_simulated_levels_are_read_as_they_were_meant(
    contact: Contact, closed: Level, *, supervised: bool, is_active: bool
) -> None:
    one = line(contact=contact, closed=closed, supervised=supervised)
    levels = levels_of(one, is_active=is_active)
    assert reading_of(one, levels[5], levels.get(6)) == Reading(is_active)


@pytest.mark.parametrize("fault", ["cut", "shorted"])
@pytest.mark.parametrize("closed", Level)
def test_a_simulated_fault_is_read_as_a_fault(fault: str, closed: Level) -> None:
    one = line(closed=closed, supervised=True)
    levels = faulty_levels(one, fault)
    assert reading_of(one, levels[5], levels[6]).is_faulty


def test_a_line_that_nobody_supervises_cannot_be_seen_to_fail() -> None:
    with pytest.raises(ValueError, match="no second_terminal"):
        faulty_levels(line(), "cut")
    with pytest.raises(ValueError, match="must be cut or shorted"):
        faulty_levels(line(supervised=True), "wet")


# --- Debounce -----------------------------------------------------------------------------------

OPEN, SHUT = Reading(is_active=True), Reading(is_active=False)


def test_the_first_reading_is_believed_at_once() -> None:
    debounce = Debounce(50)
    assert debounce.feed(SHUT, 1000) == Settled(SHUT, 1000)
    assert debounce.due_ms is None


def test_a_change_is_believed_once_it_stayed_and_is_dated_back_to_its_beginning() -> None:
    debounce = Debounce(50)
    debounce.feed(SHUT, 0)
    assert debounce.feed(OPEN, 1000, has_moved=True) is None
    assert debounce.due_ms == 1050
    assert debounce.feed(OPEN, 1049) is None
    assert debounce.feed(OPEN, 1050) == Settled(OPEN, 1000)
    assert debounce.due_ms is None


def test_bouncing_begins_the_wait_again_also_when_the_level_reads_the_same() -> None:
    debounce = Debounce(50)
    debounce.feed(SHUT, 0)
    debounce.feed(OPEN, 1000, has_moved=True)
    debounce.feed(OPEN, 1030, has_moved=True)
    assert debounce.feed(OPEN, 1060) is None
    assert debounce.feed(OPEN, 1080) == Settled(OPEN, 1030)


def test_a_twitch_is_nothing() -> None:
    debounce = Debounce(50)
    debounce.feed(SHUT, 0)
    debounce.feed(OPEN, 1000, has_moved=True)
    assert debounce.feed(SHUT, 1010, has_moved=True) is None
    assert debounce.due_ms is None


@given(
    steps=st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.booleans()), max_size=60),
    debounce_ms=st.integers(1, 100),
)
def test_every_believed_change_stayed_that_long_and_no_two_are_alike(
    steps: list[tuple[int, bool, bool]], debounce_ms: int
) -> None:
    debounce = Debounce(debounce_ms)
    now_ms, seen, believed = 0, [(0, False)], [False]
    debounce.feed(SHUT, 0)
    for wait_ms, is_active, has_moved in steps:
        now_ms += wait_ms
        seen.append((now_ms, is_active))
        settled = debounce.feed(Reading(is_active), now_ms, has_moved=has_moved)
        if settled is None:
            continue
        assert now_ms - settled.since_ms >= debounce_ms
        during = {state for at_ms, state in seen if settled.since_ms < at_ms <= now_ms}
        assert during <= {settled.reading.is_active}
        assert settled.reading.is_active is not believed[-1]
        believed.append(settled.reading.is_active)
