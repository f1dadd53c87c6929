"""The running gateway: one thread looks and acts, one carries, and both show that they turn."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from doorward.events import EventCode
from doorward.reasons import Reason
from doorward.times import Clock
from doorward_edge.courier import Courier
from doorward_edge.events import EventBook
from doorward_edge.pipeline import Pipeline
from doorward_edge.ports import Broker, Notice, Watchdog
from doorward_edge.scan import Scan

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""The main loop turns at least this often, with or without frames."""

STANDSTILL_MS = 30_000
"""The courier may wait for a slow disk or a TLS handshake, but not for so long."""

MOST_FAILURES = 10
"""So many failures of a loop in a row are no passing trouble: the service manager restarts us."""

PAUSE_AFTER_FAILURE_S = 1.0

GOODBYE_S = 0.6
"""The courier may take so long to say goodbye: a connection that hangs must not hold up the end."""


class Sight(Protocol):
    """Camera and readers, as far as the main loop is concerned."""

    def next_scans(self, timeout_s: float) -> Sequence[Scan]:
        """Returns what was presented since the last call; empty when nothing was in time."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a gateway is made of; `wiring` puts it together.

    Attributes:
        hands: closed first and in order, whatever else hangs: lock, lamps, camera.
        closers: closed last and in order, when everything is on record: journal, pins.
        notices: who may have something to tell that belongs into the journal.
        problems: what could not be used at the start, in words.
    """

    sight: Sight
    pipeline: Pipeline
    courier: Courier
    broker: Broker
    events: EventBook
    clock: Clock
    watchdog: Watchdog
    hands: tuple[Callable[[], None], ...]
    closers: tuple[Callable[[], None], ...]
    notices: tuple[Callable[[], tuple[Notice, ...]], ...]
    problems: tuple[str, ...]
    software: str


class Gateway:
    """Runs until it is stopped, or until one of its loops fails for good."""

    def __init__(self, parts: Parts, *, pause_s: float = PAUSE_AFTER_FAILURE_S) -> None:
        """Takes the parts; nothing moves before `run`."""
        self._parts = parts
        self._pause_s = pause_s
        self._is_asked_to_stop = False
        self._has_failed = False
        self._hang_up = threading.Event()
        self._courier_turned_ms = parts.clock.now().mono_ms
        self._stands_still = False
        self._carrier = threading.Thread(target=self._carry, name="courier", daemon=True)

    def stop(self) -> None:
        """Ends `run` soon; may be called from a signal handler.

        Only a flag: an Event takes a lock, and the thread that was interrupted may hold it.
        """
        self._is_asked_to_stop = True

    def close(self) -> None:
        """Lets go of everything, for a gateway that never ran."""
        for close in (*self._parts.hands, *self._parts.closers):
            _do_anyhow(close)

    def run(self, on_ready: Callable[[], None]) -> bool:
        """Looks and acts until stopped. Returns whether it ended as it was asked to.

        Args:
            on_ready: called once, when codes are read and the way up is being dialled.
        """
        try:
            self._begin()
            on_ready()
            self._repeat(self._look, lambda: self._is_asked_to_stop or self._has_failed)
        finally:
            self._end()
        return not self._has_failed

    def _begin(self) -> None:
        parts = self._parts
        for problem in parts.problems:
            log.warning("start.unusable what=%s", problem)
        log.info("gateway.started software=%s", parts.software)
        self._note(
            EventCode.GATEWAY_STARTED, "; ".join((f"software {parts.software}", *parts.problems))
        )
        self._write_events()
        self._carrier.start()
        parts.watchdog.ready()

    def _look(self) -> None:
        parts = self._parts
        scans = parts.sight.next_scans(LOOK_S)
        for scan in scans:
            decision = parts.pipeline.take(scan)
            if decision is not None and decision.reason is Reason.NOT_RECORDED:
                parts.events.miss(parts.clock.now())
        if self._write_events() or scans:
            parts.broker.wake()
        self._feed_watchdog()

    def _note(self, code: EventCode, detail: str) -> None:
        self._parts.events.note(Notice(code=code, detail=detail), self._parts.clock.now())

    def _write_events(self, *, is_last: bool = False) -> bool:
        parts, now = self._parts, self._parts.clock.now()
        for take in parts.notices:
            for notice in take():
                detail = " ".join(notice.detail.split())
                log.warning("notice code=%s detail=%s", notice.code, detail)
                parts.events.note(notice, now)
        return parts.events.write(now, is_last=is_last)

    def _feed_watchdog(self) -> None:
        stood_ms = self._parts.clock.now().mono_ms - self._courier_turned_ms
        was_standing, self._stands_still = self._stands_still, stood_ms >= STANDSTILL_MS
        if not self._stands_still:
            self._parts.watchdog.feed()
        elif not was_standing:
            log.error("courier.standstill for_ms=%d", stood_ms)

    # --- The courier's thread -------------------------------------------------------------------

    def _carry(self) -> None:
        courier = self._parts.courier
        try:
            courier.open()
            self._repeat(self._carry_once, lambda: self._hang_up.is_set() or self._has_failed)
            courier.close()
        except Exception:
            log.exception("courier.ended")
            self._has_failed = self._has_failed or not self._hang_up.is_set()

    def _carry_once(self) -> None:
        self._parts.courier.turn()
        self._courier_turned_ms = self._parts.clock.now().mono_ms

    def _repeat(self, turn: Callable[[], None], is_over: Callable[[], bool]) -> None:
        """Turns until it is over; a failure is logged and survived, many in a row are not."""
        failures = 0
        while not is_over():
            try:
                turn()
                failures = 0
            except Exception:
                failures += 1
                log.exception("loop.failed times=%d", failures)
                if failures >= MOST_FAILURES:
                    self._has_failed = True
                self._hang_up.wait(self._pause_s)

    # --- The end --------------------------------------------------------------------------------

    def _end(self) -> None:
        """Locks first, records that we end, sends what can still be sent, closes."""
        parts = self._parts
        for close in (*parts.hands, parts.watchdog.stopping, self._say_that_we_end):
            _do_anyhow(close)
        self._hang_up.set()
        _do_anyhow(parts.broker.wake)
        if self._carrier.ident is not None:
            self._carrier.join(GOODBYE_S)
        for close in parts.closers:
            _do_anyhow(close)

    def _say_that_we_end(self) -> None:
        why = "failed" if self._has_failed else "asked to"
        log.info("gateway.stopped why=%s", why)
        self._note(EventCode.GATEWAY_STOPPED, why)
        self._write_events(is_last=True)


def _do_anyhow(act: Callable[[], None]) -> None:
    """At the end nothing that fails keeps the rest from being done."""
    try:
        act()
    except Exception:
        log.exception("end.failed")
