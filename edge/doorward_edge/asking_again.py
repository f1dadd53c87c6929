"""When the broker is asked again for retained messages that did not count (pure).

The rules:

1. What the disk did not take is asked for after `FIRST_PAUSE_MS`, and again after pauses that
   double up to `LONGEST_PAUSE_MS`, until it is taken.
2. What was refused may count by another clock or another keyring. It is asked for once when the
   clock is trusted more or less than then, or the keyring is another; not before, because a broker
   that keeps a forged message would be asked for it for ever.
3. A new connection asks for everything anyway, and begins anew.
"""

from dataclasses import dataclass

from doorward.times import ClockTrust, Instant
from doorward_edge.sync import Taken, Verdict

FIRST_PAUSE_MS = 10_000
LONGEST_PAUSE_MS = 320_000


@dataclass(frozen=True, slots=True)
class _Grounds:
    """By what a message was judged, beside its own bytes."""

    trust: ClockTrust
    keyring: int


class AskAgain:
    """What to ask for again; of one topic, or of several that are asked for together."""

    def __init__(self) -> None:
        """Starts with nothing to ask for."""
        self._refused: dict[str, _Grounds] = {}
        self._unwritten: set[str] = set()
        self._due_ms: int | None = None
        self._pause_ms = FIRST_PAUSE_MS

    def note(self, taken: Taken, keyring: int, now: Instant) -> None:
        """Takes in what became of a message.

        Args:
            taken: by kind; of each kind the newest word counts.
            keyring: the version that it was judged by.
            now: when.
        """
        self._refused.pop(taken.what, None)
        if taken.verdict is Verdict.UNWRITTEN:
            self._unwritten.add(taken.what)
            if self._due_ms is None:
                self._due_ms = now.mono_ms + self._pause_ms
                self._pause_ms = min(2 * self._pause_ms, LONGEST_PAUSE_MS)
            return
        if taken.verdict is Verdict.REFUSED:
            self._refused[taken.what] = _Grounds(now.trust, keyring)
        self._unwritten.discard(taken.what)
        if not self._unwritten:
            self._due_ms, self._pause_ms = None, FIRST_PAUSE_MS

    def is_due(self, keyring: int, now: Instant) -> bool:
        """Whether to ask now; says so once."""
        grounds = _Grounds(now.trust, keyring)
        judged_anew = [what for what, then in self._refused.items() if then != grounds]
        for what in judged_anew:
            del self._refused[what]
        is_over = self._due_ms is not None and now.mono_ms >= self._due_ms
        if is_over:
            self._due_ms = None
        return is_over or bool(judged_anew)

    def forget(self) -> None:
        """Takes in that everything is asked for anyway."""
        self._refused.clear()
        self._unwritten.clear()
        self._due_ms, self._pause_ms = None, FIRST_PAUSE_MS
