"""Locks and inputs on the kernel's simulated GPIO chip (`gpio-sim`), through the real lgpio.

Nothing here runs where there is no such chip; each test then says what is missing. To have one:

    sudo modprobe gpio-sim
    cd /sys/kernel/config/gpio-sim && sudo mkdir -p doorward/bank/line
    echo 28 | sudo tee doorward/bank/num_lines && echo 1 | sudo tee doorward/live
    pip install lgpio

`/sys/devices/platform/gpio-sim.*/gpiochip*/sim_gpioN` then shows a line's level (`value`) and holds
an input at one (`pull`); whoever runs the tests must be able to write there and to open the chip.
"""

import importlib
import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from doorward.ids import PortalId
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.adapters.gpio_gpiozero import GpioInputs, GpioLock
from doorward_edge.boards import Contact, Level, LockKind, Pull
from doorward_edge.config import ClockSource, InputLine, InputPin, LockLine
from doorward_edge.ports import InputKind

PIN, BUTTON = 17, 13
_LINES = "devices/platform/gpio-sim.*/gpiochip*/sim_gpio17"


def lines_of_a_simulated_chip(root: Path = Path("/sys")) -> tuple[int, Path] | str:
    """Returns chip number and folder of its lines, or why there are none."""
    if importlib.util.find_spec("lgpio") is None:
        return "the Python module lgpio is missing"
    for line in sorted(root.glob(_LINES)):
        chip = line.parent.name.removeprefix("gpiochip")
        if not os.access(f"/dev/gpiochip{chip}", os.R_OK | os.W_OK):
            return f"/dev/gpiochip{chip} cannot be opened by this user"
        if not os.access(line / "pull", os.W_OK):
            return f"{line}/pull cannot be written by this user"
        return int(chip), line.parent
    return "the kernel offers no simulated GPIO chip of 18 lines or more (gpio-sim)"


CHIP = lines_of_a_simulated_chip()
on_a_simulated_chip = pytest.mark.skipif(
    isinstance(CHIP, str), reason=CHIP if isinstance(CHIP, str) else ""
)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_machine_without_such_a_chip_says_what_is_missing(tmp_path: Path) -> None:
    found = lines_of_a_simulated_chip(tmp_path)
    assert isinstance(found, str)
    assert found.endswith(("is missing", "(gpio-sim)"))


@pytest.fixture
def pins() -> Iterator[Any]:
    """The product's own factory on the simulated chip, taken for the header of a Raspberry Pi 4."""
    assert not isinstance(CHIP, str)
    # Needs lgpio, as the real thing.
    steady = importlib.import_module("doorward_edge.adapters.gpio_gpiozero.steady")

    class Pi(steady.SteadyFactory):  # type: ignore[misc,name-defined]
        def _get_revision(self) -> int:
            return 0xC03114

    factory = Pi(CHIP[0])
    yield factory
    factory.close()


def level(pin: int = PIN) -> str:
    assert not isinstance(CHIP, str)
    return (CHIP[1] / f"sim_gpio{pin}" / "value").read_text().strip()


def hold(pin: int, up: str) -> None:
    assert not isinstance(CHIP, str)
    (CHIP[1] / f"sim_gpio{pin}" / "pull").write_text(f"pull-{up}")


@on_a_simulated_chip
@pytest.mark.parametrize(("released", "locked"), [(Level.HIGH, "0"), (Level.LOW, "1")])
def test_a_lock_is_locked_from_its_claim_and_moves_only_when_it_is_released(
    pins: Any, released: Level, locked: str
) -> None:
    hold(PIN, "down" if released is Level.HIGH else "up")
    line = LockLine(
        kind=LockKind.FAIL_SECURE, terminal="t", pin=PIN, released=released, pulse_ms=None
    )
    for _ in range(2):
        assert level() == locked, "before anybody claims it, and after it was let go"
        lock = GpioLock(line, factory=pins)
        assert level() == locked
        lock.release(60_000)
        assert level() != locked
        lock.secure()
        assert level() == locked
        lock.release(200)
        wait_until(lambda: level() == locked)
        lock.release(60_000)
        lock.close()
    assert level() == locked


@on_a_simulated_chip
def test_a_button_is_seen_when_it_closes_and_when_it_opens(pins: Any) -> None:
    hold(BUTTON, "up")
    first = InputPin(terminal="t", pin=BUTTON, closed=Level.LOW, pull=Pull.UP)
    button = InputLine(
        kind=InputKind.EXIT_BUTTON, first=first, second=None, contact=Contact.NO, debounce_ms=20
    )
    clock = SystemClock(ClockSource.ASSUME)
    inputs = GpioInputs([(PortalId("north"), button)], clock=clock, factory=pins)
    seen = [change.is_active for change in inputs.changes()]

    def look(states: list[bool]) -> bool:
        seen.extend(change.is_active for change in inputs.changes())
        return seen == states

    assert seen == [False]
    hold(BUTTON, "down")
    wait_until(lambda: look([False, True]))
    hold(BUTTON, "up")
    wait_until(lambda: look([False, True, False]))
    inputs.close()
