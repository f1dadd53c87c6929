"""Which of many processes does the timed work and speaks for all: one at a time, by PostgreSQL.

The lock alone says who comes next; what is done as the leader is done within a lease that each look
at the lock renews. A new leader waits for the lease of the one before to be over: a process that
was cut off from the database, and does not know it yet, has stopped by then.
"""

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from doorward.times import Clock
from doorward_controller.errors import ControllerError
from doorward_controller.store.notices import Line
from doorward_controller.store.session import Store

LOOK_S = 0.5
LEASE_S = 4.0
_JOIN_S = 10.0

_log = logging.getLogger(__name__)


class Leading(Protocol):
    """Whether this process leads."""

    @property
    def is_held(self) -> bool:
        """Whether it leads now."""
        ...


class Alone:
    """The one process of a database always leads."""

    is_held = True


class Follower:
    """A process without a connection to the broker never leads."""

    is_held = False


class Leadership:
    """One thread that looks at the lock."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        look_s: float = LOOK_S,
        lease_s: float = LEASE_S,
    ) -> None:
        """Prepares; `start` runs it."""
        self._line, self._clock = Line(store), clock
        self._look_s, self._lease_ms = look_s, round(lease_s * 1000)
        self._taken_at_ms: int | None = None
        self._seen_at_ms = 0
        self._is_told = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leadership", daemon=True)
        self._on_change: Callable[[bool], None] = lambda _: None

    @property
    def is_held(self) -> bool:
        """Whether this process leads now; false as soon as that is not certain."""
        return self._is_told and self._clock.now().mono_ms - self._seen_at_ms < self._lease_ms

    def start(self, on_change: Callable[[bool], None]) -> None:
        """Begins to look; `on_change` is called by its thread with whether we lead from now on."""
        self._on_change = on_change
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and lets another process lead."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_JOIN_S)
        self._is_told = False
        self._line.close()

    def turn(self) -> None:
        """Looks once."""
        now_ms = self._clock.now().mono_ms
        try:
            if self._taken_at_ms is None:
                self._taken_at_ms = now_ms if self._line.try_to_lead() else None
            else:
                self._line.run("SELECT 1")
        except ControllerError as err:
            self._lost(str(err))
            return
        if self._taken_at_ms is None:
            return
        if self._is_told and not self.is_held:
            # We were asleep for longer than our lease. Nobody else has the lock; begin anew.
            self._lost("slept")
            return
        self._seen_at_ms = now_ms
        if not self._is_told and now_ms - self._taken_at_ms >= self._lease_ms:
            self._is_told = True
            _log.info("leader.begins")
            self._tell(leads=True)

    def _lost(self, why: str) -> None:
        self._line.close()
        self._taken_at_ms = None
        if self._is_told:
            self._is_told = False
            _log.warning("leader.ends problem=%s", why)
            self._tell(leads=False)

    def _tell(self, *, leads: bool) -> None:
        try:
            self._on_change(leads)
        except Exception:  # noqa: BLE001  # whoever cannot lead gives it up, and tries again
            _log.exception("leader.failed")
            if leads:
                self._lost("failed to begin")

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.turn()
            self._stopping.wait(self._look_s)
