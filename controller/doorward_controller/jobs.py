"""Timed work: vouching for the status list, so that every gate knows how fresh its rules are."""

import logging
import threading

from doorward_controller.errors import ControllerError
from doorward_controller.services import status_publishing
from doorward_controller.services.backend import Backend

REFRESH_S = 15 * 60
"""A gateway calls its rules stale after 72 h by default; it hears from us 288 times before."""

_JOIN_S = 10.0

_log = logging.getLogger(__name__)


class Jobs:
    """One thread that wakes for whatever is due."""

    def __init__(self, backend: Backend, refresh_s: float = REFRESH_S) -> None:
        """Prepares; `start` runs it."""
        self._backend = backend
        self._refresh_s = refresh_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the work at hand."""
        self._stopping.set()
        self._thread.join(timeout=_JOIN_S)

    def _run(self) -> None:
        while not self._stopping.wait(self._refresh_s):
            try:
                seq = status_publishing.refresh(self._backend)
                _log.info("status.refreshed seq=%d", seq)
            except ControllerError as err:
                _log.warning("status.refresh_failed problem=%s", err)
            except Exception:  # noqa: BLE001  # one failure must not end the refreshing for good
                _log.exception("status.refresh_failed")
