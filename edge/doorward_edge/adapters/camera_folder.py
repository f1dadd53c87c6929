"""A folder of pictures, played as if a camera had taken them."""

import logging
import threading
from pathlib import Path

import cv2
import numpy as np

from doorward.times import Clock
from doorward_edge.natural import SUFFIXES, natural_key
from doorward_edge.ports import CameraError, FramesEndedError
from doorward_edge.scan import Frame, Luma

log = logging.getLogger(__name__)


class FolderCamera:
    """Shows each picture once, in natural order; then again from the first, or no more."""

    def __init__(self, folder: Path, *, fps: float, clock: Clock, loops: bool = True) -> None:
        """Looks what there is. Raises CameraError when there is no picture."""
        self._paths = pictures_in(folder)
        if not self._paths:
            known = ", ".join(sorted(SUFFIXES))
            raise CameraError(f"camera.path {folder} holds no picture ({known})")
        self._interval_s = 1 / fps
        self._clock = clock
        self._loops = loops
        self._next = 0
        self._seq = 0
        self._unreadable: set[Path] = set()
        self._closed = threading.Event()

    @property
    def unreadable(self) -> frozenset[Path]:
        """The files that are no pictures although they are named so."""
        return frozenset(self._unreadable)

    def next_frame(self, timeout_s: float) -> Frame | None:  # noqa: ARG002  # its own pace
        """Waits for the next picture's time. Raises FramesEndedError."""
        luma = self._next_luma()
        if self._closed.wait(self._interval_s):
            return None
        self._seq += 1
        return Frame(luma=luma, seq=self._seq - 1, captured_mono_ms=self._clock.now().mono_ms)

    def close(self) -> None:
        """Ends a wait for the next picture."""
        self._closed.set()

    def _next_luma(self) -> Luma:
        """Returns the next picture that can be read."""
        while len(self._unreadable) < len(self._paths):
            if self._next == len(self._paths) and not self._loops:
                raise FramesEndedError("the last picture was shown")
            path = self._paths[self._next % len(self._paths)]
            self._next = self._next % len(self._paths) + 1
            luma = open_picture(path)
            if luma is not None:
                return luma
            if path not in self._unreadable:
                self._unreadable.add(path)
                log.warning("camera.unreadable file=%s", path)
        raise FramesEndedError(f"none of {len(self._paths)} files can be read as a picture")


def pictures_in(folder: Path) -> list[Path]:
    """Returns the picture files of a folder: 2.png before 10.png. Raises CameraError."""
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES]
    except OSError as err:
        raise CameraError(f"camera.path {folder} cannot be listed: {err}") from err
    return sorted(found, key=lambda path: natural_key(path.name))


def open_picture(path: Path) -> Luma | None:
    """Returns a file's brightness, or None when it cannot be read."""
    try:
        content = np.fromfile(path, dtype=np.uint8)
        luma = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE) if content.size else None
    except (OSError, cv2.error):
        return None
    return None if luma is None else np.asarray(luma, dtype=np.uint8)
