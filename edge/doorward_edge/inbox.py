"""The gateway's one inbox: whatever happens is taken in order, one at a time.

It is taken by the thread that brings it, where nobody is at it just then; else by who is, as soon
as that one is done. Nobody ever waits here to put something in, and a code that is held up at a
quiet portal is decided on without being handed from thread to thread, which costs as much as the
decision itself (docs/adr/0018-one-inbox.md).

What waits is bounded: of codes there are few at once, and one that would wait for long is not for
whoever stands there by then; who calls hears that there is too much. What is posted is bounded by
whoever posts it.
"""

import queue
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from doorward.ids import PortalId
from doorward_edge.scan import Scan

T = TypeVar("T")

END_S = 0.3
"""Whoever closes the inbox waits so long for what is being taken just then."""

MOST_CODES = 8
"""So many codes of one portal wait; each may take the wait for a record, and a scanner that runs
wild must not keep the other portals from being served."""

MOST_WAITING = 1_000
"""With so much waiting nothing more is called for."""


class BusyError(TimeoutError):
    """Too much waits already; it was not even put in."""


@dataclass(frozen=True, slots=True)
class Presented:
    """A code was held up at a portal.

    Attributes:
        at_mono_ms: when it was put in; None where nobody asks.
    """

    portal: PortalId
    scan: Scan
    at_mono_ms: int | None = None


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
        self._count = threading.Lock()
        self._codes: Counter[PortalId] = Counter()
        self._passed_over: Counter[PortalId] = Counter()

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

    def take_passed_over(self) -> Mapping[PortalId, int]:
        """Returns how many codes were passed over since the last call, by portal."""
        with self._count:
            passed_over, self._passed_over = self._passed_over, Counter()
            return passed_over

    def close(self) -> None:
        """Takes nothing more."""
        has_turn = self._turn.acquire(timeout=END_S)
        self._take = _ignore
        if has_turn:
            self._turn.release()

    # --- For everybody else ---------------------------------------------------------------------

    def put_scan(self, portal: PortalId, scan: Scan, at_mono_ms: int | None = None) -> None:
        """Takes in that a code was held up; where too many wait, only that there was one."""
        with self._count:
            is_too_much = self._codes[portal] >= MOST_CODES
            if is_too_much:
                self._passed_over[portal] += 1
            else:
                self._codes[portal] += 1
        if is_too_much:
            self.wake()
        else:
            self._put(Presented(portal, scan, at_mono_ms))

    def post(self, act: Callable[[], None]) -> None:
        """Has something done in its turn, and does not wait for it."""
        self._put(act)

    def wake(self) -> None:
        """Has whoever it belongs to look round; safe in a signal handler."""
        # Whoever is rung for looks after it has taken the ring: one is enough.
        if self._bell.empty():
            self._bell.put(None)

    def call(self, act: Callable[[], T], timeout_s: float) -> T:
        """Has something done in its turn, and returns what came of it.

        Raises:
            BusyError: too much waits; it was not put in.
            TimeoutError: nobody came to it in time; it is not done any more.
            Exception: whatever `act` raised.
        """
        if (waiting := len(self._waiting)) >= MOST_WAITING:
            raise BusyError(f"{waiting} things wait already, at most {MOST_WAITING}")
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
                    self._take(self._next())
            finally:
                self._turn.release()

    def _next(self) -> Happening:
        happening = self._waiting.popleft()
        if isinstance(happening, Presented):
            with self._count:
                self._codes[happening.portal] -= 1
        return happening


def _ignore(_happening: Happening) -> None:
    """The gateway ends."""


def _settle(result: "Future[T]", act: Callable[[], T]) -> None:
    if not result.set_running_or_notify_cancel():
        return
    try:
        result.set_result(act())
    except Exception as err:  # noqa: BLE001  # whoever asked learns it
        result.set_exception(err)
