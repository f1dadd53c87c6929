"""Whether the journal writes: what was recorded tells, and when nothing was, a try does.

The try waits for the disk, so it is made by a thread of its own; what is known is read by another.
"""

from collections.abc import Callable

from doorward_edge.ports import Journal, JournalError, JournalFullError
from doorward_edge.vitals.liveness import JournalFacts

PROBE_EVERY_MS = 60_000


class JournalWatch:
    """Follows one journal."""

    def __init__(self, journal: Journal, now_ms: int) -> None:
        """Counts the time without a write from now on."""
        self._journal = journal
        self._head = self._newest()
        self._wrote_ms = now_ms
        self._tried_ms = now_ms
        self._asked_ms: int | None = None
        self._failing_ms: int | None = None
        self._is_full = False

    def turn(self, now_ms: Callable[[], int]) -> None:
        """Sees whether something was written, and tries when nothing was for a minute."""
        head, at_ms = self._newest(), now_ms()
        if head != self._head:
            self._head = head
            self._well(at_ms)
        elif at_ms - max(self._wrote_ms, self._tried_ms) >= PROBE_EVERY_MS:
            self._tried_ms = at_ms
            self._try(now_ms)

    def facts(self) -> JournalFacts:
        """Returns what is known, from any thread."""
        return JournalFacts(
            wrote_ms=self._wrote_ms,
            asked_ms=self._asked_ms,
            failing_ms=self._failing_ms,
            is_full=self._is_full,
        )

    def _try(self, now_ms: Callable[[], int]) -> None:
        self._asked_ms = now_ms()
        try:
            self._journal.probe()
        except JournalError as err:
            self._is_full = isinstance(err, JournalFullError)
            self._failing_ms = self._failing_ms or now_ms()
        else:
            self._well(now_ms())
        finally:
            self._asked_ms = None

    def _well(self, at_ms: int) -> None:
        self._wrote_ms, self._failing_ms, self._is_full = at_ms, None, False

    def _newest(self) -> tuple[int, int]:
        newest = self._journal.spans()[-1]
        return newest.epoch, newest.head
