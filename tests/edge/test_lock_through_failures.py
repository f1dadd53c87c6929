"""What a lock's pin does while the main loop fails, seen in the pin's recorded history."""

from dataclasses import replace

import pytest

from doorward_edge.adapters.gpio_gpiozero import GpioLock, RecordedPins, recorded_pins
from doorward_edge.boards import Contact, Level, LockKind, released_level
from doorward_edge.config import LockLine
from doorward_edge.gateway import MOST_FAILURES, Gateway
from tests.edge.test_gateway import World, broken, pass_some_time

PIN = 17
KINDS = {
    "strike": (LockKind.FAIL_SECURE, Contact.NO),
    "magnet": (LockKind.FAIL_SAFE, Contact.NC),
}


class Door:
    """A gateway of scripted parts whose first hand is a real lock on a recorded pin."""

    def __init__(self, kind: LockKind, contact: Contact, active: Level) -> None:
        released = released_level(kind, contact, active)
        line = LockLine(kind=kind, terminal="t", pin=PIN, released=released, pulse_ms=None)
        self.pins: RecordedPins = recorded_pins({PIN: released.other})
        self.lock = GpioLock(line, factory=self.pins)
        # The factory forgets its pins when it is closed.
        self._pin = self.pins.pin(PIN)
        self.world = World()
        parts = replace(
            self.world.gateway._parts, hands=(self.lock.close,), closers=(self.pins.close,)
        )
        self.world.gateway = Gateway(parts, pause_s=0.001)
        self.locked, self.released = float(released is Level.LOW), float(released is Level.HIGH)

    def open(self) -> list[str]:
        self.lock.release(60_000)
        return []

    def levels(self) -> list[float]:
        return [float(change.state) for change in self._pin.states]

    def run(self) -> bool:
        return self.world.gateway.run(lambda: None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("active", Level)
def test_a_loop_that_fails_now_and_then_moves_nothing(kind: str, active: Level) -> None:
    door = Door(*KINDS[kind], active)
    door.world.looks = [broken, pass_some_time, broken, pass_some_time]
    assert door.run()
    assert door.levels() == [door.locked]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("active", Level)
def test_a_loop_that_fails_for_good_within_a_pulse_leaves_the_lock_locked(
    kind: str, active: Level
) -> None:
    door = Door(*KINDS[kind], active)
    door.world.looks = [door.open, *[broken] * MOST_FAILURES]
    assert not door.run()
    assert door.levels() == [door.locked, door.released, door.locked]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("active", Level)
def test_an_end_that_nobody_foresaw_locks_too(kind: str, active: Level) -> None:
    """What is no Exception passes through the loop's own net."""

    def interrupted() -> list[str]:
        raise KeyboardInterrupt

    door = Door(*KINDS[kind], active)
    door.world.looks = [door.open, interrupted]
    with pytest.raises(KeyboardInterrupt):
        door.run()
    assert door.levels() == [door.locked, door.released, door.locked]
