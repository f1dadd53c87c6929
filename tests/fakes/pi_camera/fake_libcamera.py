"""A fake libcamera for the real picamera2: one camera that draws into the buffers it is given.

Names and signatures are those of libcamera's Python binding (src/py/libcamera/py_main.cpp of
raspberrypi/libcamera); what is behind them is ours. It shows what picamera2 asks of libcamera, and
what our adapter makes of picamera2's answers; it does not show what a sensor or a driver does.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, ClassVar, TextIO

import numpy as np
from numpy.typing import NDArray

PADDING, CHROMA = 0xEE, 0x80
"""What lies beside and behind the brightness; a picture that has any of it was cut out wrongly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeWorld:
    """What kind of camera there is, and what goes wrong.

    Attributes:
        align_px: rows are as long as the next multiple of it.
        given_format, given_size: what the camera gives whatever it is asked for.
        controls: name -> least, most and usual value before it is configured.
        controls_configured: what changes with the mode.
        tail_bytes: how much longer a buffer is than its planes.
        refusals: so many times configuring fails.
        pause_s: from one picture to the next.
        pictures: after so many the camera hangs; 0 for never.
        log: what was asked of it, one JSON object a line.
    """

    align_px: int = 64
    given_format: str = ""
    given_size: tuple[int, int] = (0, 0)
    controls: Mapping[str, list[Any]] = field(default_factory=dict)
    controls_configured: Mapping[str, list[Any]] = field(default_factory=dict)
    tail_bytes: int = 0
    refusals: int = 0
    pause_s: float = 0.02
    pictures: int = 0
    cameras: int = 1
    log: str = os.devnull

    @classmethod
    def from_json(cls, text: str) -> "FakeWorld":
        fields = json.loads(text)
        fields["given_size"] = tuple(fields.get("given_size", (0, 0)))
        return cls(**fields)


def picture(seq: int, width: int, height: int) -> NDArray[np.uint8]:
    """Returns the brightness of one picture: no row and no column is like its neighbour."""
    rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
    return np.asarray((3 * rows + 7 * columns + seq) % 97 + 20, dtype=np.uint8)


class StreamRole(Enum):
    StillCapture = auto()
    Raw = auto()
    VideoRecording = auto()
    Viewfinder = auto()


class ControlType(Enum):
    Bool = auto()
    Integer32 = auto()
    Float = auto()
    Rectangle = auto()
    Size = auto()


class Orientation(Enum):
    Rotate0 = auto()
    Rotate0Mirror = auto()
    Rotate180 = auto()
    Rotate180Mirror = auto()
    Rotate90 = auto()
    Rotate90Mirror = auto()
    Rotate270 = auto()
    Rotate270Mirror = auto()


class Transform:
    def __init__(
        self,
        other: "Transform | None" = None,
        *,
        hflip: int = 0,
        vflip: int = 0,
        transpose: int = 0,
    ) -> None:
        self.hflip: int = other.hflip if other else hflip
        self.vflip: int = other.vflip if other else vflip
        self.transpose: int = other.transpose if other else transpose

    def __str__(self) -> str:
        return f"hflip={self.hflip} vflip={self.vflip} transpose={self.transpose}"


class ColorSpace:
    class YcbcrEncoding(Enum):
        Null = auto()
        Rec709 = auto()

    class Range(Enum):
        Full = auto()
        Limited = auto()

    def __init__(self, name: str) -> None:
        self.primaries = self.transferFunction = name
        self.ycbcrEncoding = self.YcbcrEncoding.Rec709
        self.range = self.Range.Limited

    def __str__(self) -> str:
        return str(self.primaries)

    @classmethod
    def Sycc(cls) -> "ColorSpace":
        return cls("Sycc")

    @classmethod
    def Smpte170m(cls) -> "ColorSpace":
        return cls("Smpte170m")

    @classmethod
    def Rec709(cls) -> "ColorSpace":
        return cls("Rec709")

    @classmethod
    def Raw(cls) -> "ColorSpace":
        return cls("Raw")


