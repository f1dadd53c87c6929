"""The watchdog, fed only while the gateway lives; and the restarts that a camera may ask for."""

import logging
from collections.abc import Callable

from doorward.times import Clock, Instant
from doorward_edge.ports import Board, Watchdog
from doorward_edge.vitals.camera_ladder import Step
from doorward_edge.vitals.monitor import Vitals

log = logging.getLogger(__name__)


class GuardedWatchdog:
    """Feeds the real one unless something stands still. Fed by the main loop, which thus turns."""

    def __init__(
        self, watchdog: Watchdog, vitals: Vitals, clock: Clock, courier_ms: Callable[[], int]
    ) -> None:
        """Takes the watchdog, and who knows when the courier turned last (monotonic)."""
        self._watchdog = watchdog
        self._vitals = vitals
        self._clock = clock
        self._courier_ms = courier_ms

    def ready(self) -> None:
        """Says that the gateway works, and begins to measure."""
        self._watchdog.ready()
        self._vitals.start()

    def feed(self) -> None:
        """Says that it still does, if it does."""
        now = self._clock.now()
        if not self._vitals.standstills(now, now.mono_ms, self._courier_ms()):
            self._watchdog.feed()

    def stopping(self) -> None:
        """Says that it ends on purpose."""
        self._watchdog.stopping()


class Restarts:
    """Carries out what the cameras' ladder asks of service and board; a chore of the main loop."""

    def __init__(self, vitals: Vitals, board: Board, fail: Callable[[], None]) -> None:
        """Takes how the board is started anew, and how the service ends as failed."""
        self._vitals = vitals
        self._board = board
        self._fail = fail

    def turn(self, now: Instant) -> None:
        """Looks after the cameras."""
        step = self._vitals.turn(now)
        if step is Step.BOARD:
            try:
                self._board.reboot()
            except OSError as err:
                # The service's restart is what is left; it counts as the board's.
                log.error("board.not_restarted error=%s", err)  # noqa: TRY400
        if step is not None:
            self._fail()
