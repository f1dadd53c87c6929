"""How often the same may be told: a loose wire must not fill the journal, and nothing is hidden."""

from collections.abc import Iterator
from dataclasses import dataclass

BURST = 60
AGAIN_MS = 5_000
"""After a burst, one more of its kind is told in this time: at most 17,000 a day."""


@dataclass(slots=True)
class _Kind:
    left: float
    at_mono_ms: int
    untold: int = 0


class Stutter:
    """Counts by kind what was told lately, and what was not."""

    def __init__(self, *, burst: int = BURST, again_ms: int = AGAIN_MS) -> None:
        """Every kind begins with a full burst."""
        self._burst, self._again_ms = burst, again_ms
        self._kinds: dict[str, _Kind] = {}

    def admits(self, kind: str, now_mono_ms: int) -> bool:
        """Whether this one may be told; if not, it is counted."""
        found = self._kinds.setdefault(kind, _Kind(self._burst, now_mono_ms))
        self._refill(found, now_mono_ms)
        if found.left < 1:
            found.untold += 1
            return False
        found.left -= 1
        return True

    def take_untold(self, now_mono_ms: int) -> Iterator[tuple[str, int]]:
        """Gives each kind that may be told again with how many were not told, and forgets them."""
        for kind, found in self._kinds.items():
            self._refill(found, now_mono_ms)
            if found.untold and found.left >= 1:
                found.left -= 1
                untold, found.untold = found.untold, 0
                yield kind, untold

    def _refill(self, kind: _Kind, now_mono_ms: int) -> None:
        gained = (now_mono_ms - kind.at_mono_ms) / self._again_ms
        kind.left = min(self._burst, kind.left + gained)
        kind.at_mono_ms = now_mono_ms
