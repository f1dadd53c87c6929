"""The running gateway: one thread looks round, one carries, and both show that they turn.

Codes that are held up and what others want done come through one inbox, one at a time. The main
loop does in its turn what nobody brings: inputs that changed, what is due at the doors, and time.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from doorward.events import EventCode
from doorward.ids import PortalId
from doorward.reasons import Reason
from doorward.times import Clock, Instant
from doorward_edge.courier import Courier
from doorward_edge.events import EventBook
from doorward_edge.housing import Housing
from doorward_edge.inbox import Happening, Inbox, Presented
from doorward_edge.pipeline import Pipeline
from doorward_edge.portal import Portal
from doorward_edge.ports import Broker, CodeSource, InputChange, InputKind, Inputs, Notice, Watchdog
from doorward_edge.scan import Scan

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""The main loop turns at least this often, whether or not anything happens."""

CHORES_MS = 1_000
"""So often it is looked whether a posture changed by itself, and what else has time."""

STALE_MS = 3_000
"""A code that waited for so long lets nobody in: somebody else may stand there by then."""

PASSED_OVER_EVERY_MS = 10_000
"""So often it goes on record how many codes were passed over."""

SOURCES_END_S = 1.2
"""Cameras and scanners may take so long to end, all at once."""

STANDSTILL_MS = 30_000
"""The courier may wait for a slow disk or a TLS handshake, but not for so long."""

MOST_FAILURES = 10
"""So many failures of a loop in a row are no passing trouble: the service manager restarts us."""

PAUSE_AFTER_FAILURE_S = 1.0

