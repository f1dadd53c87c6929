"""The gateway's physician among its other parts: what it examines, and what it is allowed to do."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from doorward.health import INSTANCE
from doorward.ids import PortalId
from doorward.times import Instant
from doorward_edge.config import EdgeConfig, PortalConfig
from doorward_edge.courier import Courier
from doorward_edge.eye import CameraEye
from doorward_edge.meters import MeteredLock
from doorward_edge.portal import Portal
from doorward_edge.ports import Board, Documents, Journal, Notice, Watchdog
from doorward_edge.sight import Sight
from doorward_edge.sync import PolicyKeeper
from doorward_edge.vitals.assembly import Body, Figured, make_vitals
from doorward_edge.vitals.clock_book import ClockBook
from doorward_edge.vitals.guard import GuardedWatchdog, Restarts
from doorward_edge.vitals.monitor import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """What the main loop does for the physician, and the watchdog that it feeds."""

    watchdog: Watchdog
    chores: tuple[Callable[[Instant], object], ...]
    notices: tuple[Callable[[], tuple[Notice, ...]], ...]
    closers: tuple[Callable[[], None], ...]


class Physician:
    """Looks after the gateway from its start to its end."""

    def __init__(
        self,
        config: EdgeConfig,
        clock: Figured,
        *,
        journal: Journal,
        documents: Documents,
        keeper: PolicyKeeper,
        eyes: Sequence[CameraEye],
        more: tuple[Source, ...] = (),
    ) -> None:
        """Takes what is examined; the clock's floor is known from here on.

        Args:
            config: what the installer set.
            clock: the gateway's.
            journal: is tried.
            documents: remember restarts and the clock's floor.
            keeper: knows how old the rules are.
            eyes: the cameras.
            more: other numbers for the health message.
        """
        self._config = config
        self._clock = clock
        self._say_soon: Callable[[], None] = _nobody
        self._book = ClockBook(clock, documents, lambda: keeper.rules)
        body = Body(
            clock=clock,
            journal=journal,
            notes=documents,
            rules=lambda: keeper.rules,
            sights={eye.name: _sight_of(eye) for eye in eyes},
            more=more,
            errands=(self._book.turn,),
        )
        self._vitals = make_vitals(config, body, self._something_changed)

    def also(self, errand: Callable[[Instant], None]) -> None:
        """Has something done every few seconds that may wait for the disk, in a thread of ours."""
        self._vitals.also(errand)

    def numbers(self) -> Mapping[str, int]:
        """Returns what was measured last, for the health message."""
        return self._vitals.numbers()

    def attend(
        self,
        courier: Courier,
        watchdog: Watchdog,
        portals: Mapping[PortalId, Portal],
        board: Board,
        fail: Callable[[], None],
    ) -> Attendance:
        """Returns what the main loop does from now on.

        Args:
            courier: carries the health message, and must turn.
            watchdog: is fed only while everything turns.
            portals: show when their cameras do not see.
            board: is started anew when nothing else helped.
            fail: ends the service as failed, so that its manager starts it anew.
        """
        self._say_soon = courier.say_health_soon
        restarts = Restarts(self._vitals, board, fail)
        return Attendance(
            watchdog=GuardedWatchdog(
                watchdog, self._vitals, self._clock, lambda: courier.turned_ms
            ),
            chores=(restarts.turn, lambda _now: self._show(portals)),
            notices=(self._vitals.take_notices, self._book.take_notices),
            closers=(self._vitals.close, self._book.keep),
        )

    def _something_changed(self) -> None:
        self._say_soon()

    def _show(self, portals: Mapping[PortalId, Portal]) -> None:
        faults = self._vitals.camera_faults()
        for section in self._config.portals:
            portals[section.id].look_at_cameras(is_blind=_is_blind(section, faults))


def cycles_of(locks: Mapping[PortalId, MeteredLock]) -> Mapping[str, int]:
    """Returns how often each lock was released since the start."""
    return {f"lock_cycles{INSTANCE}{portal}": lock.cycles for portal, lock in locks.items()}


def _is_blind(section: PortalConfig, faults: Mapping[str, object]) -> bool:
    """Whether nothing at a portal can read: a scanner, or one camera of two, still does."""
    cameras = section.cameras
    return bool(cameras) and not section.scanners and all(name in faults for name in cameras)


def _sight_of(eye: CameraEye) -> Callable[[], Sight | None]:
    return lambda: eye.sight


def _nobody() -> None:
    """Before `attend` there is nobody to tell."""
