"""The running gateway: one thread looks and acts, one carries, and both show that they turn."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from doorward.times import Clock
from doorward_edge.courier import Courier
from doorward_edge.pipeline import Pipeline
from doorward_edge.ports import Broker, Notice, Watchdog
from doorward_edge.scan import Scan
from doorward_edge.stages.record import RecordStage

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""The main loop turns at least this often, with or without frames."""

STANDSTILL_MS = 30_000
"""The courier may wait for a slow disk or a TLS handshake, but not for so long."""

MOST_FAILURES = 10
"""So many failures of a loop in a row are no passing trouble: the service manager restarts us."""

PAUSE_AFTER_FAILURE_S = 1.0
STARTED, STOPPED = "gateway_started", "gateway_stopped"


class Sight(Protocol):
    """Camera and readers, as far as the main loop is concerned."""

    def next_scans(self, timeout_s: float) -> Sequence[Scan]:
        """Returns what was presented since the last call; empty when nothing was in time."""
        ...

    def close(self) -> None:
        """Lets go of camera and decoder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a gateway is made of; `wiring` puts it together.

    Attributes:
        closers: called in order at the end; lock and lamps first.
        notices: who may have something to tell that belongs into the journal.
        problems: what could not be used at the start, in words.
    """

    sight: Sight
    pipeline: Pipeline
    courier: Courier
    broker: Broker
    record: RecordStage
    clock: Clock
    watchdog: Watchdog
    closers: tuple[Callable[[], None], ...]
    notices: tuple[Callable[[], tuple[Notice, ...]], ...]
    problems: tuple[str, ...]
    software: str


class Gateway:
    """Runs until it is stopped, or until one of its loops fails for good."""

    def __init__(self, parts: Parts) -> None:
        """Takes the parts; nothing moves before `run`."""
        self._parts = parts
        self._stop = threading.Event()
        self._failed = False
        self._courier_turned_ms = parts.clock.now().mono_ms
        self._carrier = threading.Thread(target=self._carry, name="courier", daemon=True)

    def stop(self) -> None:
        """Ends `run` soon; may be called from a signal handler."""
        self._stop.set()

    def run(self, on_ready: Callable[[], None]) -> bool:
        """Looks and acts until stopped. Returns whether it ended as it was asked to.

        Args:
            on_ready: called once, when codes are read and the way up is being dialled.
        """
        parts = self._parts
        detail = "; ".join((f"software {parts.software}", *parts.problems))
        parts.record.event(STARTED, detail, parts.clock.now())
        self._carrier.start()
        parts.watchdog.ready()
        on_ready()
        try:
            self._repeat(self._look)
        finally:
            self._end()
        return not self._failed

    def _look(self) -> None:
        parts = self._parts
        scans = parts.sight.next_scans(LOOK_S)
        for scan in scans:
            parts.pipeline.take(scan)
        noticed = self._record_notices()
        if scans or noticed:
            parts.broker.wake()
        if parts.clock.now().mono_ms - self._courier_turned_ms < STANDSTILL_MS:
            parts.watchdog.feed()

    def _record_notices(self) -> bool:
        notices = tuple(notice for take in self._parts.notices for notice in take())
        if notices:
            self._parts.record.record_notices(notices, self._parts.clock.now())
        return bool(notices)

    def _carry(self) -> None:
        self._parts.courier.open()
        self._repeat(self._carry_once)
        self._parts.courier.close()

    def _carry_once(self) -> None:
        self._parts.courier.turn()
        self._courier_turned_ms = self._parts.clock.now().mono_ms

    def _repeat(self, turn: Callable[[], None]) -> None:
        """Turns until stopped; a failure is logged and survived, many in a row are not."""
        failures = 0
        while not self._stop.is_set():
            try:
                turn()
                failures = 0
            except Exception:
                failures += 1
                log.exception("loop.failed times=%d", failures)
                if failures >= MOST_FAILURES:
                    self._failed = True
                    self._stop.set()
                self._stop.wait(PAUSE_AFTER_FAILURE_S)

    def _end(self) -> None:
        """Locks first, records that we end, sends what can still be sent, closes."""
        parts = self._parts
        self._stop.set()
        parts.watchdog.stopping()
        parts.record.event(STOPPED, "failed" if self._failed else "asked to", parts.clock.now())
        parts.broker.wake()
        self._carrier.join(timeout=5)
        for close in parts.closers:
            try:
                close()
            except Exception:
                log.exception("close.failed")
