"""Meters of a device's life: what they stood at when this process began, and what came since.

They are kept at most once a minute and at the end; a power cut costs a minute at most. A meter
never goes back: what cannot be kept is tried again a minute later, and goes on counting meanwhile.
A card may take seconds for a write, so that `turn` belongs to a thread for which nobody at a gate
waits.
"""

import logging
import threading
from collections.abc import Callable, Mapping

from doorward.times import Instant
from doorward_edge.ports import DocumentsError, Lock, Tallies

log = logging.getLogger(__name__)

KEEP_EVERY_MS = 60_000
END_S = 1.0
"""At the end a write that is under way is waited for so long; a disk that hangs is left."""

Source = Callable[[], int]
"""What came since this process began; never sinks."""


class Meters:
    """All meters. `turn` is called by one thread, `keep` by any, and `now` may be read by all."""

    def __init__(
        self,
        tallies: Tallies,
        sources: Mapping[str, Source],
        began: Instant,
        *,
        end_s: float = END_S,
    ) -> None:
        """Goes on from what was kept.

        Args:
            tallies: where the meters are kept.
            sources: by the meter's name; names are never changed, they are in the kept file.
            began: when this process did.
            end_s: so long `keep` waits for a write that is under way.
        """
        self._writing = threading.Lock()
        self._end_s = end_s
        self._tallies = tallies
        self._sources = dict(sources)
        self._began_ms = began.mono_ms
        self._base = dict(tallies.meters())
        self._kept = dict(self._base)
        self._due_ms = began.mono_ms + KEEP_EVERY_MS

    def now(self, now: Instant) -> dict[str, int]:
        """Returns every meter; those that have no source any more stand still."""
        values = dict(self._base)
        running = {"seconds": lambda: (now.mono_ms - self._began_ms) // 1000, **self._sources}
        for name, source in running.items():
            values[name] = self._base.get(name, 0) + max(0, source())
        return values

    def turn(self, now: Instant) -> None:
        """Keeps the meters when a minute has passed and something was counted. Never raises."""
        if now.mono_ms >= self._due_ms:
            self._due_ms = now.mono_ms + KEEP_EVERY_MS
            self.keep(now)

    def keep(self, now: Instant) -> None:
        """Keeps the meters at once; for the end. Never raises, nor waits for a disk that hangs."""
        if not self._writing.acquire(timeout=self._end_s):
            log.warning("meters.not_kept error=the write before hangs")
            return
        try:
            # Read only now: of two writes the later one has the greater counts.
            self._keep(now)
        finally:
            self._writing.release()

    def _keep(self, now: Instant) -> None:
        values = self.now(now)
        if values == self._kept:
            return
        try:
            self._tallies.keep_meters(values)
        except DocumentsError as err:
            log.warning("meters.not_kept error=%s", err)
            return
        self._kept = values


class MeteredLock:
    """A lock that counts how often it was released: springs and magnets wear by cycles."""

    def __init__(self, lock: Lock) -> None:
        """Takes the lock that does the work."""
        self._lock = lock
        self.cycles = 0

    def release(self, pulse_ms: int) -> None:
        """Lets one person through, and counts it."""
        self._lock.release(pulse_ms)
        self.cycles += 1

    def hold_open(self) -> None:
        """Releases it until `secure` or `close`, and counts it."""
        self._lock.hold_open()
        self.cycles += 1

    def secure(self) -> None:
        """Locks it now."""
        self._lock.secure()

    def close(self) -> None:
        """Locks and lets go of the hardware."""
        self._lock.close()
