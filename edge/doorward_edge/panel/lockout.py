"""How long somebody who typed wrong PINs has to wait. Pure: the caller keeps it and tells the time.

A PIN is short, so guessing must be slow. An attempt is counted before it is checked, and taken off
again when the PIN was right: cutting the power during the check wins nothing. Two things are
counted, and both must be free: the staff number, so that one PIN is not tried through, and the
device, so that not every number is tried with one PIN.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

FREE_FAILURES = 3
"""Everybody mistypes."""
FIRST_DELAY_MS = 30_000
LONGEST_DELAY_MS = 15 * 60_000
"""A day allows about a hundred guesses of a PIN, which has at least 100,000,000 values; longer, and
who knows a guard's number could keep him out for a shift."""
DEVICE = "*"
"""Stands for the device: no staff number is written so."""
DEVICE_FREE_FAILURES = 20
DEVICE_QUIET_MS = 10 * 60_000
"""After so long without an attempt the device counts anew; mistypes of a year must not add up."""
LONGEST_DEVICE_DELAY_MS = 60_000
"""Short: it keeps everybody out, also those who must let people out of the rain."""
MOST_COUNTED = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Wrong attempts in a row.

    Attributes:
        count: how many.
        until_mono_ms: when the next attempt is allowed; 0 for at once.
        last_mono_ms: when the last one was.
    """

    count: int
    until_mono_ms: int
    last_mono_ms: int


class Lockouts:
    """What is counted, for staff numbers and for the device."""

    def __init__(self, kept: Mapping[str, int], now_mono_ms: int) -> None:
        """Begins with the counts that were kept; every delay begins anew, in full.

        A restart has no trustworthy measure of how long the power was away.
        """
        self._failures = {
            key: Failures(
                count=count,
                until_mono_ms=now_mono_ms + delay_ms(key, count),
                last_mono_ms=now_mono_ms,
            )
            for key, count in kept.items()
        }

    def wait_ms(self, member_id: str, now_mono_ms: int) -> int:
        """Returns for how long this number may not try; 0 when it may."""
        ends = (self._until(key) for key in (member_id, DEVICE))
        return max(0, *(end - now_mono_ms for end in ends))

    def begin(self, member_id: str, now_mono_ms: int) -> None:
        """Counts an attempt as wrong. Keep `counts` on the disk before the PIN is checked."""
        self._calm_down(now_mono_ms)
        for key in (member_id, DEVICE):
            count = self._count(key) + 1
            self._failures.pop(key, None)
            until = now_mono_ms + delay_ms(key, count)
            self._failures[key] = Failures(
                count=count, until_mono_ms=until, last_mono_ms=now_mono_ms
            )
        self._forget()

    def was_right(self, member_id: str) -> None:
        """Takes the attempts of this number off, and its last one off the device."""
        self._failures.pop(member_id, None)
        device = self._failures.get(DEVICE)
        if device is not None:
            self._failures[DEVICE] = replace(
                device, count=max(0, device.count - 1), until_mono_ms=0
            )

    def failures_of(self, member_id: str) -> int:
        """Returns how many wrong attempts in a row this number made."""
        return self._count(member_id)

    def counts(self) -> dict[str, int]:
        """Returns what must survive a restart."""
        return {key: failures.count for key, failures in self._failures.items() if failures.count}

    def _calm_down(self, now_mono_ms: int) -> None:
        device = self._failures.get(DEVICE)
        if device is not None and now_mono_ms - device.last_mono_ms > DEVICE_QUIET_MS:
            del self._failures[DEVICE]

    def _count(self, key: str) -> int:
        failures = self._failures.get(key)
        return failures.count if failures else 0

    def _until(self, key: str) -> int:
        failures = self._failures.get(key)
        return failures.until_mono_ms if failures else 0

    def _forget(self) -> None:
        """Invented numbers must not fill the memory: the oldest go, the device stays."""
        for key in [k for k in self._failures if k != DEVICE][: -(MOST_COUNTED - 1)]:
            del self._failures[key]


def delay_ms(key: str, failures: int) -> int:
    """Returns how long to wait after so many wrong attempts: doubling, up to a bound."""
    free, longest = (
        (DEVICE_FREE_FAILURES, LONGEST_DEVICE_DELAY_MS)
        if key == DEVICE
        else (FREE_FAILURES, LONGEST_DELAY_MS)
    )
    if failures <= free:
        return 0
    doubled = min(failures - free - 1, 16)
    return int(min(longest, FIRST_DELAY_MS << doubled))
