"""Which readings of a scanner are scans: each presentation once, and never a flood (pure)."""

from collections.abc import Mapping

from doorward_edge.scanners.reading import Reading

BURST = 10
"""So many at once are people in a hurry; more are a device gone mad."""
REFILL_MS = 200
"""And then five a second: more than any portal lets through."""


class Presentations:
    """Remembers what was read just now."""

    def __init__(self, held_ms: int) -> None:
        """A code that was not read for `held_ms` counts anew."""
        self._held_ms = held_ms
        self._last_ms: dict[Reading, int] = {}
        self._left = float(BURST)
        self._at_ms = 0
        self._counts = {"scans": 0, "repeats": 0, "flooded": 0}

    def counts(self) -> Mapping[str, int]:
        """Returns how many scans there were.

        `repeats` were the same code still held up, `flooded` too many to be people.
        """
        return dict(self._counts)

    def is_new(self, reading: Reading, now_mono_ms: int) -> bool:
        """Returns whether this reading begins a presentation."""
        gone = [r for r, at in self._last_ms.items() if now_mono_ms - at > self._held_ms]
        for old in gone:
            del self._last_ms[old]
        is_held = reading in self._last_ms
        if is_held or self._is_in_measure(now_mono_ms):
            self._last_ms[reading] = now_mono_ms
            self._counts["repeats" if is_held else "scans"] += 1
            return not is_held
        self._counts["flooded"] += 1
        return False

    def _is_in_measure(self, now_mono_ms: int) -> bool:
        self._left = min(float(BURST), self._left + (now_mono_ms - self._at_ms) / REFILL_MS)
        self._at_ms = now_mono_ms
        if self._left < 1:
            return False
        self._left -= 1
        return True