class Size:
    def __init__(self, width: int = 0, height: int = 0) -> None:
        self.width, self.height = width, height


class Rectangle:
    def __init__(self, x: int = 0, y: int = 0, width: int = 0, height: int = 0) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height


class PixelFormat:
    def __init__(self, name: str) -> None:
        self._name = name

    def __str__(self) -> str:
        return self._name


class SensorConfiguration:
    bit_depth = 0
    output_size = Size()


@dataclass(frozen=True, slots=True)
class ControlId:
    name: str
    type: ControlType = ControlType.Integer32


@dataclass(frozen=True, slots=True)
class ControlInfo:
    min: Any
    max: Any
    default: Any


CONTROL_IDS: dict[str, ControlId] = {}


def control_id(name: str) -> ControlId:
    """Returns the one identity of a control; picamera2 compares identities."""
    return CONTROL_IDS.setdefault(name, ControlId(name))


class Stream:
    """Only an identity."""


class FrameMetadata:
    class Status(Enum):
        Success = auto()
        Error = auto()

    status = Status.Success


class FrameBuffer:
    class Plane:
        fd, offset, length = -1, 0, 0

    def __init__(self, planes: "list[FrameBuffer.Plane]", cookie: int = 0) -> None:
        self.planes, self.cookie, self.metadata = planes, cookie, FrameMetadata()


class Request:
    class Status(Enum):
        Pending = auto()
        Complete = auto()
        Cancelled = auto()

    def __init__(self, cookie: int) -> None:
        self.cookie, self.status = cookie, Request.Status.Pending
        self.buffers: dict[Stream, FrameBuffer] = {}
        self.metadata: dict[ControlId, Any] = {}

    def add_buffer(self, stream: Stream, buffer: FrameBuffer) -> None:
        self.buffers[stream] = buffer

    def set_control(self, control: ControlId, value: Any) -> None:
        say("control", name=control.name, value=value)

    def reuse(self) -> None:
        self.status = Request.Status.Pending


class StreamFormats:
    pixel_formats: ClassVar = [PixelFormat("SRGGB10_CSI2P")]

    def sizes(self, _: PixelFormat) -> list[Size]:
        return [Size(1536, 864), Size(2304, 1296)]


