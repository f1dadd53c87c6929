"""Lock and lamps on gpiozero's mock pins, whose recorded histories are the proof."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from doorward_edge.adapters.gpio_gpiozero import (
    LAST_CHANGES,
    GpioIndicator,
    GpioLock,
    pin_histories,
    recorded_pins,
)
from doorward_edge.boards import Level, LockKind
from doorward_edge.config import LockLine, OutputLine
from doorward_edge.perception import Lamp
from doorward_edge.ports import Signal

LOCK_PIN, GREEN_PIN, RED_PIN, BUZZER_PIN = 17, 22, 23, 18


def lock_line(released: Level = Level.HIGH) -> LockLine:
    return LockLine(
        kind=LockKind.FAIL_SECURE, terminal="lock", pin=LOCK_PIN, released=released, pulse_ms=None
    )


def lit_by(pin: int) -> OutputLine:
    return OutputLine(terminal=f"GPIO{pin}", pin=pin, active=Level.HIGH)


@pytest.fixture
def factory() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()


def _levels(factory: MockFactory, pin: int) -> list[object]:
    return [state.state for state in factory.pin(pin).states]


def _wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


@pytest.mark.parametrize("active_high", [True, False])
def test_claiming_the_pin_never_shows_the_released_level(
    factory: MockFactory, *, active_high: bool
) -> None:
    lock = GpioLock(lock_line(Level.HIGH if active_high else Level.LOW), factory=factory)
    released = active_high
    found, *driven = _levels(factory, LOCK_PIN)
    assert driven == ([] if bool(found) is not released else [not released])
    lock.close()


def test_a_pulse_releases_and_locks_again(factory: MockFactory) -> None:
    lock = GpioLock(lock_line(), factory=factory)
    lock.release(30)
    assert factory.pin(LOCK_PIN).state
    _wait_until(lambda: not factory.pin(LOCK_PIN).state)
    lock.close()


def test_a_second_pulse_is_not_cut_short_by_the_first(factory: MockFactory) -> None:
    lock = GpioLock(lock_line(), factory=factory)
    lock.release(40)
    lock.release(60_000)
    threading.Event().wait(0.1)
    assert factory.pin(LOCK_PIN).state
    lock.close()
    assert not factory.pin(LOCK_PIN).state


def test_closing_in_the_middle_of_a_pulse_locks(factory: MockFactory) -> None:
    lock = GpioLock(lock_line(Level.LOW), factory=factory)
    lock.release(60_000)
    assert not factory.pin(LOCK_PIN).state
    lock.close()
    *_, pulse, last_driven, _let_go = _levels(factory, LOCK_PIN)
    assert (bool(pulse), bool(last_driven)) == (False, True)


def test_a_lock_that_is_held_open_outlasts_pulses_until_it_is_secured(
    factory: MockFactory,
) -> None:
    lock = GpioLock(lock_line(), factory=factory)
    lock.release(20)
    lock.hold_open()
    lock.release(20)
    threading.Event().wait(0.1)
    assert _levels(factory, LOCK_PIN)[-1]
    lock.secure()
    assert not factory.pin(LOCK_PIN).state
    lock.release(60_000)
    lock.secure()
    assert not factory.pin(LOCK_PIN).state
    lock.close()


def test_a_newer_signal_cuts_the_older_short(factory: MockFactory) -> None:
    indicator = GpioIndicator(
        {Lamp.GREEN: lit_by(GREEN_PIN), Lamp.RED: lit_by(RED_PIN)},
        lit_by(BUZZER_PIN),
        factory=factory,
    )
    indicator.show(Signal.REFUSED, offline=False)
    _wait_until(lambda: bool(factory.pin(RED_PIN).state))
    indicator.show(Signal.GRANTED, offline=False)
    _wait_until(lambda: bool(factory.pin(GREEN_PIN).state))
    assert not factory.pin(RED_PIN).state
    assert factory.pin(BUZZER_PIN).state
    indicator.close()
    assert not factory.pin(GREEN_PIN).state


class Stubborn(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """A pin that refuses to be driven low while `refuses`, and counts how often it did."""

    refuses = 0

    def _set_state(self, value: float) -> None:
        if not value and Stubborn.refuses and self.state:
            Stubborn.refuses -= 1
            raise OSError(5, "Input/output error")
        super()._set_state(value)


def test_a_lock_pin_that_fails_is_driven_again_until_it_is_locked() -> None:
    factory = MockFactory(pin_class=Stubborn)
    lock = GpioLock(lock_line(), factory=factory)
    Stubborn.refuses = 2
    lock.release(10)
    _wait_until(lambda: not factory.pin(LOCK_PIN).state)
    assert Stubborn.refuses == 0
    lock.close()


def test_a_lock_that_cannot_be_locked_again_is_not_released(
    factory: MockFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = GpioLock(lock_line(), factory=factory)

    def no_thread(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(RuntimeError):
            lock.release(10)
    assert not factory.pin(LOCK_PIN).state
    lock.close()


def test_a_lamp_that_fails_does_not_silence_the_next_signal() -> None:
    factory = MockFactory(pin_class=Stubborn)
    indicator = GpioIndicator(
        {Lamp.GREEN: lit_by(GREEN_PIN), Lamp.RED: lit_by(RED_PIN)}, None, factory=factory
    )
    indicator.show(Signal.GRANTED, offline=False)
    _wait_until(lambda: bool(factory.pin(GREEN_PIN).state))
    Stubborn.refuses = 1
    indicator.show(Signal.REFUSED, offline=False)  # must put green out first, and cannot
    _wait_until(lambda: Stubborn.refuses == 0)
    indicator.show(Signal.REFUSED, offline=False)
    _wait_until(lambda: bool(factory.pin(RED_PIN).state))
    indicator.close()


def test_recorded_pins_remember_a_bounded_past() -> None:
    pins = recorded_pins()
    lock = GpioLock(lock_line(), factory=pins)
    for _ in range(LAST_CHANGES):
        lock._device.on()
        lock._device.off()
    assert len(pin_histories(pins)[f"GPIO{LOCK_PIN}"]) == LAST_CHANGES
    lock.close()
