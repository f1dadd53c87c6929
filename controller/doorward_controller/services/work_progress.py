"""How far long work has come, for whoever looks, in whichever process they look.

The work is one transaction, of which nobody sees anything before its end. What is told of it goes
beside: on PostgreSQL into a table of its own, by a connection of its own; SQLite, which has one
writer and one process, keeps it in memory. It is told, and nothing hangs on it.
"""

from contextlib import suppress
from threading import Lock

from doorward_controller.errors import StoreUnavailableError
from doorward_controller.services.backend import Backend
from doorward_controller.store import work_progress

TOLD_EVERY_MS = 300
STALE_MS = 120_000
"""Work that was not told of for so long has failed, or its process has ended."""


class _Here:
    """What this process is working on."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._done: dict[str, tuple[int, int, int]] = {}
        self._written_ms: dict[str, int] = {}

    def tell(self, id_: str, done: int, total: int, now_mono_ms: int) -> None:
        with self._lock:
            self._done[id_] = (done, total, now_mono_ms)

    def is_due(self, id_: str, now_mono_ms: int) -> bool:
        """Whether it is time to write it down as well; says so once."""
        with self._lock:
            before = self._written_ms.get(id_)
            if before is not None and now_mono_ms - before < TOLD_EVERY_MS:
                return False
            self._written_ms[id_] = now_mono_ms
            return True

    def end(self, id_: str) -> None:
        with self._lock:
            self._done.pop(id_, None)
            self._written_ms.pop(id_, None)

    def all(self, now_mono_ms: int) -> tuple[tuple[int, int], ...]:
        with self._lock:
            told = tuple(self._done.values())
        return tuple((done, of) for done, of, at_ms in told if now_mono_ms - at_ms < STALE_MS)


_HERE = _Here()


def tell(backend: Backend, id_: str, done: int, total: int) -> None:
    """Says how far a piece of work is; a database that is away is no reason to stop it."""
    now = backend.clock.now()
    _HERE.tell(id_, done, total, now.mono_ms)
    if backend.store.is_sqlite or not _HERE.is_due(id_, now.mono_ms):
        return
    with suppress(StoreUnavailableError), backend.store.write() as connection:
        work_progress.tell(connection, id_, done, total, now.utc_ms)


def end(backend: Backend, id_: str) -> None:
    """Says that a piece of work is over, however it ended."""
    _HERE.end(id_)
    if backend.store.is_sqlite:
        return
    before = backend.clock.now().utc_ms - STALE_MS
    with suppress(StoreUnavailableError), backend.store.write() as connection:
        work_progress.forget(connection, id_, before)


def under_way(backend: Backend) -> tuple[tuple[int, int], ...]:
    """Returns how much of how much, for each piece of work at the site. Raises StoreError."""
    if backend.store.is_sqlite:
        return under_way_here(backend)
    after = backend.clock.now().utc_ms - STALE_MS
    with backend.store.read() as connection:
        return work_progress.under_way(connection, after)


def under_way_here(backend: Backend) -> tuple[tuple[int, int], ...]:
    """Returns the same of this process alone."""
    return _HERE.all(backend.clock.now().mono_ms)
