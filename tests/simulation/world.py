"""Time, luck and the trace of one history. Nothing in a history asks another clock or another dice.

Everything that happens is an event in one queue; an event belongs to a process or to the world,
and dies with its process.
"""

import heapq
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

START_UTC_MS = 1_800_000_000_000
PACE_MS = 2_000
"""Threads that would look round each second have their turn every so often, or when called."""


class InvariantError(BaseException):
    """The product broke a promise. No `Exception`: the product may not survive that unseen."""


@dataclass(slots=True, eq=False)
class Process:
    """Something that runs until it ends, with all that it had planned."""

    name: str
    is_alive: bool = True


@dataclass(slots=True)
class World:
    """One history's time and luck."""

    seed: int
    luck: Random = field(init=False)
    now_ms: int = START_UTC_MS
    trace: list[str] = field(default_factory=list)
    pace_ms: int = PACE_MS
    _queue: list[tuple[int, int, Process | None, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self.luck = Random(self.seed)

    def at(self, delay_ms: float, act: Callable[[], None], process: Process | None = None) -> None:
        """Plans something; events of one moment happen in the order in which they were planned."""
        self._count += 1
        due = self.now_ms + max(0, int(delay_ms))
        heapq.heappush(self._queue, (due, self._count, process, act))

    def run_for(self, span_ms: float) -> None:
        """Lets time pass."""
        until = self.now_ms + int(span_ms)
        while self._queue and self._queue[0][0] <= until:
            due, _, process, act = heapq.heappop(self._queue)
            self.now_ms = max(self.now_ms, due)
            if process is None or process.is_alive:
                act()
        self.now_ms = max(self.now_ms, until)

    def chance(self, share: float) -> bool:
        """Says yes in that share of the cases."""
        return self.luck.random() < share

    def tell(self, who: str, what: str) -> None:
        """Writes a line of the trace."""
        self.trace.append(f"{(self.now_ms - START_UTC_MS) / 1000:12.3f}  {who:<11} {what}")


@contextmanager
def seeded_randomness(luck: Random) -> Iterator[None]:
    """Lets whoever asks the system for random bytes have them from the history's luck.

    OpenSSL's own (the ephemeral keys under which segment keys are sealed) is out of reach: bytes of
    ciphertext differ between two plays of a seed, their lengths and everything else do not.
    """
    kept = os.urandom, secrets.token_bytes, secrets.token_hex

    def draw(nbytes: int | None = None) -> bytes:
        return luck.randbytes(32 if nbytes is None else nbytes)

    def draw_hex(nbytes: int | None = None) -> str:
        return draw(nbytes).hex()

    os.urandom, secrets.token_bytes, secrets.token_hex = draw, draw, draw_hex
    try:
        yield
    finally:
        os.urandom, secrets.token_bytes, secrets.token_hex = kept
