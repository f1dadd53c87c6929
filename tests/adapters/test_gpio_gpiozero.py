"""Locks and lamps on recorded pins, whose histories are the proof."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.adapters.gpio_gpiozero import (
    LAST_CHANGES,
    GpioIndicator,
    GpioLamp,
    GpioLock,
    GpioTurnstile,
    RecordedPins,
    open_lock,
    pin_histories,
    pin_levels,
    recorded_pins,
)
from doorward_edge.adapters.gpio_gpiozero.locks import MOST_OWED
from doorward_edge.boards import Contact, Level, LockKind, released_level
from doorward_edge.config import LockLine, OutputLine
from doorward_edge.perception import Lamp
from doorward_edge.ports import LockOwesError, Signal

LOCK_PIN, GREEN_PIN, RED_PIN, BUZZER_PIN = 17, 22, 23, 18


def lock_line(released: Level = Level.HIGH) -> LockLine:
    return LockLine(
        kind=LockKind.FAIL_SECURE, terminal="lock", pin=LOCK_PIN, released=released, pulse_ms=None
    )


def lit_by(pin: int) -> OutputLine:
    return OutputLine(terminal=f"GPIO{pin}", pin=pin, active=Level.HIGH)


@pytest.fixture
def factory() -> Iterator[RecordedPins]:
    """Pins at which a lock that is released by a high level is locked while nobody drives it."""
    factory = recorded_pins({LOCK_PIN: Level.LOW})
    yield factory
    factory.reset()


def _levels(factory: MockFactory, pin: int) -> list[object]:
    return [level for _, level in pin_histories(factory)[f"GPIO{pin}"]]


def _wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


# --- No lock moves unless it is told to ---------------------------------------------------------


WIRINGS = [(kind, contact, active) for kind in LockKind for contact in Contact for active in Level]


def pins_at_rest(line: LockLine) -> RecordedPins:
    """A board on which this lock is allowed: it is locked while nobody drives the pin."""
    return recorded_pins({line.pin: line.released.other})


def wired(kind: LockKind, contact: Contact, active: Level) -> LockLine:
    return LockLine(
        kind=kind,
        terminal="lock",
        pin=LOCK_PIN,
        released=released_level(kind, contact, active),
        pulse_ms=None,
    )


@pytest.mark.parametrize(("kind", "contact", "active"), WIRINGS)
def test_claiming_closing_and_claiming_again_never_releases_any_lock(
    kind: LockKind, contact: Contact, active: Level
) -> None:
    line = wired(kind, contact, active)
    pins = pins_at_rest(line)
    for _ in range(3):
        lock = open_lock(line, factory=pins)
        lock.secure()
        lock.close()
    assert _levels(pins, LOCK_PIN) == [float(line.released is Level.LOW)]


@pytest.mark.parametrize(("kind", "contact", "active"), WIRINGS)
def test_a_release_and_its_end_are_the_only_moves_of_any_lock(
    kind: LockKind, contact: Contact, active: Level
) -> None:
    line = wired(kind, contact, active)
    pins = pins_at_rest(line)
    lock = open_lock(line, factory=pins)
    lock.release(10)
    locked, released = float(line.released is Level.LOW), float(line.released is Level.HIGH)
    _wait_until(lambda: _levels(pins, LOCK_PIN) == [locked, released, locked])
    lock.close()
    assert _levels(pins, LOCK_PIN) == [locked, released, locked]


def test_a_pin_that_was_left_released_is_locked_in_the_first_step() -> None:
    """A kernel that keeps outputs leaves a killed gateway's lock as it was: the next one locks."""
    line = wired(LockKind.FAIL_SAFE, Contact.NC, Level.HIGH)
    pins = recorded_pins({LOCK_PIN: line.released})
    lock = open_lock(line, factory=pins)
    assert _levels(pins, LOCK_PIN) == [1.0, 0.0]
    lock.secure()
    assert _levels(pins, LOCK_PIN) == [1.0, 0.0]


def test_a_careless_claim_would_be_seen() -> None:
    """The recorded pins show what gpiozero's own claim does to an active-low lock."""
    pins = recorded_pins({LOCK_PIN: Level.HIGH})
    pin = pins.pin(LOCK_PIN)
    pin.function = "output"
    pin.state = 1
    assert _levels(pins, LOCK_PIN) == [1.0, 0.0, 1.0]


def test_a_claim_that_fails_moves_nothing(factory: RecordedPins) -> None:
    lock = GpioLock(lock_line(), factory=factory)
    with pytest.raises(Exception, match="GPIO17"):
        GpioLock(lock_line(), factory=factory)
    assert _levels(factory, LOCK_PIN) == [0.0]
    lock.close()


@given(acts=st.lists(st.sampled_from(["release", "hold_open", "secure"]), max_size=8))
def test_whatever_was_done_a_closed_lock_is_locked_and_stays_so(acts: list[str]) -> None:
    line = wired(LockKind.FAIL_SAFE, Contact.NC, Level.HIGH)
    pins = pins_at_rest(line)
    lock = open_lock(line, factory=pins)
    for act in acts:
        lock.release(60_000) if act == "release" else getattr(lock, act)()
        is_open = act in {"hold_open", "release"}
        assert pin_levels(pins)["GPIO17"] == float(is_open)
    lock.close()
    before = _levels(pins, LOCK_PIN)
    open_lock(line, factory=pins).close()
    assert _levels(pins, LOCK_PIN) == before
    assert pin_levels(pins)["GPIO17"] == 0.0


