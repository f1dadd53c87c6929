"""A Raspberry Pi camera through picamera2: the luma plane of its main stream, nothing converted.

picamera2 comes from apt with libcamera and is loaded only here.
"""

from typing import Any

import numpy as np

from doorward.times import Clock
from doorward_edge.camera_settings import libcamera_controls
from doorward_edge.config import CameraSection
from doorward_edge.ports import CameraError
from doorward_edge.scan import Frame, Luma

_BUFFERS = 3


class PiCamera:
    """A camera of libcamera's, by its number."""

    def __init__(self, camera: CameraSection, clock: Clock) -> None:
        """Configures and starts it. Raises CameraError."""
        self._size = (camera.width_px, camera.height_px)
        self._clock = clock
        self._seq = 0
        self._device, self._refused = _open(camera)

    @property
    def refused(self) -> tuple[str, ...]:
        """What was asked for and this camera does not do."""
        return self._refused

    def next_frame(self, timeout_s: float) -> Frame | None:  # noqa: ARG002  # libcamera blocks
        """Waits for the next picture; a camera that gives none blocks until `close`."""
        try:
            request = self._device.capture_request()
        except RuntimeError as err:
            raise CameraError(f"the camera gives no picture: {err}") from err
        try:
            at_ms = self._clock.now().mono_ms
            luma = luma_of(request.make_array("main"), self._size)
        finally:
            request.release()
        self._seq += 1
        return Frame(luma=luma, seq=self._seq - 1, captured_mono_ms=at_ms)

    def close(self) -> None:
        """Stops the camera."""
        self._device.close()


def luma_of(planes: np.ndarray[Any, np.dtype[np.uint8]], size_px: tuple[int, int]) -> Luma:
    """Returns a copy of the brightness in a YUV 4:2:0 picture.

    Args:
        planes: rows of luma, then rows of colour; rows may be longer than the picture is wide.
        size_px: width and height of the picture.

    Raises:
        CameraError: there is less than that.
    """
    width, height = size_px
    luma = planes[:height, :width]
    if luma.shape != (height, width):
        raise CameraError(f"the camera gave {planes.shape[1]}x{planes.shape[0]}, not {size_px}")
    return np.array(luma, dtype=np.uint8)


def _open(camera: CameraSection) -> tuple[Any, tuple[str, ...]]:
    try:
        from picamera2 import Picamera2  # noqa: PLC0415
    except ImportError as err:
        raise CameraError(
            f"the Python module picamera2 cannot be loaded ({err}): sudo apt install "
            "python3-picamera2, in an environment made with --system-site-packages"
        ) from err
    try:
        device = Picamera2(int(camera.device))
        settled = libcamera_controls(camera, device.camera_controls)
        configuration = device.create_video_configuration(
            main={"size": (camera.width_px, camera.height_px), "format": "YUV420"},
            controls={"FrameRate": float(camera.fps), **settled.controls},
            buffer_count=_BUFFERS,
            queue=False,
        )
        device.configure(configuration)
        device.start()
    except (RuntimeError, IndexError, ValueError, OSError) as err:
        raise CameraError(
            f"camera.device {camera.device} at {camera.width_px}x{camera.height_px}: {err}"
        ) from err
    return device, settled.refused
