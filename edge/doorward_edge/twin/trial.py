"""Whether a new configuration has cost us the controller (pure; times are monotonic).

A configuration is on trial from the moment when it is in force.

1. Connected for `CONFIRM_AFTER_MS` on end: it is confirmed.
2. Without a connection for `TAKE_BACK_AFTER_MS` on end, where there was one before: it is taken
   back.
3. Where there never was a connection before, nothing is held against it; it waits for one.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from doorward.twin import TRIAL_S

CONFIRM_AFTER_MS = TRIAL_S * 1000
TAKE_BACK_AFTER_MS = TRIAL_S * 1000


class Verdict(StrEnum):
    """What is to become of the configuration on trial."""

    WAIT = "wait"
    CONFIRM = "confirm"
    TAKE_BACK = "take_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial.

    Attributes:
        was_reachable: the controller was reached before the configuration was in force.
        since_ms: since when the connection has been as it is, or since the trial began.
    """

    was_reachable: bool
    since_ms: int
    is_connected: bool = False

    def noted(self, *, is_connected: bool, now_ms: int) -> Self:
        """Returns the trial after a look at the connection."""
        if is_connected == self.is_connected:
            return self
        return replace(self, is_connected=is_connected, since_ms=now_ms)

    def verdict(self, now_ms: int) -> Verdict:
        """Returns what is to become of the configuration now."""
        lasted_ms = now_ms - self.since_ms
        if self.is_connected:
            return Verdict.CONFIRM if lasted_ms >= CONFIRM_AFTER_MS else Verdict.WAIT
        if self.was_reachable and lasted_ms >= TAKE_BACK_AFTER_MS:
            return Verdict.TAKE_BACK
        return Verdict.WAIT
