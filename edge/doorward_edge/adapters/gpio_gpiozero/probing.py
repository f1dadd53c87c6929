"""Single pins for the bench test: driven and read one by one, left at rest at the end."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack

from gpiozero import DigitalInputDevice, DigitalOutputDevice, Factory

from doorward_edge.boards import Level, Pull
from doorward_edge.config import InputPin


class PinProbe:
    """Claims outputs at rest and inputs with their pulls; nothing moves until `drive`."""

    def __init__(
        self, outputs: Mapping[int, Level], inputs: Iterable[InputPin], *, factory: Factory
    ) -> None:
        """Claims all pins.

        Args:
            outputs: the level at which each rests.
            inputs: what is read.
            factory: the pins of the board, or recorded ones.

        Raises:
            PinError: a pin is taken or missing; then none is held.
        """
        self._rests = dict(outputs)
        with ExitStack() as undo:
            self._outputs = {
                pin: undo.enter_context(
                    DigitalOutputDevice(pin, initial_value=rest is Level.HIGH, pin_factory=factory)
                )
                for pin, rest in self._rests.items()
            }
            self._inputs = {
                line.pin: undo.enter_context(
                    DigitalInputDevice(
                        line.pin,
                        pull_up=None if line.pull is None else line.pull is Pull.UP,
                        active_state=line.closed is Level.HIGH if line.pull is None else None,
                        pin_factory=factory,
                    )
                )
                for line in inputs
            }
            self._undo = undo.pop_all()

    def drive(self, pin: int, level: Level) -> None:
        """Puts an output at a level."""
        self._outputs[pin].value = level is Level.HIGH

    def rest(self, pin: int) -> None:
        """Puts an output back to where it rests."""
        self.drive(pin, self._rests[pin])

    def levels(self) -> Mapping[int, Level]:
        """Returns what every input reads now."""
        return {
            pin: Level.HIGH if device.pin.state else Level.LOW
            for pin, device in self._inputs.items()
        }

    def close(self) -> None:
        """Puts every output to rest and lets go of all pins."""
        try:
            for pin in self._outputs:
                self.rest(pin)
        finally:
            self._undo.close()
