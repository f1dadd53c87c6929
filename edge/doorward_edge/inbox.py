"""The gateway's one inbox: whatever happens is taken in order, one at a time.

It is taken by the thread that brings it, where nobody is at it just then; else by who is, as soon
as that one is done. Nobody ever waits here to put something in, and a code that is held up at a
quiet portal is decided on without being handed from thread to thread, which costs as much as the
decision itself (docs/adr/0018-one-inbox.md).
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from doorward.ids import PortalId
from doorward_edge.scan import Scan

T = TypeVar("T")

END_S = 0.3
"""Whoever closes the inbox waits so long for what is being taken just then."""


@dataclass(frozen=True, slots=True)
class Presented:
    """A code was held up at a portal."""

    portal: PortalId
    scan: Scan


Happening = Presented | Callable[[], None]
"""A function is what another thread wants done in its turn."""


class Inbox:
    """Takes from every thread, and gives one at a time to whoever it was opened for."""

    def __init__(self) -> None:
        """Begins closed; what comes before `open` waits for it."""
        self._waiting: deque[Happening] = deque()
        self._turn = threading.Lock()
        # Takes no lock of Python's: a signal handler may ring, too.
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._take: Callable[[Happening], None] | None = None

    # --- For the one that it belongs to ---------------------------------------------------------

    def open(self, take: Callable[[Happening], None]) -> None:
        """Has everything given to `take` from now on, which must not raise."""
        self._take = take
        self._serve()

    def wait(self, timeout_s: float) -> None:
        """Returns as soon as something happened, or when nothing did in time."""
        try:
            self._bell.get(timeout=timeout_s)
            while not self._bell.empty():
                self._bell.get_nowait()
        except queue.Empty:
            pass

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While this lasts nothing else is taken."""
        with self._turn:
            yield
        self._serve()

    def close(self) -> None:
        """Takes nothing more."""
        has_turn = self._turn.acquire(timeout=END_S)
        self._take = _ignore
        if has_turn:
            self._turn.release()

    # --- For everybody else ---------------------------------------------------------------------

    def put_scan(self, portal: PortalId, scan: Scan) -> None:
        """Takes in that a code was held up."""
        self._put(Presented(portal, scan))

    def post(self, act: Callable[[], None]) -> None:
        """Has something done in its turn, and does not wait for it."""
        self._put(act)

    def wake(self) -> None:
        """Has whoever it belongs to look round; safe in a signal handler."""
        self._bell.put(None)

    def call(self, act: Callable[[], T], timeout_s: float) -> T:
        """Has something done in its turn, and returns what came of it.

        Raises:
            TimeoutError: nobody came to it in time; it is not done any more.
            Exception: whatever `act` raised.
        """
        result: Future[T] = Future()
        self._put(lambda: _settle(result, act))
        try:
            return result.result(timeout_s)
        except TimeoutError:
            if result.cancel():
                raise
            return result.result()

    def _put(self, happening: Happening) -> None:
        self._waiting.append(happening)
        self._serve()
        self.wake()

    def _serve(self) -> None:
        """Takes what waits, unless somebody else is at it, who then looks again when done."""
        while self._waiting and self._take is not None and self._turn.acquire(blocking=False):
            try:
                while self._waiting:
                    self._take(self._waiting.popleft())
            finally:
                self._turn.release()


def _ignore(_happening: Happening) -> None:
    """The gateway ends."""


def _settle(result: "Future[T]", act: Callable[[], T]) -> None:
    if not result.set_running_or_notify_cancel():
        return
    try:
        result.set_result(act())
    except Exception as err:  # noqa: BLE001  # whoever asked learns it
        result.set_exception(err)
