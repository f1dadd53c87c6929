"""A camera as a `CodeSource`: a thread of its own looks, so that no other portal waits for it."""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

from doorward.ids import PortalId
from doorward_edge.ports import CameraHealth
from doorward_edge.scan import Scan
from doorward_edge.sight import Examined, Sight

log = logging.getLogger(__name__)

LOOK_S = 0.5
PAUSE_AFTER_FAILURE_S = 1.0
END_S = 1.5

_WELL = CameraHealth.OK


class CameraEye:
    """Looks through one camera for one portal."""

    def __init__(
        self,
        name: str,
        portal: PortalId,
        open_sight: Callable[[], Sight],
        *,
        pause_s: float = PAUSE_AFTER_FAILURE_S,
    ) -> None:
        """Takes what opens camera and decoder.

        Args:
            name: the camera's.
            portal: where it looks.
            open_sight: called by the thread that looks: its child processes end with it.
            pause_s: how long to wait after a failure.
        """
        self.name, self.portal = name, portal
        self._open_sight = open_sight
        self._pause_s = pause_s
        self._sight: Sight | None = None
        self._failures = 0
        self._asked: queue.SimpleQueue[Future[Examined]] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._put: Callable[[PortalId, Scan], None] = _nowhere
        self._thread = threading.Thread(target=self._run, name=f"eye-{name}", daemon=True)

    def start(self, put: Callable[[PortalId, Scan], None]) -> None:
        """Begins to look."""
        self._put = put
        self._thread.start()

    @property
    def sight(self) -> Sight | None:
        """Camera and reader, or None while they are being opened."""
        return self._sight

    def stats(self) -> Mapping[str, int]:
        """Returns what `Sight.stats` counts, and how often looking failed."""
        sight = self._sight
        return {**(sight.stats() if sight is not None else {}), "failures": self._failures}

    def health(self) -> CameraHealth:
        """Returns what is wrong with the camera, if anything."""
        sight = self._sight
        return CameraHealth.GONE if sight is None else sight.camera_health()

    def examine(self, timeout_s: float) -> Examined:
        """Takes a picture between two looks and has the decoder look at it.

        Raises:
            TimeoutError: there was none in time.
        """
        asked: Future[Examined] = Future()
        self._asked.put(asked)
        try:
            return asked.result(timeout_s)
        finally:
            asked.cancel()

    def close(self) -> None:
        """Stops looking; a camera that hangs is left to the end of the process."""
        self._closed.set()
        if self._thread.ident is not None:
            self._thread.join(END_S)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._look()
            except Exception:
                self._failures += 1
                log.exception("eye.failed camera=%s times=%d", self.name, self._failures)
                self._closed.wait(self._pause_s)
        if self._sight is not None:
            self._sight.close()

    def _look(self) -> None:
        if self._sight is None:
            self._sight = self._open_sight()
        self._answer(self._sight)
        for scan in self._sight.next_scans(LOOK_S):
            self._put(self.portal, scan)

    def _answer(self, sight: Sight) -> None:
        """Examines for whoever asked; who gave up meanwhile is passed over."""
        try:
            asked = self._asked.get_nowait()
        except queue.Empty:
            return
        examined = sight.examine(LOOK_S)
        if examined is None and not asked.cancelled():
            self._asked.put(asked)
        elif examined is not None and asked.set_running_or_notify_cancel():
            asked.set_result(examined)


def are_well(eyes: Sequence[CameraEye], portal: PortalId) -> bool:
    """Whether every camera of a portal gives pictures; True where it has none."""
    return all(eye.health() is CameraHealth.OK for eye in eyes if eye.portal == portal)


def stats_of(eyes: Sequence[CameraEye]) -> Mapping[str, int]:
    """Returns the counts of all eyes together; of `decode_us` the longest."""
    together: Counter[str] = Counter()
    for eye in eyes:
        together.update(eye.stats())
    together["decode_us"] = max((eye.stats().get("decode_us", 0) for eye in eyes), default=0)
    return dict(together)


def health_of(eyes: Sequence[CameraEye]) -> CameraHealth:
    """Returns the first fault of any eye; a gateway without a camera is well."""
    return next((eye.health() for eye in eyes if eye.health() is not CameraHealth.OK), _WELL)


def _nowhere(portal: PortalId, scan: Scan) -> None:
    """Nobody listens before `start`."""
    del portal, scan
