"""Pins that do not twitch: what gpiozero's lgpio pins lack for a lock.

gpiozero 2.0 claims every pin as an input without pull first, claims an output low before it sets
the level that was asked for (a released lock on an active-low board), and when it is closed turns
the pull off, so that the pin floats from then on. Here an output is claimed at its level in one
step, and a pin that is let go is only let go: it rests at the processor's pull, or, where the
kernel keeps outputs (`persist_gpio_outputs`), at the level that it was driven to last.
"""

import contextlib
from typing import Any

import lgpio
from gpiozero import PinInvalidFunction
from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin
from gpiozero.pins.local import LocalPiPin


class SteadyPin(LGPIOPin):  # type: ignore[misc]  # gpiozero has no types
    """A pin that is not touched before somebody says what it is for."""

    factory: Any
    _number: int
    _callback: Any

    def __init__(self, factory: Any, info: Any) -> None:  # noqa: ANN401  # gpiozero has no types
        """Notes the pin; unlike the class above it, claims nothing yet."""
        LocalPiPin.__init__(self, factory, info)
        self._pwm = None
        self._bounce = None
        self._callback = None
        self._edges = lgpio.BOTH_EDGES

    def output_with_state(self, state: float) -> None:
        """Claims the pin as an output that has this level from the first moment."""
        handle = self.factory._handle  # noqa: SLF001
        try:
            lgpio.gpio_claim_output(handle, self._number, int(bool(state)))
        except lgpio.error as err:  # another process has it, or the kernel
            raise PinInvalidFunction(f"GPIO{self._number}: {err}") from err

    def close(self) -> None:
        """Lets go of the pin and changes nothing about it."""
        handle = self.factory._handle  # noqa: SLF001
        if handle is None:
            return
        if self._callback is not None:
            self._callback.cancel()
            self._callback = None
        with contextlib.suppress(lgpio.error):  # it was never claimed, or is free already
            lgpio.gpio_free(handle, self._number)


class SteadyFactory(LGPIOFactory):  # type: ignore[misc]  # gpiozero has no types
    """lgpio's pins of the header, made steady."""

    def __init__(self, chip: int | None = None) -> None:
        """Opens the GPIO chip; without a number, that of the header."""
        super().__init__(chip)
        self.pin_class = SteadyPin
