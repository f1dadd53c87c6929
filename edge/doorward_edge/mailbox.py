"""The newest frame of a camera: a thread takes pictures, whoever asks gets the last one."""

import logging
import os
import queue
import threading
from contextlib import suppress

from doorward.times import Clock
from doorward_edge.ports import CameraError, CameraHealth, FramesEndedError, FrameSource
from doorward_edge.scan import Frame
from doorward_edge.stages.capture import CameraWatch, crop, impression_of
from doorward_edge.stages.illumination import Lantern

log = logging.getLogger(__name__)

ASK_FOR_S = 0.5
PAUSE_AFTER_FAULT_S = 1.0
NOTE_EVERY_MS = 250
"""A fault must last two seconds to be told; to look at every frame would cost scans time."""


class Mailbox:
    """One place: a new frame replaces one that nobody took, so that nobody ever sees old ones."""

    def __init__(self) -> None:
        """Begins empty."""
        self._frame: Frame | None = None
        self._lock = threading.Lock()
        # Waits without a line of Python: whoever holds a code up waits for this thread to wake.
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._is_closed = False
        self.overwritten = 0

    def put(self, frame: Frame) -> None:
        """Leaves a frame."""
        with self._lock:
            is_first, self._frame = self._frame is None, frame
        if is_first:
            self._bell.put(None)
        else:
            self.overwritten += 1

    def take(self, timeout_s: float) -> Frame | None:
        """Returns the newest frame that was not taken yet, or None when none came in time."""
        if not self._is_closed:
            with suppress(queue.Empty):
                self._bell.get(timeout=max(0.0, timeout_s))
        with self._lock:
            frame, self._frame = self._frame, None
        return frame

    def close(self) -> None:
        """Wakes whoever waits."""
        self._is_closed = True
        self._bell.put(None)


class CameraThread:
    """Reads one camera into a mailbox, cuts out what is looked at, and watches its health."""

    def __init__(
        self,
        source: FrameSource,
        clock: Clock,
        roi_px: tuple[int, ...] = (),
        lantern: Lantern | None = None,
    ) -> None:
        """Begins to read; `lantern` is told how bright the pictures are."""
        self._source = source
        self._lantern = lantern
        self._clock = clock
        self._roi_px = roi_px
        self._watch = CameraWatch(clock.now().mono_ms)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self.mailbox = Mailbox()
        self._note_at_ms = 0
        self.frames = 0
        self.faults = 0
        self.frame_ms: int = clock.now().mono_ms
        self._thread.start()

    def health(self) -> CameraHealth:
        """Returns what is wrong with the camera, if anything."""
        return self._watch.health(self._clock.now().mono_ms)

    def close(self) -> None:
        """Stops reading; a camera that hangs is left to the end of the process."""
        self._stop.set()
        self.mailbox.close()
        self._thread.join(2 * ASK_FOR_S)
        self._source.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                frame = self._source.next_frame(ASK_FOR_S)
                if frame is not None:
                    self._take_in(frame)
            except FramesEndedError as err:
                log.info("camera.ended why=%s", err)
                return
            except (CameraError, ValueError) as err:
                self._note_fault(str(err))
            except Exception as err:  # noqa: BLE001  # a driver's bug must not end the thread
                self._note_fault(f"{type(err).__name__}: {err}")

    def _note_fault(self, why: str) -> None:
        self.faults += 1
        log.warning("camera.fault error=%s", why)
        self._stop.wait(PAUSE_AFTER_FAULT_S)

    def _take_in(self, frame: Frame) -> None:
        """Hands the frame over first: the camera's health can wait, whoever holds a code cannot."""
        self.frames += 1
        self.frame_ms = frame.captured_mono_ms
        seen = crop(frame.luma, self._roi_px)
        self.mailbox.put(Frame(luma=seen, seq=frame.seq, captured_mono_ms=frame.captured_mono_ms))
        if frame.captured_mono_ms >= self._note_at_ms:
            self._note_at_ms = frame.captured_mono_ms + NOTE_EVERY_MS
            # Lets whoever waits for the frame have the interpreter at once.
            os.sched_yield()
            impression = impression_of(frame.luma)
            self._watch.note(impression, frame.captured_mono_ms)
            if self._lantern is not None:
                self._lantern.note(float(impression.sample.mean()), frame.captured_mono_ms)
