"""A USB camera through OpenCV's V4L2 backend, in grey."""

import contextlib

import cv2
import numpy as np

from doorward.times import Clock
from doorward_edge.camera_settings import settle_v4l2
from doorward_edge.config import CameraSection
from doorward_edge.ports import CameraError
from doorward_edge.scan import Frame, Luma


class V4l2Camera:
    """`/dev/videoN`; unplugged and plugged in again it goes on."""

    def __init__(self, camera: CameraSection, clock: Clock) -> None:
        """Takes the device; it is opened at the first picture, and again after a fault."""
        cv2.setNumThreads(1)
        self._camera = camera
        self._clock = clock
        self._seq = 0
        self._device: cv2.VideoCapture | None = None
        self._refused: tuple[str, ...] = ()

    @property
    def refused(self) -> tuple[str, ...]:
        """What was asked for and this camera does not do; known from the first picture on."""
        return self._refused

    def next_frame(self, timeout_s: float) -> Frame | None:  # noqa: ARG002  # the driver blocks
        """Waits for the next picture, at most the driver's own ten seconds. Raises CameraError."""
        device = self._device or self._open()
        came, picture = device.read()
        at_ms = self._clock.now().mono_ms
        if not came:
            self.close()
            raise CameraError(f"camera.device {self._camera.device} gives no picture")
        self._seq += 1
        luma = luma_of(np.asarray(picture, dtype=np.uint8))
        return Frame(luma=luma, seq=self._seq - 1, captured_mono_ms=at_ms)

    def close(self) -> None:
        """Lets go of the device."""
        device, self._device = self._device, None
        if device is not None:
            with contextlib.suppress(cv2.error):
                device.release()

    def _open(self) -> cv2.VideoCapture:
        name = self._camera.device
        device = cv2.VideoCapture(int(name) if name.isdigit() else name, cv2.CAP_V4L2)
        if not device.isOpened():
            raise CameraError(f"camera.device {name} cannot be opened: is it connected?")
        for what, value in (
            (cv2.CAP_PROP_BUFFERSIZE, 1),
            (cv2.CAP_PROP_FRAME_WIDTH, self._camera.width_px),
            (cv2.CAP_PROP_FRAME_HEIGHT, self._camera.height_px),
            (cv2.CAP_PROP_FPS, self._camera.fps),
        ):
            device.set(what, value)  # A camera that cannot gives what it can.
        self._refused = settle_v4l2(device, self._camera)
        self._device = device
        return device


def luma_of(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Luma:
    """Returns the brightness of a picture in BGR or grey."""
    if picture.ndim == 2:
        return picture.copy()
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