GOODBYE_S = 0.6
"""The courier may take so long to say goodbye: a connection that hangs must not hold up the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a gateway is made of; `wiring` puts it together.

    Attributes:
        pipelines, portals: by the portal's name.
        chores: done once a second by the main loop.
        hands: closed first and in order, whatever else hangs: locks, lamps, inputs.
        closers: closed last and in order, when everything is on record: journal, pins.
        notices: who may have something to tell that belongs into the journal.
        problems: what could not be used at the start, in words.
    """

    inbox: Inbox
    sources: tuple[CodeSource, ...]
    inputs: Inputs
    pipelines: Mapping[PortalId, Pipeline]
    portals: Mapping[PortalId, Portal]
    housing: Housing
    chores: tuple[Callable[[Instant], object], ...]
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
        self._chores_due_ms = 0
        self._failed_takes = 0
        self._has_scanned = False
        self._passed_over: Counter[PortalId] = Counter()
        self._passed_over_due_ms = 0
        self._wait_s = 0.0
        self._carrier = threading.Thread(target=self._carry, name="courier", daemon=True)

    def stop(self) -> None:
        """Ends `run` soon; may be called from a signal handler.

        No Event: that takes a lock, and the thread that was interrupted may hold it. The inbox
        takes none.
        """
        self._is_asked_to_stop = True
        self._parts.inbox.wake()

    def fail(self) -> None:
        """Ends `run` soon, as failed: the service manager starts the gateway anew."""
        self._has_failed = True
        self._parts.inbox.wake()

    def close(self) -> None:
        """Lets go of everything, for a gateway that never ran."""
        sources = (source.close for source in self._parts.sources)
        for close in (*self._parts.hands, *sources, *self._parts.closers):
            _do_anyhow(close)

    def run(self, on_ready: Callable[[], None]) -> bool:
        """Acts until stopped. Returns whether it ended as it was asked to.

        Args:
            on_ready: called once, when codes are read and the way up is being dialled.
        """
        try:
            self._begin()
            on_ready()
            self._repeat(self._turn, lambda: self._is_asked_to_stop or self._has_failed)
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
        # The doors first: a code must not meet one of which nothing is known yet.
        self._look_round(parts.clock.now())
        self._write_events()
        parts.inputs.listen(parts.inbox.wake)
        parts.inbox.open(self._take)
        for source in parts.sources:
            source.start(self._put_scan)
        self._carrier.start()
        parts.watchdog.ready()

    def _turn(self) -> None:
        parts = self._parts
        parts.inbox.wait(self._wait_s)
        with parts.inbox.turn():
            self._look_round(parts.clock.now())
            self._tell_passed_over(parts.clock.now())
            has_news, self._has_scanned = self._write_events() or self._has_scanned, False
            self._wait_s = self._until_due_s()
        if has_news:
            parts.broker.wake()
        self._feed_watchdog()

    def _put_scan(self, portal: PortalId, scan: Scan) -> None:
        """Called by every source's own thread."""
        self._parts.inbox.put_scan(portal, scan, self._parts.clock.now().mono_ms)

    def _take(self, happened: Happening) -> None:
        """Takes what came, in its turn, on whatever thread; a failure is logged and survived."""
        try:
            if isinstance(happened, Presented):
                self._take_scan(happened)
            else:
                happened()
            self._failed_takes = 0
        except Exception:
            self._failed_takes += 1
            log.exception("take.failed times=%d", self._failed_takes)
            self._has_failed = self._has_failed or self._failed_takes >= MOST_FAILURES

    def _take_scan(self, presented: Presented) -> None:
        now_ms, put_ms = self._parts.clock.now().mono_ms, presented.at_mono_ms
        is_stale = put_ms is not None and now_ms - put_ms >= STALE_MS
        pipeline = self._parts.pipelines[presented.portal]
        decision = pipeline.take(presented.scan, is_stale=is_stale)
        self._has_scanned = True
        if decision is not None and decision.reason is Reason.NOT_RECORDED:
            self._parts.events.miss(self._parts.clock.now())

    def _tell_passed_over(self, now: Instant) -> None:
        """Whoever held up one that nobody looked at is asked to do it again; it goes on record."""
        for portal, number in self._parts.inbox.take_passed_over().items():
            self._passed_over[portal] += number
            self._parts.portals[portal].pass_over(now)
        if now.mono_ms >= self._passed_over_due_ms:
            self._note_passed_over(now)

    def _note_passed_over(self, now: Instant) -> None:
        if self._passed_over:
            self._passed_over_due_ms = now.mono_ms + PASSED_OVER_EVERY_MS
            said = (f"{number} at {portal}" for portal, number in self._passed_over.items())
            self._note(EventCode.SCANS_PASSED_OVER, ", ".join(said))
            self._passed_over.clear()

    def _look_round(self, now: Instant) -> None:
        """Inputs that changed, what is due at the doors, and what has time."""
        for change in self._parts.inputs.changes():
            self._take_input(change, now)
        for portal in self._parts.portals.values():
            portal.turn(now)
        if now.mono_ms >= self._chores_due_ms:
            self._chores_due_ms = now.mono_ms + CHORES_MS
            for portal in self._parts.portals.values():
                portal.look_at_posture(now)
            for chore in self._parts.chores:
                chore(now)

    def _take_input(self, change: InputChange, now: Instant) -> None:
        """What belongs to no portal is the housing's, but a fire is everybody's."""
        parts = self._parts
        if change.portal is not None:
            parts.portals[change.portal].take_input(change, now)
        elif change.kind is InputKind.FIRE and parts.portals:
            for portal in parts.portals.values():
                portal.take_input(change, now)
        else:
            parts.housing.take_input(change, now)

    def _until_due_s(self) -> float:
        """How long nothing is due."""
        parts, now = self._parts, self._parts.clock.now()
        dues = [portal.due_mono_ms() for portal in parts.portals.values()]
        due_ms = min((due for due in (*dues, parts.events.due_mono_ms(now)) if due), default=None)
        if due_ms is None:
            return LOOK_S
        return min(LOOK_S, max(0.0, (due_ms - now.mono_ms) / 1000))

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
            self._note(EventCode.STANDSTILL, f"courier: for {stood_ms} ms")

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
        for close in (parts.inbox.close, *parts.hands):
            _do_anyhow(close)
        closing = self._begin_to_close_sources()
        for close in (parts.watchdog.stopping, self._say_that_we_end):
            _do_anyhow(close)
        self._hang_up.set()
        _do_anyhow(parts.broker.wake)
        if self._carrier.ident is not None:
            self._carrier.join(GOODBYE_S)
        self._wait_for(closing)
        for close in parts.closers:
            _do_anyhow(close)

    def _begin_to_close_sources(self) -> tuple[threading.Thread, ...]:
        """All at once: a camera that hangs must not hold up the others."""
        closing = tuple(
            threading.Thread(target=_do_anyhow, args=(source.close,), name="close", daemon=True)
            for source in self._parts.sources
        )
        for thread in closing:
            thread.start()
        return closing

    def _wait_for(self, closing: tuple[threading.Thread, ...]) -> None:
        until_ms = self._parts.clock.now().mono_ms + int(SOURCES_END_S * 1000)
        for thread in closing:
            left_ms = until_ms - self._parts.clock.now().mono_ms
            thread.join(max(0, left_ms) / 1000)

    def _say_that_we_end(self) -> None:
        why = "failed" if self._has_failed else "asked to"
        log.info("gateway.stopped why=%s", why)
        self._note_passed_over(self._parts.clock.now())
        self._note(EventCode.GATEWAY_STOPPED, why)
        self._write_events(is_last=True)


def _do_anyhow(act: Callable[[], None]) -> None:
    """At the end nothing that fails keeps the rest from being done."""
    try:
        act()
    except Exception:
        log.exception("end.failed")
