"""Waits for what a machine does, where each look takes long: by the clock, not by looks."""

import time
from collections.abc import Callable

STEP_S = 0.1


def wait_until(condition: Callable[[], bool], *, timeout_s: float) -> bool:
    """Returns True once `condition()` holds, False when it does not after `timeout_s`."""
    until_mono_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until_mono_s:
            return False
        time.sleep(STEP_S)
    return True
