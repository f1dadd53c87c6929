"""Lanes of work: a thread for each receiver, so that one that hangs delays nobody else."""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from doorward_controller.errors import ControllerError

JOIN_S = 0.5
Work = TypeVar("Work")
_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Whose work it is, which piece, and which attempt at it."""

    lane: int
    item: int
    attempt: int


@dataclass(kw_only=True)
class Lanes(Generic[Work]):
    """Gives work to the lane that it belongs to, each attempt once.

    Attributes:
        name: begins the threads' names.
        attempt: does a piece of work; what it raises is logged and ends that piece alone.
        place: says where a piece belongs.
    """

    name: str
    attempt: Callable[[Work], object]
    place: Callable[[Work], Place]

    def __post_init__(self) -> None:
        """Begins without any lane."""
        self._lanes: dict[int, _Lane[Work]] = {}

    def offer(self, work: Work) -> None:
        """Takes a piece of work; the same attempt at it only once."""
        number = self.place(work).lane
        lane = self._lanes.get(number)
        if lane is None:
            lane = _Lane(f"{self.name}-{number}", self.attempt, self.place)
            self._lanes[number] = lane
        lane.offer(work)

    def stop(self) -> None:
        """Ends the lanes; an attempt that hangs is left to its time limit."""
        for lane in self._lanes.values():
            lane.stop()
        for lane in self._lanes.values():
            lane.join(JOIN_S)


class _Lane(Generic[Work]):
    """One thread; it makes one attempt at a time."""

    def __init__(
        self, name: str, attempt: Callable[[Work], object], place: Callable[[Work], Place]
    ) -> None:
        self._attempt, self._place = attempt, place
        self._waiting: queue.Queue[Work | None] = queue.Queue()
        self._known: set[Place] = set()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, work: Work) -> None:
        place = self._place(work)
        if place not in self._known:
            self._known.add(place)
            self._waiting.put(work)

    def stop(self) -> None:
        self._waiting.put(None)

    def join(self, within_s: float) -> None:
        self._thread.join(timeout=within_s)

    def _run(self) -> None:
        while (work := self._waiting.get()) is not None:
            place = self._place(work)
            try:
                self._attempt(work)
            except ControllerError as err:
                _log.warning("delivery.waiting id=%d problem=%s", place.item, err)
            except Exception:  # noqa: BLE001  # the next piece may be fine
                _log.exception("delivery.broken id=%d", place.item)
            finally:
                self._known.discard(place)
