"""The gateway's own physician: measures in a thread of its own, judges, says what changed.

The thread may wait for a slow disk; the main loop, which asks whether the watchdog may be fed,
never does. What was measured is handed over as a whole.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial

from doorward.health import Level
from doorward.times import Clock, Instant
from doorward_edge.ports import CameraHealth, Notice
from doorward_edge.vitals.camera_care import CameraCare
from doorward_edge.vitals.camera_ladder import Step
from doorward_edge.vitals.changes import Change, LevelBook
from doorward_edge.vitals.journal_watch import JournalWatch
from doorward_edge.vitals.liveness import Facts, Standstill, standstills

log = logging.getLogger(__name__)

MEASURE_EVERY_S = 5.0
_END_S = 0.2
_MOST_NOTICES = 64

Source = Callable[[Instant], Mapping[str, int]]
"""Gives some numbers by their metrics' names; called by the measuring thread."""


class Vitals:
    """What is known of the gateway's health.

    `turn`, `standstills` and `take_notices` belong to the main loop, `numbers` to anybody.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        sources: tuple[Source, ...],
        cameras: CameraCare,
        journal: JournalWatch,
        say_soon: Callable[[], None],
        errands: tuple[Callable[[Instant], None], ...] = (),
        every_s: float = MEASURE_EVERY_S,
    ) -> None:
        """Takes what is measured; nothing is before `start`.

        Args:
            clock: for deadlines.
            sources: what is measured.
            cameras: looked after by `turn`.
            journal: tried by the measuring thread.
            say_soon: called when something got worse or well: the health message is due.
            errands: what else may wait for the disk: done by the measuring thread.
            every_s: how often it is measured.
        """
        self._clock = clock
        self._sources = sources
        self._cameras = cameras
        self._journal = journal
        self._say_soon = say_soon
        self._errands = errands
        self._every_s = every_s
        self._levels = LevelBook()
        self._numbers: Mapping[str, int] = {}
        self._notices: deque[Notice] = deque(maxlen=_MOST_NOTICES)
        self._said: tuple[Standstill, ...] = ()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vitals", daemon=True)

    def also(self, errand: Callable[[Instant], None]) -> None:
        """Takes on one more errand; it is done with the next measuring."""
        self._errands = (*self._errands, errand)

    def start(self) -> None:
        """Begins to measure."""
        self._thread.start()

    def close(self) -> None:
        """Stops measuring; a disk that hangs is left to the end of the process."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join(_END_S)

    def numbers(self) -> Mapping[str, int]:
        """Returns what was measured last."""
        return self._numbers

    def camera_faults(self) -> Mapping[str, CameraHealth]:
        """Returns the cameras that do not see, and why."""
        return self._cameras.faults()

    def turn(self, now: Instant) -> Step | None:
        """Looks after the cameras. Returns what of the gateway is to be started anew, if any."""
        return self._cameras.turn(now)

    def standstills(self, now: Instant, main_ms: int, courier_ms: int) -> tuple[Standstill, ...]:
        """Returns why the watchdog must not be fed; says so once when it changes."""
        facts = Facts(
            main_ms=main_ms,
            courier_ms=courier_ms,
            journal=self._journal.facts(),
            cameras=self._cameras.facts(),
        )
        found = standstills(facts, now.mono_ms)
        if found != self._said:
            self._said = found
            if found:
                log.error("watchdog.unfed why=%s", ",".join(found))
            else:
                log.info("watchdog.fed_again")
        return found

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what belongs on record since the last call."""
        taken = list(self._cameras.take_notices())
        while self._notices:
            taken.append(self._notices.popleft())
        return tuple(taken)

    # --- The measuring thread -------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed.is_set():
            _do_anyhow(self.measure)
            _do_anyhow(lambda: self._journal.turn(lambda: self._clock.now().mono_ms))
            self.run_errands()
            self._closed.wait(self._every_s)

    def run_errands(self) -> None:
        """Does every errand once; one that fails does not keep the next from being done."""
        for errand in self._errands:
            _do_anyhow(partial(errand, self._clock.now()))

    def measure(self) -> None:
        """Measures once, and tells what changed."""
        now = self._clock.now()
        numbers: dict[str, int] = {}
        for source in self._sources:
            try:
                numbers |= source(now)
            except Exception:  # one source that fails must not hide the others
                log.exception("vitals.source_failed")
        self._numbers = numbers
        changes = self._levels.take(numbers, now.mono_ms)
        for change in changes:
            self._tell(change)
        if changes:
            self._say_soon()

    def _tell(self, change: Change) -> None:
        level = logging.WARNING if change.now > Level.OK else logging.INFO
        log.log(
            level,
            "health.%s name=%s value=%d before=%s",
            change.now.name.lower(),
            change.name,
            change.value,
            change.before.name.lower(),
        )
        if change.event is not None:
            self._notices.append(Notice(code=change.event, detail=f"{change.name} {change.value}"))


def _do_anyhow(act: Callable[[], object]) -> None:
    try:
        act()
    except Exception:
        log.exception("vitals.failed")
