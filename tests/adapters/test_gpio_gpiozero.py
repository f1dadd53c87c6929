"""Lock and lamps on gpiozero's mock pins, whose recorded histories are the proof."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from doorward_edge.adapters.gpio_gpiozero import GpioIndicator, GpioLock
from doorward_edge.perception import Lamp
from doorward_edge.ports import Signal

LOCK_PIN, GREEN_PIN, RED_PIN, BUZZER_PIN = 17, 22, 23, 18


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
    lock = GpioLock(LOCK_PIN, active_high=active_high, factory=factory)
    released = active_high
    found, *driven = _levels(factory, LOCK_PIN)
    assert driven == ([] if bool(found) is not released else [not released])
    lock.close()


def test_a_pulse_releases_and_locks_again(factory: MockFactory) -> None:
    lock = GpioLock(LOCK_PIN, active_high=True, factory=factory)
    lock.release(30)
    assert factory.pin(LOCK_PIN).state
    _wait_until(lambda: not factory.pin(LOCK_PIN).state)
    lock.close()


def test_a_second_pulse_is_not_cut_short_by_the_first(factory: MockFactory) -> None:
    lock = GpioLock(LOCK_PIN, active_high=True, factory=factory)
    lock.release(40)
    lock.release(60_000)
    threading.Event().wait(0.1)
    assert factory.pin(LOCK_PIN).state
    lock.close()
    assert not factory.pin(LOCK_PIN).state


def test_closing_in_the_middle_of_a_pulse_locks(factory: MockFactory) -> None:
    lock = GpioLock(LOCK_PIN, active_high=False, factory=factory)
    lock.release(60_000)
    assert not factory.pin(LOCK_PIN).state
    lock.close()
    *_, pulse, last_driven, _let_go = _levels(factory, LOCK_PIN)
    assert (bool(pulse), bool(last_driven)) == (False, True)


def test_a_newer_signal_cuts_the_older_short(factory: MockFactory) -> None:
    indicator = GpioIndicator(
        {Lamp.GREEN: GREEN_PIN, Lamp.RED: RED_PIN}, BUZZER_PIN, factory=factory
    )
    indicator.show(Signal.REFUSED, offline=False)
    _wait_until(lambda: bool(factory.pin(RED_PIN).state))
    indicator.show(Signal.GRANTED, offline=False)
    _wait_until(lambda: bool(factory.pin(GREEN_PIN).state))
    assert not factory.pin(RED_PIN).state
    assert factory.pin(BUZZER_PIN).state
    indicator.close()
    assert not factory.pin(GREEN_PIN).state
