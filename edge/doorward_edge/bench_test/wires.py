"""Steps about wires: loops from outputs to inputs, switches moved by hand, lamps looked at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from doorward_edge.bench_test.lines import Loop, Output
from doorward_edge.bench_test.loops import Observed, judge
from doorward_edge.bench_test.person import Person
from doorward_edge.bench_test.results import Step, Verdict, failed, passed, skipped
from doorward_edge.boards import Level
from doorward_edge.config import InputLine
from doorward_edge.perception import Words
from doorward_edge.switches import Reading, reading_of

POLL_S = 0.01
SETTLE_POLLS = 50
"""A relay moves within 20 ms; half a second says that it does not."""
PULSE_S = 1.0
BEEP_CYCLES, BEEP_HALF_S = 200, 0.00125
"""Half a second of 400 Hz."""
HAND_POLLS = 3_000
"""Half a minute for somebody to walk to a door."""


class Probe(Protocol):
    """What drives and reads single pins."""

    def drive(self, pin: int, level: Level) -> None:
        """Puts an output at a level."""

    def rest(self, pin: int) -> None:
        """Puts an output back to where it rests."""

    def levels(self) -> Mapping[int, Level]:
        """Returns what every input reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireTest:
    """What the steps need.

    Attributes:
        pause: waits for some seconds.
        may_move_locks: somebody has typed that no door hangs on them.
    """

    probe: Probe
    person: Person
    pause: Callable[[float], None]
    may_move_locks: bool = False


def try_loops(test: WireTest, loops: Sequence[Loop]) -> Iterator[Step]:
    """Yields a step for each loop; faults are named with both terminals."""
    for loop in loops:
        name = f"loop {loop.name}"
        if loop.output.is_lock and not test.may_move_locks:
            yield _left_alone(name, loop.output)
            continue
        others = [other for other in loops if other is not loop]
        found = judge(loop, others, _observe(test, loop))
        if found is not None:
            yield Step(name=name, verdict=Verdict.FAILED, said=found.said)
            continue
        yield passed(
            name,
            f"{loop.input.shown} follows {loop.output.shown}, there and back",
            f"{loop.input.shown} 随 {loop.output.shown} 动作并恢复",
        )


def _observe(test: WireTest, loop: Loop) -> Observed:
    """Switches the output there and back; it is put back whatever happens."""
    pin, own = loop.output.pin, loop.input.pin.pin
    away = loop.output.rest.other
    before = test.probe.levels()
    try:
        test.probe.drive(pin, away)
        during = _settled(test, own, loop.reads(away))
    finally:
        test.probe.rest(pin)
    return Observed(before=before, during=during, after=_settled(test, own, before[own]))


def _settled(test: WireTest, pin: int, wanted: Level) -> Mapping[int, Level]:
    """Returns the levels once the pin reads what is wanted, or does not in time."""
    levels = test.probe.levels()
    for _ in range(SETTLE_POLLS):
        if levels[pin] is wanted:
            # Two wires that touch, or a contact that bounces, need a moment more to show.
            test.pause(POLL_S)
            return test.probe.levels()
        test.pause(POLL_S)
        levels = test.probe.levels()
    return levels


def try_outputs(test: WireTest, outputs: Sequence[Output]) -> Iterator[Step]:
    """Yields a step for each output that somebody must look at; a lock only when it may move."""
    for output in outputs:
        name = f"output {output.terminal}"
        if output.is_lock and not test.may_move_locks:
            yield _left_alone(name, output)
        elif not test.person.is_there:
            yield skipped(name, f"{output.shown}: nobody looked", f"{output.shown}：无人查看")
        else:
            yield _looked_at(test, name, output)