class StreamConfiguration:
    def __init__(self, role: StreamRole) -> None:
        self.role, self.stream, self.formats = role, Stream(), StreamFormats()
        self.size, self.pixel_format = Size(640, 480), PixelFormat("YUV420")
        self.stride = self.frame_size = self.buffer_count = 0
        self.color_space: ColorSpace | None = None

    def settle(self, world: FakeWorld) -> None:
        """Chooses what the camera gives, as a pipeline does."""
        if self.role is StreamRole.Raw:
            self.stride, self.frame_size = 2048, 2048 * self.size.height
            return
        if world.given_format:
            self.pixel_format = PixelFormat(world.given_format)
        if world.given_size != (0, 0):
            self.size = Size(*world.given_size)
        self.stride = -(-self.size.width // world.align_px) * world.align_px
        self.frame_size = self.stride * self.size.height * 3 // 2 + world.tail_bytes


class CameraConfiguration:
    class Status(Enum):
        Valid = auto()
        Adjusted = auto()
        Invalid = auto()

    def __init__(self, roles: list[StreamRole], world: FakeWorld) -> None:
        self._streams = [StreamConfiguration(role) for role in roles]
        self._world = world
        self.orientation, self.sensor_config = Orientation.Rotate0, None

    def __iter__(self) -> Iterator[StreamConfiguration]:
        return iter(self._streams)

    def at(self, index: int) -> StreamConfiguration:
        return self._streams[index]

    def validate(self) -> "CameraConfiguration.Status":
        for stream in self._streams:
            stream.settle(self._world)
        return CameraConfiguration.Status.Adjusted


class Camera:
    id = "/base/soc/i2c0mux/i2c@1/imx708@1a"

    def __init__(self, manager: "CameraManager", world: FakeWorld) -> None:
        self._manager, self._world = manager, world
        self._config: CameraConfiguration | None = None
        self._is_taken, self._refusals, self._shown = False, world.refusals, 0
        self._queued: list[Request] = []
        self._lock, self._stopping = threading.Condition(), False
        self._thread: threading.Thread | None = None

    @property
    def controls(self) -> dict[ControlId, ControlInfo]:
        offered = {**self._world.controls}
        if self._config is not None:
            offered |= self._world.controls_configured
        return {control_id(name): ControlInfo(*limits) for name, limits in offered.items()}

    @property
    def properties(self) -> dict[ControlId, Any]:
        known = {"Model": "imx708", "Location": 2, "Rotation": 180, "ColorFilterArrangement": 0}
        return {ControlId(name): value for name, value in known.items()}

    def acquire(self) -> None:
        if self._is_taken:
            raise RuntimeError("Failed to acquire camera: Device or resource busy")
        self._is_taken = True

    def release(self) -> None:
        self._is_taken = False
        say("release")

    def generate_configuration(self, roles: list[StreamRole]) -> CameraConfiguration:
        return CameraConfiguration(roles, self._world)

    def configure(self, config: CameraConfiguration) -> None:
        if self._refusals:
            self._refusals -= 1
            raise OSError(22, "Failed to configure camera: Invalid argument")
        self._config = config
        main = config.at(0)
        say("configure", size=[main.size.width, main.size.height], stride=main.stride)

    def create_request(self, cookie: int = 0) -> Request:
        return Request(cookie)

    def queue_request(self, request: Request) -> None:
        with self._lock:
            self._queued.append(request)
            self._lock.notify()

    def start(self, controls: Mapping[ControlId, Any]) -> None:
        say("start", controls={control.name: value for control, value in controls.items()})
        self._stopping = False
        self._thread = threading.Thread(target=self._show, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
            self._lock.notify()
        if self._thread is not None:
            self._thread.join()
        say("stop")

    def _show(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._stopping or (self._queued and self._has_more()))
                if self._stopping:
                    return
                request = self._queued.pop(0)
                self._lock.wait(self._world.pause_s)
            self._draw(request)
            self._manager.complete(request)

    def _has_more(self) -> bool:
        return not self._world.pictures or self._shown < self._world.pictures

    def _draw(self, request: Request) -> None:
        assert self._config is not None
        main = self._config.at(0)
        plane = request.buffers[main.stream].planes[0]
        width, height = main.size.width, main.size.height
        rows = np.full((height, main.stride), PADDING, dtype=np.uint8)
        rows[:, :width] = picture(self._shown, width, height)
        os.pwrite(plane.fd, rows.tobytes(), plane.offset)
        os.pwrite(plane.fd, bytes([CHROMA]) * (plane.length - rows.size), rows.size)
        request.status = Request.Status.Complete
        self._shown += 1


class CameraManager:
    _one: ClassVar["CameraManager | None"] = None

    def __init__(self, world: FakeWorld) -> None:
        self.event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.cameras = [Camera(self, world) for _ in range(world.cameras)]
        self._ready: list[Request] = []
        self._lock = threading.Lock()

    @classmethod
    def singleton(cls) -> "CameraManager":
        if cls._one is None:
            world = FakeWorld.from_json(os.environ["DOORWARD_FAKE_CAMERA"])
            cls._one = cls(world)
            # Once: the capture process makes no files later.
            _Log.file = open(world.log, "a", encoding="utf-8", buffering=1)  # noqa: SIM115, PTH123  # kept
        return cls._one

    def complete(self, request: Request) -> None:
        with self._lock:
            self._ready.append(request)
        os.eventfd_write(self.event_fd, 1)

    def get_ready_requests(self) -> list[Request]:
        try:
            os.eventfd_read(self.event_fd)
        except BlockingIOError:
            return []
        with self._lock:
            ready, self._ready = self._ready, []
        return ready


class _Log:
    file: ClassVar[TextIO | None] = None


def say(what: str, **more: Any) -> None:
    if _Log.file is not None:
        _Log.file.write(json.dumps({"what": what, **more}) + "\n")
