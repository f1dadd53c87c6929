"""The pins of this board."""

from gpiozero import Factory, GPIOZeroError

Pins = Factory
"""Whatever drives pins: the board's, or recorded ones."""

PinError = GPIOZeroError
"""A pin that is taken, missing, or cannot do what is wanted of it."""


def board_pins() -> Factory:
    """Returns the pins of this board, through lgpio.

    Raises:
        ImportError: the Python module lgpio is missing (apt: python3-lgpio).
        OSError: there is no GPIO here.
    """
    # Only where there is GPIO: the module comes from apt.
    from doorward_edge.adapters.gpio_gpiozero.steady import SteadyFactory  # noqa: PLC0415

    try:
        return SteadyFactory()
    except Exception as err:  # lgpio's own error is no OSError
        raise OSError(f"no GPIO here: {err}") from err
