"""Locks, inputs, lamps and buzzer on GPIO pins, through gpiozero.

A lock output is claimed in its locked state in one step, and let go without being touched again, so
that nothing moves when a pin is claimed or freed. `initial_value=None` ("leave as found") is never
used here. What a pin does while no process holds it is a matter of the board: the configuration is
refused when a lock would be released then (`doorward_edge.config.claims`).
"""

from doorward_edge.adapters.gpio_gpiozero.indicator import GpioIndicator, GpioLamp
from doorward_edge.adapters.gpio_gpiozero.inputs import GpioInputs
from doorward_edge.adapters.gpio_gpiozero.locks import GpioLock, GpioTurnstile, NoLock, open_lock
from doorward_edge.adapters.gpio_gpiozero.pins import PinError, Pins, board_pins
from doorward_edge.adapters.gpio_gpiozero.recorded import (
    LAST_CHANGES,
    RecordedPins,
    drive_pin,
    pin_histories,
    pin_levels,
    recorded_pins,
)

__all__ = [
    "LAST_CHANGES",
    "GpioIndicator",
    "GpioInputs",
    "GpioLamp",
    "GpioLock",
    "GpioTurnstile",
    "NoLock",
    "PinError",
    "Pins",
    "RecordedPins",
    "board_pins",
    "drive_pin",
    "open_lock",
    "pin_histories",
    "pin_levels",
    "recorded_pins",
]
