"""`doorward-edge simulate` in a process whose clock can be sent ahead: minutes pass at a signal.

    python tests/fakes/hurried_gateway.py AHEAD_S simulate --config EDGE_TOML

Everything else is the gateway's own. SIGUSR1 sends its clocks ahead by `LEAP_S`, wall and
monotonic together, as if the time had passed. With the word `reboots` before `simulate`, the board
is the real one, which asks `systemctl` of the PATH.
"""

import importlib
import signal
import sys
from dataclasses import replace
from typing import Any

from doorward.times import Instant, MonoMs, UtcMs
from doorward_edge.__main__ import app
from doorward_edge.adapters.board_systemd import SystemdBoard
from doorward_edge.adapters.clock_system import SystemClock

LEAP_S = 1_000
"""More than a camera may be gone before its service or its board is started anew."""


class HurriedClock(SystemClock):
    """The machine's clocks, and how far they were sent ahead."""

    ahead_ms = 0

    def now(self) -> Instant:
        """Reads both."""
        now, ahead_ms = super().now(), HurriedClock.ahead_ms
        return replace(
            now, utc_ms=UtcMs(now.utc_ms + ahead_ms), mono_ms=MonoMs(now.mono_ms + ahead_ms)
        )


def leap(_number: int, _frame: Any) -> None:
    """Lets the time pass."""
    HurriedClock.ahead_ms += LEAP_S * 1000


if __name__ == "__main__":
    HurriedClock.ahead_ms = int(sys.argv[1]) * 1000
    words = sys.argv[2:]
    wiring: Any = importlib.import_module("doorward_edge.wiring")
    wiring.SystemClock = HurriedClock
    if words[0] == "reboots":
        wiring.NoBoard = SystemdBoard
        words = words[1:]
    signal.signal(signal.SIGUSR1, leap)
    app(words)
