"""Wires under test: a right one passes, every fault that is planted is found and named."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from doorward_edge.adapters.gpio_gpiozero import drive_pin
from doorward_edge.adapters.gpio_gpiozero.probing import PinProbe
from doorward_edge.bench_test.lines import LoopError, inputs_of, outputs_of, parse_loops
from doorward_edge.bench_test.results import Step, Verdict
from doorward_edge.bench_test.wires import WireTest, try_loops, try_outputs, try_switches
from doorward_edge.boards import Contact, Level
from doorward_edge.config import EdgeConfig, parse_config
from doorward_edge.perception import Words
from tests.fakes.edge_toml import ENROLLED
from tests.fakes.loop_box import LoopBox, LoopWire

CONFIG = (
    ENROLLED
    + """\
[board]
profile = "waveshare-rpi-relay-board-b"
[[portal]]
id = "north"
panel_only = true
lock = { kind = "fail_secure", terminal = "ch1" }
lamps = { green = "ch3", red = "ch4" }
buzzer = 18
[portal.inputs]
contact = { terminal = 17, second_terminal = 22 }
exit_button = { terminal = 27 }
[inputs]
tamper = { terminal = 23 }
"""
)
LOCK, GREEN, RED, BUZZER = 5, 13, 16, 18
CONTACT, SECOND, BUTTON, TAMPER = 17, 22, 27, 23
ALL_SHUT = {CONTACT: Level.LOW, SECOND: Level.HIGH, BUTTON: Level.HIGH, TAMPER: Level.LOW}


class Somebody:
    """A person who answers as told, and moves what they are told to."""

    is_there = True

    def __init__(self, answers: list[bool | None], hand: Callable[[], None] = lambda: None) -> None:
        self.answers, self.heard, self.hand = answers, list[str](), hand

    def asks(self, words: Words) -> bool | None:
        self.heard.append(words.en)
        return self.answers.pop(0)

    def tells(self, words: Words) -> None:
        self.heard.append(words.en)
        self.hand()

    def types(self, words: Words, wanted: str) -> bool:
        self.heard.append(words.en)
        return bool(wanted)


class Absent(Somebody):
    is_there = False


@pytest.fixture
def config(tmp_path: Path) -> EdgeConfig:
    return parse_config(CONFIG, tmp_path / "edge.toml")


def relay(out: int, into: int, contact: Contact = Contact.NO, **faults: bool) -> LoopWire:
    return LoopWire(out=out, into=into, active=Level.LOW, contact=contact, **faults)


def box_of(config: EdgeConfig, *wires: LoopWire, **outside: Level) -> LoopBox:
    held = ALL_SHUT | {int(pin.removeprefix("pin")): level for pin, level in outside.items()}
    return LoopBox(wires, {**config.rest_levels, GREEN: Level.HIGH, RED: Level.HIGH}, held)


def wire_test(
    config: EdgeConfig, box: LoopBox, person: Somebody | None = None, *, moves: bool = False
) -> WireTest:
    outputs = {line.pin: line.rest for line in outputs_of(config) if moves or not line.is_lock}
    probe = PinProbe(outputs, (line.pin for line in inputs_of(config)), factory=box)
    return WireTest(
        probe=probe,
        person=person or Absent([]),
        pause=lambda _: None,
        may_move_locks=moves,
    )


def loops_of(config: EdgeConfig, box: LoopBox, *texts: str, moves: bool = False) -> list[Step]:
    return list(try_loops(wire_test(config, box, moves=moves), parse_loops(texts, config)))


GREEN_LOOP, RED_LOOP = relay(GREEN, BUTTON), relay(RED, TAMPER)
FAULTS = {
    "a cut wire": (
        (replace(GREEN_LOOP, is_cut=True), RED_LOOP),
        "portal.inputs.exit_button.terminal) did not move: the wire is cut",
        ("ch3=GPIO27",),
    ),
    "swapped wires": (
        (relay(GREEN, TAMPER), relay(RED, BUTTON)),
        "the wires of ch3=GPIO27 and ch4=GPIO23 are swapped",
        ("ch3=GPIO27", "ch4=GPIO23"),
    ),
    "a relay that welds": (
        (replace(GREEN_LOOP, is_stuck=True), RED_LOOP),
        "portal.inputs.exit_button.terminal) stayed as it was: its contact is stuck",
        ("ch3=GPIO27",),
    ),
    "the other throw": (
        (replace(GREEN_LOOP, contact=Contact.NC), RED_LOOP),
        "ch3=GPIO27 works the wrong way round: it is wired to the other throw than .no",
        ("ch3=GPIO27",),
    ),
    "wires that touch": (
        (GREEN_LOOP, relay(GREEN, TAMPER), RED_LOOP),
        "ch3 (portal.lamps.green) also moves GPIO23 (inputs.tamper.terminal): two wires touch",
        ("ch3=GPIO27",),
    ),
}


def test_loops_that_are_right_pass_and_leave_the_outputs_at_rest(config: EdgeConfig) -> None:
    box = box_of(config, GREEN_LOOP, RED_LOOP)
    steps = loops_of(config, box, "ch3=27", "ch4=GPIO23")
    assert [(step.name, step.verdict) for step in steps] == [
        ("loop ch3=GPIO27", Verdict.PASSED),
        ("loop ch4=GPIO23", Verdict.PASSED),
    ]
    assert box.levels[GREEN] == [Level.HIGH, Level.LOW, Level.HIGH]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_named(config: EdgeConfig, fault: str) -> None:
    wires, said, failing = FAULTS[fault]
    steps = loops_of(config, box_of(config, *wires), "ch3=27", "ch4=23")
    failed = [step for step in steps if step.verdict is Verdict.FAILED]
    assert {f"loop {name}" for name in failing} == {step.name for step in failed}
    assert said in failed[0].said.en
    assert failed[0].said.zh != failed[0].said.en


def test_a_shorted_input_is_found_before_its_relay_moves(config: EdgeConfig) -> None:
    box = box_of(config, pin27=Level.LOW)
    (step,) = loops_of(config, box, "ch3=27")
    assert "reads all the time what ch3" in step.said.en


def test_a_loop_over_the_other_throw_is_named_so(config: EdgeConfig) -> None:
    box = box_of(config, replace(GREEN_LOOP, contact=Contact.NC))
    (step,) = loops_of(config, box, "ch3.nc=27")
    assert step.verdict is Verdict.PASSED


def test_a_bare_pin_hands_its_level_on(config: EdgeConfig) -> None:
    box = box_of(config, LoopWire(out=BUZZER, into=BUTTON, contact=None))
    (step,) = loops_of(config, box, "18=27")
    assert step.verdict is Verdict.PASSED


def test_a_lock_is_not_touched_without_being_told_to(config: EdgeConfig) -> None:
    box = box_of(config, relay(LOCK, BUTTON))
    (step,) = loops_of(config, box, "ch1=27")
    assert step.verdict is Verdict.SKIPPED
    assert "--move-lock" in step.said.en
    assert LOCK not in box.levels, "its pin was claimed"


def test_a_lock_that_may_move_is_released_once_and_locked_again(config: EdgeConfig) -> None:
    box = box_of(config, relay(LOCK, BUTTON))
    (step,) = loops_of(config, box, "ch1=27", moves=True)
    assert step.verdict is Verdict.PASSED
    assert box.levels[LOCK] == [Level.HIGH, Level.LOW, Level.HIGH]


def test_an_output_is_put_back_when_reading_fails(config: EdgeConfig) -> None:
    box = box_of(config, GREEN_LOOP)
    test = wire_test(config, box)

    def broken(_: float) -> None:
        raise OSError("no more pins")

    with pytest.raises(OSError, match="no more pins"):
        list(try_loops(replace(test, pause=broken), parse_loops(["ch3=27"], config)))
    assert box.levels[GREEN][-1] is Level.HIGH


WRONG_LOOPS = {
    "ch9=27": "'ch9' is no output; outputs are ch1, ch3, ch4, GPIO18",
    "ch3=ch4": "'ch4' is no input; inputs are GPIO17, GPIO22, GPIO27, GPIO23",
    "ch3": "'' is no input",
    "ch3.com=27": ".com is no contact, must be .no or .nc",
    "18.nc=27": "GPIO18 is a bare pin and has no contact .nc",
}


@pytest.mark.parametrize("text", WRONG_LOOPS)
def test_a_loop_that_cannot_be_is_refused(config: EdgeConfig, text: str) -> None:
    with pytest.raises(LoopError) as told:
        parse_loops([text], config)
    assert WRONG_LOOPS[text] in str(told.value)
    assert f"--loop {text}" in str(told.value)


def test_a_terminal_is_in_one_loop_only(config: EdgeConfig) -> None:
    with pytest.raises(LoopError, match="ch3=GPIO27 has that terminal already"):
        parse_loops(["ch3=27", "ch4=27"], config)


def test_lamps_and_buzzer_are_what_somebody_sees_and_hears(config: EdgeConfig) -> None:
    box, person = box_of(config), Somebody([True, False, None])
    outputs = [line for line in outputs_of(config) if not line.is_lock]
    steps = list(try_outputs(wire_test(config, box, person), outputs))
    assert [step.verdict for step in steps] == [Verdict.PASSED, Verdict.FAILED, Verdict.SKIPPED]
    assert "ch4 (portal.lamps.red) does nothing" in steps[1].said.en
    assert "Did GPIO18 (portal.buzzer) sound?" in person.heard
    assert len(box.levels[BUZZER]) > 100, "a passive buzzer needs a tone"
    assert box.levels[BUZZER][-1] is Level.LOW


def test_a_lock_is_locked_again_before_anybody_is_asked(config: EdgeConfig) -> None:
    box = box_of(config)
    person = Somebody([True])
    test = wire_test(config, box, person, moves=True)
    released = []

    def asks(words: Words) -> bool | None:
        released.append(box.levels[LOCK][-1])
        return Somebody.asks(person, words)

    person.asks = asks  # type: ignore[method-assign]
    (step,) = try_outputs(test, [line for line in outputs_of(config) if line.is_lock])
    assert step.verdict is Verdict.PASSED
    assert released == [Level.HIGH]
    assert box.levels[LOCK] == [Level.HIGH, Level.LOW, Level.HIGH]


def test_what_nobody_looked_at_is_not_called_well(config: EdgeConfig) -> None:
    box = box_of(config)
    steps = list(try_outputs(wire_test(config, box), outputs_of(config)))
    assert {step.verdict for step in steps} == {Verdict.SKIPPED}
    assert set(box.levels) & {LOCK} == set()


def _switches(config: EdgeConfig, box: LoopBox, person: Somebody) -> Iterator[Step]:
    lines = [(at or "the gateway", line) for at, line in config.input_lines]
    return try_switches(wire_test(config, box, person), lines)


def test_a_switch_that_is_moved_and_comes_back_passes(config: EdgeConfig) -> None:
    box = box_of(config)
    moves = iter(
        [{CONTACT: Level.HIGH, SECOND: Level.LOW}, {BUTTON: Level.LOW}, {TAMPER: Level.HIGH}]
    )
    person = Somebody([])
    test = wire_test(config, box, person)
    turn: list[dict[int, Level]] = []

    def hand() -> None:
        turn[:] = [next(moves), dict(ALL_SHUT)]

    def pause(_: float) -> None:
        if turn:
            for pin, level in turn.pop(0).items():
                drive_pin(box, pin, level)

    person.hand = hand
    lines = [(at or "the gateway", line) for at, line in config.input_lines]
    steps = list(try_switches(replace(test, pause=pause), lines))
    assert [step.verdict for step in steps] == [Verdict.PASSED] * 3
    assert "Move contact of north (GPIO17) now" in person.heard[0]


def test_a_switch_that_does_not_move_is_named(config: EdgeConfig) -> None:
    steps = list(_switches(config, box_of(config), Somebody([])))
    assert [step.verdict for step in steps] == [Verdict.FAILED] * 3
    assert "exit_button of north (GPIO27) did not move within 30 s" in steps[1].said.en


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [(Level.HIGH, Level.HIGH, "cut: neither"), (Level.LOW, Level.LOW, "shorted: both")],
)
def test_a_supervised_line_shows_its_fault_without_anybody(
    config: EdgeConfig, first: Level, second: Level, said: str
) -> None:
    box = box_of(config, pin17=first, pin22=second)
    steps = list(_switches(config, box, Absent([])))
    assert steps[0].verdict is Verdict.FAILED
    assert f"the line of contact of north (GPIO17) is {said}" in steps[0].said.en
    assert [step.verdict for step in steps[1:]] == [Verdict.SKIPPED] * 2
