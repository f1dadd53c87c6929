"""The 40 pins of the header by their place, which is what an installer counts."""

from collections.abc import Mapping

# fmt: off
PLACE_OF_GPIO: Mapping[int, int] = {
    2: 3, 3: 5, 4: 7, 14: 8, 15: 10, 17: 11, 18: 12, 27: 13, 22: 15, 23: 16, 24: 18, 10: 19,
    9: 21, 25: 22, 11: 23, 8: 24, 7: 26, 0: 27, 1: 28, 5: 29, 6: 31, 12: 32, 13: 33, 19: 35,
    16: 36, 26: 37, 20: 38, 21: 40,
}
# fmt: on
"""From the number at the processor to the place on the header."""

GROUNDS = (6, 9, 14, 20, 25, 30, 34, 39)
FIVE_VOLTS = (2, 4)
THREE_VOLTS = (1, 17)


def gpio_name(gpio: int) -> str:
    """Returns how a pin is written in drawings: name and place."""
    return f"GPIO{gpio} (pin {PLACE_OF_GPIO[gpio]})"