# --- Pulses -------------------------------------------------------------------------------------


def test_a_pulse_length_of_the_configuration_replaces_that_of_the_policy(
    factory: RecordedPins,
) -> None:
    lock = GpioLock(replace(lock_line(), pulse_ms=60_000), factory=factory)
    lock.release(10)
    threading.Event().wait(0.1)
    assert pin_levels(factory)["GPIO17"] == 1.0
    lock.close()


def test_a_turnstile_gives_each_person_a_pulse_of_their_own(factory: RecordedPins) -> None:
    lock = GpioTurnstile(replace(lock_line(), kind=LockKind.TURNSTILE), factory=factory)
    lock.release(20)
    lock.release(20)
    _wait_until(lambda: _levels(factory, LOCK_PIN) == [0.0, 1.0, 0.0, 1.0, 0.0])
    lock.release(20)
    _wait_until(lambda: _levels(factory, LOCK_PIN)[5:] == [1.0, 0.0])
    lock.close()


def test_a_turnstile_owes_so_many_passages_and_not_more(factory: RecordedPins) -> None:
    lock = GpioTurnstile(replace(lock_line(), kind=LockKind.TURNSTILE), factory=factory)
    lock.release(60_000)
    for _ in range(MOST_OWED):
        lock.release(20)
    with pytest.raises(LockOwesError, match=f"owes {MOST_OWED} passages"):
        lock.release(20)
    lock.secure()
    lock.release(20)
    _wait_until(lambda: _levels(factory, LOCK_PIN) == [0.0, 1.0, 0.0, 1.0, 0.0])
    lock.close()


def test_a_secured_turnstile_forgets_who_was_still_to_come(factory: RecordedPins) -> None:
    lock = GpioTurnstile(replace(lock_line(), kind=LockKind.TURNSTILE), factory=factory)
    lock.release(60_000)
    lock.release(20)
    lock.secure()
    threading.Event().wait(0.5)
    assert _levels(factory, LOCK_PIN) == [0.0, 1.0, 0.0]
    lock.release(20)
    _wait_until(lambda: _levels(factory, LOCK_PIN)[3:] == [1.0, 0.0])
    threading.Event().wait(0.5)  # nobody else's pulse follows
    assert _levels(factory, LOCK_PIN)[3:] == [1.0, 0.0]
    lock.close()


def test_a_pulse_releases_and_locks_again(factory: RecordedPins) -> None:
    lock = GpioLock(lock_line(), factory=factory)
    lock.release(30)
    assert factory.pin(LOCK_PIN).state
    _wait_until(lambda: not factory.pin(LOCK_PIN).state)
    lock.close()


def test_a_second_pulse_is_not_cut_short_by_the_first(factory: RecordedPins) -> None:
    lock = GpioLock(lock_line(), factory=factory)
    lock.release(40)
    lock.release(60_000)
    threading.Event().wait(0.1)
    assert factory.pin(LOCK_PIN).state
    lock.close()
    assert not factory.pin(LOCK_PIN).state


def test_closing_in_the_middle_of_a_pulse_locks() -> None:
    line = lock_line(Level.LOW)
    pins = pins_at_rest(line)
    lock = GpioLock(line, factory=pins)
    lock.release(60_000)
    lock.close()
    assert _levels(pins, LOCK_PIN) == [1.0, 0.0, 1.0]


def test_a_lock_that_is_held_open_outlasts_pulses_until_it_is_secured(
    factory: RecordedPins,
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


@pytest.mark.parametrize("active", Level)
def test_a_cameras_light_is_lit_until_it_is_closed(active: Level) -> None:
    pins = recorded_pins({GREEN_PIN: active.other})
    line = OutputLine(terminal="light", pin=GREEN_PIN, active=active)
    lamp = GpioLamp(line, factory=pins)
    lamp.close()
    out, lit = float(active is Level.LOW), float(active is Level.HIGH)
    assert _levels(pins, GREEN_PIN) == [out, lit, out]


@pytest.mark.parametrize("active", Level)
def test_a_light_for_the_dark_is_out_at_first_and_switched_until_it_is_closed(
    active: Level,
) -> None:
    pins = recorded_pins({GREEN_PIN: active.other})
    line = OutputLine(terminal="light", pin=GREEN_PIN, active=active)
    lamp = GpioLamp(line, factory=pins, is_lit=False)
    for is_lit in (True, False, True):
        lamp.set(is_lit=is_lit)
    lamp.close()
    lamp.set(is_lit=True)
    out, lit = float(active is Level.LOW), float(active is Level.HIGH)
    assert _levels(pins, GREEN_PIN) == [out, lit, out, lit, out]


def test_a_newer_signal_cuts_the_older_short(factory: RecordedPins) -> None:
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
        lock.hold_open()
        lock.secure()
    assert len(pin_histories(pins)[f"GPIO{LOCK_PIN}"]) == LAST_CHANGES
    lock.close()


def test_the_history_file_outlives_the_pins_and_begins_anew_with_a_process(tmp_path: Path) -> None:
    path = tmp_path / "pins.jsonl"
    for _ in range(2):
        pins = recorded_pins({LOCK_PIN: Level.LOW}, history=path)
        lock = GpioLock(lock_line(), factory=pins)
        lock.hold_open()
        lock.close()
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    life = [("process", os.getpid()), ("level", 0.0), ("level", 1.0), ("level", 0.0)]
    said = [(k, e[k]) for e in entries for k in ("process", "level") if k in e]
    assert said == life * 2
