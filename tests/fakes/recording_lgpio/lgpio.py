"""Stands in for the Python module lgpio, which needs a GPIO chip: notes every call.

Names, orders of arguments and flags were compared with lgpio 0.2.2.0.
"""

SET_PULL_UP, SET_PULL_DOWN, SET_PULL_NONE = 32, 64, 128
RISING_EDGE, FALLING_EDGE, BOTH_EDGES = 1, 2, 3
FLAG_OUTPUT = 2

calls: list[tuple[object, ...]] = []
busy: set[int] = set()
"""Pins that another process has."""
_outputs: dict[int, int] = {}
_claimed: set[int] = set()


class error(Exception):  # noqa: N801, N818  # the real module's name
    """What the real module raises."""


def gpiochip_open(chip: int) -> int:
    calls.append(("open", chip))
    return 7


def gpiochip_close(handle: int) -> int:
    calls.append(("close", handle))
    return 0


def gpio_claim_input(_handle: int, gpio: int, flags: int = 0) -> int:
    calls.append(("claim_input", gpio, flags))
    _outputs.pop(gpio, None)
    _claimed.add(gpio)
    return 0


def gpio_claim_output(_handle: int, gpio: int, level: int = 0, flags: int = 0) -> int:
    if gpio in busy:
        raise error("GPIO busy")
    calls.append(("claim_output", gpio, level, flags))
    _outputs[gpio] = level
    _claimed.add(gpio)
    return 0


def gpio_write(_handle: int, gpio: int, level: int) -> int:
    calls.append(("write", gpio, int(level)))
    _outputs[gpio] = int(level)
    return 0


def gpio_read(_handle: int, gpio: int) -> int:
    return _outputs.get(gpio, 1)


def gpio_get_mode(_handle: int, gpio: int) -> int:
    return FLAG_OUTPUT if gpio in _outputs else 0


def gpio_free(_handle: int, gpio: int) -> int:
    if gpio not in _claimed:
        raise error("GPIO not allocated")
    _claimed.discard(gpio)
    calls.append(("free", gpio))
    return 0


def gpio_claim_alert(_handle: int, gpio: int, edges: int, flags: int = 0) -> int:
    calls.append(("claim_alert", gpio, edges, flags))
    return 0


def gpio_set_debounce_micros(_handle: int, gpio: int, micros: int) -> int:
    calls.append(("debounce", gpio, micros))
    return 0


class callback:  # noqa: N801  # the real module's name
    """A registered callback."""

    def __init__(self, _handle: int, gpio: int, _edges: int, _func: object) -> None:
        self._gpio = gpio
        calls.append(("callback", gpio))

    def cancel(self) -> None:
        calls.append(("cancel", self._gpio))
