"""A Raspberry Pi camera through picamera2: the luma plane of its main stream, nothing converted.

picamera2 comes from apt with libcamera and is loaded only here. A picture is copied once, row by
row out of the camera's own buffer, and of its one and a half planes only the brightness.
"""

from collections.abc import Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from doorward.times import Clock
from doorward_edge.camera_settings import libcamera_controls, libcamera_rate
from doorward_edge.config import CameraSection
from doorward_edge.ports import CameraError
from doorward_edge.scan import Frame, Luma

Vendor = Any
"""Of picamera2's: it comes without types, and is not there where they are checked."""

_BUFFERS = 3
_LUMA_FIRST = frozenset({"YUV420", "YVU420", "NV12", "NV21"})
"""libcamera's formats that begin with a whole plane of brightness."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Where the brightness lies in a buffer.

    Attributes:
        stride: bytes from one row to the next; hardware likes them longer than the picture is wide.
    """

    width: int
    height: int
    stride: int

    @classmethod
    def of_stream(cls, stream: Mapping[str, Any]) -> "Plane":
        """Returns the plane of a stream as it was configured. Raises CameraError."""
        if stream["format"] not in _LUMA_FIRST:
            raise CameraError(
                f"it gives {stream['format']} and no plane of brightness: is it a USB camera? "
                'Then set camera.kind = "v4l2"'
            )
        width, height = stream["size"]
        return cls(width=width, height=height, stride=stream["stride"])


class PiCamera:
    """A camera of libcamera's, by its number."""

    def __init__(self, camera: CameraSection, clock: Clock) -> None:
        """Configures and starts it. Raises CameraError."""
        self._clock = clock
        self._seq = 0
        self._picamera2 = _picamera2()
        self._device = _open(self._picamera2, camera)
        self._job: Vendor = None
        try:
            self._refused = _configure(self._device, camera)
            self._plane = Plane.of_stream(self._device.stream_configuration("main"))
            self._device.start()
        except (RuntimeError, ValueError, OSError, CameraError) as err:
            # Whoever tries again finds the camera taken otherwise.
            self._device.close()
            raise _trouble(camera, err) from err
        if (given := (self._plane.width, self._plane.height)) != _size_of(camera):
            self._refused += (f"the camera gives pictures of {given[0]}x{given[1]}",)

    @property
    def refused(self) -> tuple[str, ...]:
        """What was asked for and this camera does not do."""
        return self._refused

    def next_frame(self, timeout_s: float) -> Frame | None:
        """Returns the next picture, or None when none came in time. Raises CameraError."""
        # Asked once, however often we wait for it: each question takes a picture off the camera.
        self._job = self._job or self._device.capture_request(wait=False)
        try:
            request = self._device.wait(self._job, timeout=timeout_s)
        except TimeoutError:
            return None
        except (RuntimeError, OSError, CancelledError) as err:
            self._job = None
            raise CameraError(f"the camera gives no picture: {err}") from err
        self._job = None
        at_ms = self._clock.now().mono_ms
        try:
            luma = self._luma_in(request)
        finally:
            request.release()
        self._seq += 1
        return Frame(luma=luma, seq=self._seq - 1, captured_mono_ms=at_ms)

    def close(self) -> None:
        """Stops the camera."""
        self._device.close()

    def _luma_in(self, request: Vendor) -> Luma:
        """Copies the brightness while the buffer is ours."""
        mapped = self._picamera2.MappedArray(request, "main", reshape=False, write=False)
        with mapped as buffer:
            return luma_of(buffer.array, self._plane)


def luma_of(buffer: NDArray[np.uint8], plane: Plane) -> Luma:
    """Returns a copy of the brightness in a camera's buffer.

    Args:
        buffer: the whole buffer, one byte after the other; what follows the plane does not matter.
        plane: where it lies.

    Raises:
        CameraError: the buffer is too short for that.
    """
    if buffer.size < plane.stride * plane.height or plane.stride < plane.width:
        raise CameraError(
            f"the camera gave {buffer.size} bytes for {plane.width}x{plane.height}"
            f" in rows of {plane.stride}"
        )
    rows = buffer[: plane.stride * plane.height].reshape(plane.height, plane.stride)
    return np.array(rows[:, : plane.width], dtype=np.uint8)


def _picamera2() -> Vendor:
    try:
        import picamera2  # noqa: PLC0415
    except ImportError as err:
        raise CameraError(
            f"the Python module picamera2 cannot be loaded ({err}): sudo apt install "
            "python3-picamera2, in an environment made with --system-site-packages"
        ) from err
    except ValueError as err:
        # What numpy says to a module that was built for another one.
        raise CameraError(
            f"the Python module picamera2 cannot be loaded ({err}): what Debian built for an older "
            "numpy has to be had anew in this environment: pip install simplejpeg"
        ) from err
    return picamera2


def _open(picamera2: Vendor, camera: CameraSection) -> Vendor:
    try:
        return picamera2.Picamera2(int(camera.device))
    except (RuntimeError, IndexError, ValueError, OSError) as err:
        raise _trouble(camera, err) from err


def _configure(device: Vendor, camera: CameraSection) -> tuple[str, ...]:
    """Sets size, rate and the installer's wishes; returns what the camera does not do."""
    main = {"size": _size_of(camera), "format": "YUV420"}
    configuration = device.create_video_configuration(main=main, buffer_count=_BUFFERS, queue=False)
    device.configure(configuration)
    # Only now: what exposures and rates a camera does depends on the mode that its size chose.
    offered = device.camera_controls
    rate, wishes = libcamera_rate(camera, offered), libcamera_controls(camera, offered)
    device.set_controls({**rate.controls, **wishes.controls})
    return rate.refused + wishes.refused


def _size_of(camera: CameraSection) -> tuple[int, int]:
    return (camera.width_px, camera.height_px)


def _trouble(camera: CameraSection, err: Exception) -> CameraError:
    wanted = f"{camera.width_px}x{camera.height_px}"
    return CameraError(f"camera.device {camera.device} at {wanted}: {err}")
