"""Moving SQLite's log into its database beside the writers, not within one of their commits."""

import logging
import threading

from doorward_controller.errors import StoreUnavailableError
from doorward_controller.store.session import Store

INTERVAL_S = 1.0
"""So little to move each time that a commit beside it hardly waits for the disk."""

_JOIN_S = 10.0

_log = logging.getLogger(__name__)


class Checkpoints:
    """One thread; idle while nothing is written, and on PostgreSQL, which does this itself."""

    def __init__(self, store: Store, interval_s: float = INTERVAL_S) -> None:
        """Prepares; `start` runs it."""
        self._store = store
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the checkpoint at hand."""
        self._stopping.set()
        self._thread.join(timeout=_JOIN_S)

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self._store.checkpoint()
            except StoreUnavailableError as err:
                _log.warning("store.checkpoint_failed problem=%s", err)
            except Exception:  # noqa: BLE001  # the writers' own checkpoints are the second line
                _log.exception("store.checkpoint_failed")
