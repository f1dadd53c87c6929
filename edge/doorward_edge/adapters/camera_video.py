"""A film, played as if a camera were taking it."""

import threading
from pathlib import Path

import cv2
import numpy as np

from doorward.times import Clock
from doorward_edge.ports import CameraError, FramesEndedError
from doorward_edge.scan import Frame


class VideoCamera:
    """Plays a video file at the camera's rate, frame by frame; then again, or no more."""

    def __init__(self, path: Path, *, fps: float, clock: Clock, loops: bool = True) -> None:
        """Opens the file. Raises CameraError."""
        cv2.setNumThreads(1)
        self._path = path
        self._interval_s = 1 / fps
        self._clock = clock
        self._loops = loops
        self._seq = 0
        self._closed = threading.Event()
        self._film = self._open()

    def next_frame(self, timeout_s: float) -> Frame | None:  # noqa: ARG002  # its own pace
        """Waits for the next picture's time. Raises FramesEndedError, CameraError."""
        came, picture = self._film.read()
        if not came:
            if not self._loops:
                raise FramesEndedError(f"{self._path} is over")
            self._film.release()
            self._film = self._open()
            came, picture = self._film.read()
        if not came:
            raise CameraError(f"camera.path {self._path} holds no pictures")
        if self._closed.wait(self._interval_s):
            return None
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        self._seq += 1
        return Frame(
            luma=np.asarray(grey, dtype=np.uint8),
            seq=self._seq - 1,
            captured_mono_ms=self._clock.now().mono_ms,
        )

    def close(self) -> None:
        """Ends a wait for the next picture."""
        self._closed.set()

    def _open(self) -> cv2.VideoCapture:
        film = cv2.VideoCapture(str(self._path))
        if not film.isOpened():
            raise CameraError(f"camera.path {self._path} cannot be opened as a film")
        return film
