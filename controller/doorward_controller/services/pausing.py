"""Long work that lets others write: SQLite has one writer, and scans come first."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from doorward_controller.services.backend import Backend

REST = 4.0
"""After a piece, so many times as long as it took: others have four fifths of the writer."""

REST_IN_A_RUSH = 60.0
"""While others write a lot. What waits to be added up is added up when the rush is over."""

RUSH_SHARE = 0.2
"""Of the time, for which others hold the writer: more is a rush."""

AT_LEAST_EVERY_MS = 60_000
"""In a rush that does not end, work that could wait begins so often all the same."""

_wait = threading.Event().wait


class Pace:
    """Rests between the pieces of one long work. On PostgreSQL nobody waits for it."""

    def __init__(self, backend: Backend, wait: Callable[[float], object] = _wait) -> None:
        """Begins without having seen anybody else write; `wait` takes seconds."""
        self._backend, self._wait = backend, wait
        self._seen_s, self._seen_at_ms = backend.store.written_s, self._now_ms()
        self._begun_at_ms = self._now_ms()

    def may_begin(self) -> bool:
        """Whether work that can wait is to be begun now; call it as often as it is due."""
        now_ms = self._now_ms()
        is_time = now_ms - self._begun_at_ms >= AT_LEAST_EVERY_MS
        if self._backend.store.is_sqlite and self._is_rush() and not is_time:
            return False
        self._begun_at_ms = now_ms
        return True

    @contextmanager
    def piece(self) -> Iterator[None]:
        """Waits after the body in proportion to what it took; not after an exception."""
        began_ms, before_s = self._now_ms(), self._backend.store.written_s
        yield
        if self._backend.store.is_sqlite:
            self._seen_s += self._backend.store.written_s - before_s  # that was we
            rest = REST_IN_A_RUSH if self._is_rush() else REST
            self._wait(rest * (self._now_ms() - began_ms) / 1000)

    def _is_rush(self) -> bool:
        written_s, now_ms = self._backend.store.written_s, self._now_ms()
        others_s, passed_ms = written_s - self._seen_s, now_ms - self._seen_at_ms
        self._seen_s, self._seen_at_ms = written_s, now_ms
        return others_s * 1000 > RUSH_SHARE * max(passed_ms, 1)

    def _now_ms(self) -> int:
        return self._backend.clock.now().mono_ms
