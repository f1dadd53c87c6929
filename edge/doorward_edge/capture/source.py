"""A camera in a process of its own, as the gateway's `FrameSource`.

`next_frame` never waits longer than it was asked to, whatever the driver does. A child that ended
is started again, at once at first and then with growing pauses; one that hangs is replaced when
`restart` asks for it. Both are done by the thread that takes the pictures: a child ends with the
thread that started it.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping

from doorward.times import Clock
from doorward_edge.camera import open_camera
from doorward_edge.capture.process import CaptureProcess, CaptureSettings
from doorward_edge.capture.protocol import CaptureNotice, CaptureProtocolError, Told
from doorward_edge.config import CameraKind, CameraSection
from doorward_edge.ports import CameraError, FramesEndedError, FrameSource
from doorward_edge.scan import Frame

log = logging.getLogger(__name__)

LARGEST_PICTURE_PX = 4608 * 2592
"""What a replayed picture may measure: a frame of the largest camera that we know."""
FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 60_000
CALM_AFTER_MS = 60_000
"""A child that worked for so long is not blamed for the one before."""
_NEWS = 16


class CaptureSource:
    """Hands out the newest picture of one camera. Used by one thread, but for the last methods."""

    def __init__(
        self, camera: CameraSection, clock: Clock, *, settings: CaptureSettings | None = None
    ) -> None:
        """Takes the camera; the process starts when the first picture is asked for.

        Args:
            camera: what the child opens.
            clock: for pauses between starts.
            settings: how children are made; the camera's own without.
        """
        self._settings = settings or CaptureSettings(
            camera=camera, place_bytes=largest_picture_px(camera)
        )
        self._clock = clock
        self._child: CaptureProcess | None = None
        self._lingering: list[CaptureProcess] = []
        self._restart_for = ""
        self._not_before_ms = 0
        self._pause_ms = 0
        self._put_off: CaptureNotice | None = None
        self._seq = -1
        self._child_seq = 0
        self._counts = {"starts": 0, "ends": 0, "passed_over": 0}
        self._news: deque[str] = deque(maxlen=_NEWS)
        self._closed = threading.Event()
        self.refused = ""
        """What was asked for and the camera does not do, in words."""

    def next_frame(self, timeout_s: float) -> Frame | None:
        """Returns the newest picture, or None when none came in time.

        Raises:
            FramesEndedError: there are no more.
            CameraError: the camera cannot be used now, or its process ended.
        """
        until_ms = self._now() + int(timeout_s * 1000)
        child = self._ready_child()
        if child is None:
            left_ms = min(until_ms, self._not_before_ms) - self._now()
            self._closed.wait(max(0, left_ms) / 1000)
            return None
        try:
            return self._newest(child, until_ms)
        except (EOFError, CaptureProtocolError) as err:
            raise self._lost(child, f"the capture process ended: {err}") from err
        except CameraError:
            raise
        except OSError as err:
            raise self._lost(child, f"the capture process is cut off: {err}") from err

    def close(self) -> None:
        """Ends the process; call it when nobody asks for pictures any more."""
        self._closed.set()
        child, self._child = self._child, None
        if child is not None:
            child.end()

    # --- From any thread ------------------------------------------------------------------------

    def restart(self, why: str) -> None:
        """Has the process replaced before the next picture."""
        self._restart_for = why

    @property
    def pid(self) -> int | None:
        """The process id of the child, or None when there is none."""
        child = self._child
        return child.pid if child else None

    def started_ms(self) -> int | None:
        """Returns when the running child was started (monotonic), or None without one."""
        child = self._child
        return child.started_mono_ms if child else None

    def stats(self) -> Mapping[str, int]:
        """Returns how often a child was started, ended by itself, and pictures passed over."""
        return dict(self._counts)

    def take_news(self) -> tuple[str, ...]:
        """Returns why children were replaced since the last call, oldest first."""
        taken = []
        while self._news:
            taken.append(self._news.popleft())
        return tuple(taken)

    # --- Pictures -------------------------------------------------------------------------------

    def _newest(self, child: CaptureProcess, until_ms: int) -> Frame | None:
        newest: CaptureNotice | None = None
        while (notice := self._next_notice(child, until_ms, newest)) is not None:
            if notice.told is Told.FRAME:
                if newest is not None:
                    child.drop(newest)
                    self._counts["passed_over"] += 1
                newest = notice
            elif newest is None or notice.told is Told.OPEN:
                self._take_in(notice)
            else:
                # The picture was taken before that, and is handed over first.
                self._put_off = notice
                break
        return None if newest is None else child.frame_of(newest, self._number(newest))

    def _next_notice(
        self, child: CaptureProcess, until_ms: int, newest: CaptureNotice | None
    ) -> CaptureNotice | None:
        """Waits only while there is no picture; a child that ended says so again, next time."""
        put_off, self._put_off = self._put_off, None
        if put_off is not None:
            return put_off
        try:
            return child.receive(0 if newest else max(0, until_ms - self._now()))
        except EOFError:
            if newest is None:
                raise
            return None

    def _take_in(self, notice: CaptureNotice) -> None:
        match notice.told:
            case Told.TROUBLE:
                raise CameraError(notice.text)
            case Told.ENDED:
                raise FramesEndedError(notice.text)
            case _:
                log.info("capture.open pid=%s", self.pid)
                if notice.text and notice.text != self.refused:
                    # Told once, however often the camera is opened.
                    log.warning("camera.refused what=%s", notice.text)
                self.refused = notice.text or self.refused

    def _number(self, notice: CaptureNotice) -> int:
        """Counts on over restarts; what the child passed over leaves a gap."""
        passed = (notice.seq - self._child_seq) % 2**32
        self._child_seq = (notice.seq + 1) % 2**32
        self._seq += 1 + passed
        return self._seq

    # --- Children -------------------------------------------------------------------------------

    def _ready_child(self) -> CaptureProcess | None:
        why, self._restart_for = self._restart_for, ""
        if why and self._child is not None:
            self._end_child(self._child)
            self._tell(why)
        is_due = self._now() >= self._not_before_ms and not self._closed.is_set()
        if self._child is None and is_due:
            self._start()
        return self._child

    def _start(self) -> None:
        self._lingering = [child for child in self._lingering if not child.has_ended()]
        try:
            self._child = CaptureProcess(self._settings, self._now())
        except OSError as err:
            self._slow_down()
            raise CameraError(f"the capture process cannot be started: {err}") from err
        self._child_seq = 0
        self._counts["starts"] += 1
        log.info("capture.started pid=%d", self._child.pid)

    def _lost(self, child: CaptureProcess, why: str) -> CameraError:
        if self._now() - child.started_mono_ms >= CALM_AFTER_MS:
            self._pause_ms = 0
        self._end_child(child)
        self._counts["ends"] += 1
        if self._pause_ms < LONGEST_PAUSE_MS:
            self._tell(why)
        self._slow_down()
        return CameraError(why)

    def _end_child(self, child: CaptureProcess) -> None:
        self._child = self._put_off = None
        if not child.end():
            self._lingering.append(child)

    def _slow_down(self) -> None:
        self._not_before_ms = self._now() + self._pause_ms
        self._pause_ms = min(max(FIRST_PAUSE_MS, 2 * self._pause_ms), LONGEST_PAUSE_MS)

    def _tell(self, why: str) -> None:
        log.warning("capture.restart why=%s", why)
        self._news.append(why)

    def _now(self) -> int:
        return self._clock.now().mono_ms


def largest_picture_px(camera: CameraSection) -> int:
    """Returns how many pixels a picture of this camera may have.

    A USB camera, a file and a film give what they like; room that is not used costs none.
    """
    any_size = camera.kind in {CameraKind.FOLDER, CameraKind.VIDEO, CameraKind.V4L2}
    return LARGEST_PICTURE_PX if any_size else camera.width_px * camera.height_px


def open_source(camera: CameraSection, clock: Clock) -> FrameSource:
    """Returns a camera's pictures: from a process of its own, or rendered here in a simulation."""
    if camera.kind is CameraKind.SCENE:
        return open_camera(camera, clock)
    return CaptureSource(camera, clock)
