"""Inputs on recorded pins: what is told, when, and to whom."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from doorward.ids import PortalId
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.adapters.gpio_gpiozero import (
    GpioInputs,
    RecordedPins,
    drive_pin,
    pin_levels,
    recorded_pins,
)
from doorward_edge.boards import Contact, Level, Pull
from doorward_edge.config import ClockSource, InputLine, InputPin
from doorward_edge.ports import InputChange, InputKind
from doorward_edge.switches import levels_of

NORTH = PortalId("north")
DEBOUNCE_MS = 20


def wired(kind: InputKind, contact: Contact, *pins: int, pull: Pull | None = Pull.UP) -> InputLine:
    first, *second = (
        InputPin(terminal=f"GPIO{number}", pin=number, closed=Level.LOW, pull=pull)
        for number in pins
    )
    return InputLine(
        kind=kind,
        first=first,
        second=second[0] if second else None,
        contact=contact,
        debounce_ms=DEBOUNCE_MS,
    )


CONTACT = wired(InputKind.CONTACT, Contact.NC, 5)
BUTTON = wired(InputKind.EXIT_BUTTON, Contact.NO, 13)
TAMPER = wired(InputKind.TAMPER, Contact.NC, 19, 20)
FIRE = wired(InputKind.FIRE, Contact.NC, 26, pull=None)
LINES = ((NORTH, CONTACT), (NORTH, BUTTON), (None, TAMPER), (None, FIRE))


class Bench:
    """Inputs at rest, and hands at the switches."""

    def __init__(self) -> None:
        outside = {
            pin: level
            for _, line in LINES
            for pin, level in levels_of(line, is_active=False).items()
        }
        self.pins: RecordedPins = recorded_pins(outside=outside)
        self.inputs = GpioInputs(LINES, clock=SystemClock(ClockSource.ASSUME), factory=self.pins)
        self.woken = threading.Event()

    def set(self, line: InputLine, *, is_active: bool) -> None:
        for pin, level in levels_of(line, is_active=is_active).items():
            drive_pin(self.pins, pin, level)

    def next(self, enough: Callable[[Sequence[InputChange]], bool]) -> list[InputChange]:
        got: list[InputChange] = []
        deadline = time.monotonic() + 5
        while not enough(got):
            assert time.monotonic() < deadline, got
            self.woken.wait(0.05)
            self.woken.clear()
            got.extend(self.inputs.changes())
        return got

    def one(self) -> InputChange:
        (change,) = self.next(lambda got: len(got) >= 1)
        return change


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.inputs.close()
    bench.pins.close()


def test_the_first_call_gives_the_state_of_every_input(bench: Bench) -> None:
    first = bench.inputs.changes()
    assert [(c.portal, c.kind, c.is_active, c.is_faulty) for c in first] == [
        (NORTH, InputKind.CONTACT, False, False),
        (NORTH, InputKind.EXIT_BUTTON, False, False),
        (None, InputKind.TAMPER, False, False),
        (None, InputKind.FIRE, False, False),
    ]
    assert bench.inputs.changes() == []


def test_who_listens_late_is_woken_for_what_waits(bench: Bench) -> None:
    bench.inputs.listen(bench.woken.set)
    assert bench.woken.is_set()


@pytest.mark.parametrize(("_", "line"), LINES)
def test_each_switch_is_told_when_it_moves_and_when_it_comes_back(
    bench: Bench, _: object, line: InputLine
) -> None:
    bench.inputs.changes()
    bench.inputs.listen(bench.woken.set)
    bench.set(line, is_active=True)
    change = bench.one()
    assert (change.kind, change.is_active, change.is_faulty) == (line.kind, True, False)
    bench.set(line, is_active=False)
    assert bench.one().is_active is False


def test_a_bouncing_contact_is_told_once(bench: Bench) -> None:
    bench.inputs.changes()
    bench.inputs.listen(bench.woken.set)
    for _ in range(20):
        bench.set(CONTACT, is_active=True)
        bench.set(CONTACT, is_active=False)
    bench.set(CONTACT, is_active=True)
    assert bench.one().is_active
    threading.Event().wait(3 * DEBOUNCE_MS / 1000)
    assert bench.inputs.changes() == []


def test_a_cut_line_is_a_fault_and_a_mended_one_is_none(bench: Bench) -> None:
    bench.inputs.changes()
    bench.inputs.listen(bench.woken.set)
    drive_pin(bench.pins, 19, Level.HIGH)  # neither throw is closed now
    change = bench.one()
    assert (change.is_active, change.is_faulty) == (True, True)
    bench.set(TAMPER, is_active=False)
    change = bench.one()
    assert (change.is_active, change.is_faulty) == (False, False)


def test_an_edge_that_nobody_told_is_found_by_looking(bench: Bench) -> None:
    bench.inputs.changes()
    pin = bench.pins.pin(5)
    pin.when_changed = None
    bench.set(CONTACT, is_active=True)
    assert bench.one().is_active


def test_after_closing_nobody_is_woken_and_the_pins_are_free(bench: Bench) -> None:
    bench.inputs.changes()
    bench.inputs.listen(bench.woken.set)
    bench.inputs.close()
    bench.set(CONTACT, is_active=True)
    threading.Event().wait(3 * DEBOUNCE_MS / 1000)
    assert not bench.woken.is_set()
    again = GpioInputs(LINES, clock=SystemClock(ClockSource.ASSUME), factory=bench.pins)
    assert again.changes()[0].is_active
    again.close()


def test_a_pin_that_is_taken_frees_those_that_were_claimed_before_it(bench: Bench) -> None:
    bench.inputs.close()
    clock = SystemClock(ClockSource.ASSUME)
    twice = ((NORTH, CONTACT), (NORTH, CONTACT))
    with pytest.raises(Exception, match="GPIO5"):
        GpioInputs(twice, clock=clock, factory=bench.pins)
    GpioInputs(LINES, clock=clock, factory=bench.pins).close()


def test_an_input_drives_nothing(bench: Bench) -> None:
    assert pin_levels(bench.pins)["GPIO5"] == 0.0
    bench.pins.pin(7).output_with_state(1)
    with pytest.raises(ValueError, match="GPIO7 is an output"):
        drive_pin(bench.pins, 7, Level.LOW)
