"""The power fails at each step of an update: either the old or the new release runs, always.

The updater is a real process on real folders; it is killed at the nth step that it tells, and what
comes after is a start of the system like any other.
"""

import signal
from pathlib import Path

import pytest

from doorward.software import UpdateOutcome, UpdateState
from doorward_edge.updating.folders import CONFIRMED, CURRENT
from tests.fakes.release_repository import Publisher
from tests.fakes.update_bench import Machine, in_a_process

MOST_STEPS = 60


def is_sound(machine: Machine) -> None:
    """Both links lead to releases that are whole."""
    programs = machine.programs
    assert programs.version_at(CONFIRMED) in {"0.1.0", "0.2.0"}
    for link in (CURRENT, CONFIRMED):
        version = programs.version_at(link)
        text = (programs.root / link / "bin" / "doorward-edge").read_text()
        assert text.split()[0] == version


def new_machine(quick: Path, publisher: Publisher, number: int) -> Machine:
    machine = Machine(root=quick / f"machine-{number}", repository=publisher.root).prepare()
    machine.order("0.2.0")
    return machine


def cut_off_at(machine: Machine, step: int) -> bool:
    """Runs the updater and kills it at a step; says whether it came so far."""
    machine.kill_at, machine.told = step, 0
    ended = in_a_process(lambda: machine.updater().run())
    machine.kill_at = 0
    assert ended in {0, -signal.SIGKILL}
    return ended == -signal.SIGKILL


def settle(machine: Machine) -> None:
    """Runs the updater as the timer does, until nothing is left to do."""
    for _ in range(5):
        assert in_a_process(lambda: machine.updater().run()) == 0
        if machine.record.state is UpdateState.IDLE:
            return
    pytest.fail(f"it is still {machine.record.state}")


@pytest.mark.parametrize(
    ("manner", "ends"),
    [("well", ("0.2.0", UpdateOutcome.CONFIRMED)), ("camera", ("0.1.0", UpdateOutcome.RETURNED))],
)
@pytest.mark.parametrize("is_power_cut", [False, True], ids=["killed", "power_cut"])
def test_cut_off_at_each_step_it_ends_as_without(
    manner: str,
    ends: tuple[str, UpdateOutcome],
    quick: Path,
    publisher: Publisher,
    *,
    is_power_cut: bool,
) -> None:
    publisher.release("0.2.0", content=manner.encode())
    for step in range(1, MOST_STEPS):
        machine = new_machine(quick, publisher, step)
        was_cut_off = cut_off_at(machine, step)
        if not was_cut_off:
            assert step > 20, "an update has more steps than that"
            return
        is_sound(machine)
        if is_power_cut:
            machine.power_cut()
            assert machine.runs in {"0.1.0", "0.2.0"}
        settle(machine)
        is_sound(machine)
        version, outcome = ends
        assert (machine.runs, machine.record.outcome) == (version, outcome), f"step {step}"
        assert machine.programs.version_at(CURRENT) == version
        assert not list(machine.programs.releases.glob("*.part"))
    pytest.fail("the update never ended")


def test_power_that_fails_again_and_again_only_takes_longer(
    quick: Path, publisher: Publisher
) -> None:
    """Each start gets one step further before the power fails, until the trial's third."""
    publisher.release("0.2.0", content=b"well")
    machine = new_machine(quick, publisher, 0)
    for step in (*range(1, 8), 8, 8, 8, 8):
        cut_off_at(machine, step)
        is_sound(machine)
        machine.power_cut()
        assert machine.runs in {"0.1.0", "0.2.0"}
    settle(machine)
    assert machine.runs == machine.record.confirmed


def test_a_release_with_which_the_system_does_not_stay_up_is_taken_back(
    quick: Path, publisher: Publisher
) -> None:
    publisher.release("0.2.0", content=b"well")
    machine = new_machine(quick, publisher, 0)
    step = 1
    while machine.programs.version_at(CURRENT) == "0.1.0":
        cut_off_at(machine, step)
        step += 1
    for _ in range(2):
        machine.power_cut()
        assert cut_off_at(machine, 2), "the system went down before the trial was over"
        assert machine.runs == "0.2.0"
    settle(machine)
    assert machine.record.outcome is UpdateOutcome.RETURNED
    assert machine.record.detail == "the system began 3 times with it, and it never proved well"
    assert machine.runs == "0.1.0"
