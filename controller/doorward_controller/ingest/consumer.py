"""The thread between the broker's messages and the writer: takes what waits in groups."""

import logging
import threading
from collections.abc import Callable

from doorward_controller.errors import StoreUnavailableError
from doorward_controller.ingest.line import Line
from doorward_controller.ingest.ports import Inbound
from doorward_controller.ingest.writer import Writer
from doorward_controller.services.backend import Backend

RETRY_S = 1.0
"""While the database is away. Nothing is confirmed meanwhile, so nothing can be lost."""

_IDLE_S = 0.5
_JOIN_S = 10.0

_log = logging.getLogger(__name__)


class Consumer:
    """One thread, one writer."""

    def __init__(self, backend: Backend) -> None:
        """Prepares; `start` runs it."""
        self._backend = backend
        self._writer = Writer(backend)
        self._line = Line()
        self._at_hand: list[Inbound] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ingest-writer", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finishes the group at hand and ends; what waits is still at the broker."""
        self._stopping.set()
        self._thread.join(timeout=_JOIN_S)

    def offer(self, item: Inbound | Callable[[], None]) -> None:
        """Takes a message, or a task to run between two groups, from another thread.

        Waits only while the writer is far behind.
        """
        while not self._stopping.is_set():
            if self._line.put(item, _IDLE_S):
                return

    @property
    def has_work(self) -> bool:
        """Whether a turn would find something to do."""
        return bool(self._at_hand or self._line)

    def turn(self, wait_s: float) -> bool:
        """Waits for messages and tasks and takes all that is there, up to a group.

        A group that the database does not take stays at hand for the next turn; nothing of it is
        confirmed meanwhile. Returns whether the database took everything.
        """
        if not self._at_hand:
            self._at_hand, tasks = self._line.next_group(wait_s)
            for task in tasks:
                _guarded(task)
        if not self._at_hand:
            return True
        try:
            self._writer.process(self._at_hand)
        except StoreUnavailableError as err:
            _log.warning("ingest.waiting messages=%d problem=%s", len(self._at_hand), err)
            return False
        self._at_hand = []
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._backend.measures.intake_turned(self._backend.clock.now().mono_ms)
            if not self.turn(_IDLE_S):
                self._stopping.wait(RETRY_S)


def _guarded(task: Callable[[], None]) -> None:
    try:
        task()
    except Exception:  # noqa: BLE001  # a task that fails is told and ends; intake goes on
        _log.exception("ingest.task_failed")
