"""Waits for a condition, never for a fixed time."""

from collections.abc import Callable
from threading import Event

STEP_S = 0.02


def wait_until(
    condition: Callable[[], bool], *, timeout_s: float, stop: Event | None = None
) -> bool:
    """Returns True once `condition()` holds, False after `timeout_s` or when `stop` is set."""
    pause = stop or Event()
    for _ in range(max(1, round(timeout_s / STEP_S))):
        if condition():
            return True
        if pause.wait(STEP_S):
            return False
    return condition()