def _looked_at(test: WireTest, name: str, output: Output) -> Step:
    try:
        if output.is_buzzer:
            _beep(test, output)
            asked = Words(f"Did {output.shown} sound?", f"{output.shown} 是否发声？")
        elif output.is_lock:
            _pulse(test, output)
            asked = Words(
                f"Did {output.shown} release for a second and lock again?",
                f"{output.shown} 是否释放一秒后重新锁上？",
            )
        else:
            test.probe.drive(output.pin, output.rest.other)
            asked = Words(
                f"Is {output.shown} on now (lit, or its relay has clicked)?",
                f"{output.shown} 现在是否动作（灯亮或继电器吸合）？",
            )
        answer = test.person.asks(asked)
    finally:
        test.probe.rest(output.pin)
    if answer is None:
        return skipped(name, f"{output.shown}: not answered", f"{output.shown}：未回答")
    if not answer:
        return failed(
            name,
            f"{output.shown} does nothing: wire, supply of the lamp, or jumper",
            f"{output.shown} 无动作：检查接线、灯的电源或跳线帽",
        )
    return passed(name, f"{output.shown} works", f"{output.shown} 正常")


def _pulse(test: WireTest, output: Output) -> None:
    """A lock is not left released while somebody thinks about the answer."""
    test.probe.drive(output.pin, output.rest.other)
    test.pause(PULSE_S)
    test.probe.rest(output.pin)


def _beep(test: WireTest, output: Output) -> None:
    """A passive buzzer is silent at a steady level."""
    for _ in range(BEEP_CYCLES):
        for level in (output.rest.other, output.rest):
            test.probe.drive(output.pin, level)
            test.pause(BEEP_HALF_S)


def _left_alone(name: str, output: Output) -> Step:
    return skipped(
        name,
        f"{output.shown} is a lock, which moves with --move-lock alone",
        f"{output.shown} 是锁，仅在使用 --move-lock 时动作",
    )


def try_switches(test: WireTest, lines: Sequence[tuple[str, InputLine]]) -> Iterator[Step]:
    """Yields a step for each switch that somebody moves; a faulty supervised line needs nobody."""
    for where, line in lines:
        name = f"input {line.first.terminal}"
        what = f"{line.kind} of {where} ({line.first.terminal})"
        reading = _reading(test, line)
        if reading.is_faulty:
            yield _faulty(test, name, what, line)
        elif not test.person.is_there:
            state_en, state_zh = ("active", "动作") if reading.is_active else ("at rest", "静止")
            yield skipped(
                name,
                f"{what} is {state_en}; nobody moved it",
                f"{what} 处于{state_zh}状态；无人操作",
            )
        else:
            yield _moved(test, name, what, line)


def _faulty(test: WireTest, name: str, what: str, line: InputLine) -> Step:
    is_closed = test.probe.levels()[line.first.pin] is line.first.closed
    en, zh = ("shorted: both circuits are closed", "短路：两路均闭合") if is_closed else (
        "cut: neither circuit is closed", "断线：两路均断开"
    )  # fmt: skip
    return failed(name, f"the line of {what} is {en}", f"{what} 线路{zh}")


def _moved(test: WireTest, name: str, what: str, line: InputLine) -> Step:
    test.person.tells(
        Words(
            f"Move {what} now and put it back: open and shut, press and let go.",
            f"请操作 {what} 并恢复：打开再关上，按下再松开。",
        )
    )
    first = _reading(test, line)
    if not _waited(test, lambda: _reading(test, line).is_active != first.is_active):
        return failed(
            name,
            f"{what} did not move within 30 s: the wire is cut, or on another terminal",
            f"{what} 在 30 秒内无变化：断线或接到其他端子",
        )
    if not _waited(test, lambda: _reading(test, line) == first):
        return failed(name, f"{what} did not come back within 30 s", f"{what} 在 30 秒内未恢复")
    return passed(name, f"{what} moved and came back", f"{what} 已动作并恢复")


def _reading(test: WireTest, line: InputLine) -> Reading:
    levels = test.probe.levels()
    second = None if line.second is None else levels[line.second.pin]
    return reading_of(line, levels[line.first.pin], second)


def _waited(test: WireTest, is_so: Callable[[], bool]) -> bool:
    for _ in range(HAND_POLLS):
        if is_so():
            return True
        test.pause(POLL_S)
    return False
