"""An installer's wishes for a camera, in the words of libcamera and of V4L2 (pure).

What a camera does not offer comes back in words: a wish that is dropped without a word is an hour
of an installer's life.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, TypeGuard

from doorward_edge.config import CameraSection

_AF_MANUAL, _AF_CONTINUOUS = 0, 2
_EXPOSURE_STEP_US = 100
"""V4L2 counts exposure in steps of 100 microseconds."""

_SECOND_US = 1_000_000
_RATE_TOLERANCE = 1.01
"""Drivers count in lines: 33,334 us are 30 a second."""

Number = bool | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What to set, and what cannot be.

    Attributes:
        controls: by the library's own names.
        refused: what the camera does not do, in words.
    """

    controls: Mapping[str, Number]
    refused: tuple[str, ...]


def libcamera_controls(
    camera: CameraSection, offered: Mapping[str, tuple[object, object, object]]
) -> Settled:
    """Returns the controls for picamera2.

    Args:
        camera: what the installer set; what was left out is left to the camera.
        offered: the camera's own controls, each with its least, most and usual value.
    """
    wanted: list[tuple[str, str, Number]] = []
    if camera.exposure_us is not None:
        wanted.append(("exposure_us", "ExposureTime", camera.exposure_us))
    if camera.gain is not None:
        wanted.append(("gain", "AnalogueGain", float(camera.gain)))
    if camera.exposure_us is not None and camera.gain is not None:
        wanted.append(("exposure_us and gain", "AeEnable", False))
    if camera.focus == "auto":
        # Not a wish that has to be refused: most cameras are focused once, with a screw.
        wanted += [("focus", "AfMode", _AF_CONTINUOUS)] if "AfMode" in offered else []
    else:
        wanted += [("focus", "AfMode", _AF_MANUAL), ("focus", "LensPosition", float(camera.focus))]
    return _settled(wanted, offered)


def libcamera_rate(
    camera: CameraSection, offered: Mapping[str, tuple[object, object, object]]
) -> Settled:
    """Returns how picamera2 is told the rate; a camera that is too slow gives what it can.

    Args:
        camera: what the installer set.
        offered: the camera's own controls in the mode that was chosen.
    """
    if "FrameDurationLimits" not in offered:
        return Settled(controls={}, refused=("fps: this camera has no FrameDurationLimits",))
    shortest_us = offered["FrameDurationLimits"][0]
    refused: tuple[str, ...] = ()
    if _is_number(shortest_us) and camera.fps * shortest_us > _SECOND_US * _RATE_TOLERANCE:
        most = _SECOND_US / shortest_us
        refused = (f"fps is {camera.fps}; this camera does {most:.1f} at this size",)
    return Settled(controls={"FrameRate": float(camera.fps)}, refused=refused)


def _settled(
    wanted: Iterable[tuple[str, str, Number]],
    offered: Mapping[str, tuple[object, object, object]],
) -> Settled:
    controls: dict[str, Number] = {}
    refused: list[str] = []
    for key, name, value in wanted:
        if name not in offered:
            refused.append(f"{key}: this camera has no {name}")
            continue
        least, most, _ = offered[name]
        if _is_number(least) and _is_number(most) and not least <= value <= most:
            refused.append(f"{key} is {value}; this camera does {least} to {most}")
            continue
        controls[name] = value
    return Settled(controls=controls, refused=tuple(dict.fromkeys(refused)))


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class V4l2(IntEnum):
    """What is set of a USB camera, by OpenCV's numbers of its properties."""

    GAIN = 14
    EXPOSURE = 15
    AUTO_EXPOSURE = 21
    FOCUS = 28
    AUTOFOCUS = 39


_V4L2_MANUAL, _V4L2_AUTO = 1, 3
"""V4L2_EXPOSURE_MANUAL, and V4L2_EXPOSURE_APERTURE_PRIORITY, which is what webcams call auto."""


def v4l2_controls(camera: CameraSection) -> tuple[tuple[str, V4l2, int], ...]:
    """Returns key of the configuration, property and value, in the order to set them.

    A fixed focus comes in the driver's own steps: V4L2 knows no dioptres.
    """
    wanted: list[tuple[str, V4l2, int]] = []
    if camera.exposure_us is not None:
        steps = max(1, round(camera.exposure_us / _EXPOSURE_STEP_US))
        wanted += [
            ("exposure_us", V4l2.AUTO_EXPOSURE, _V4L2_MANUAL),
            ("exposure_us", V4l2.EXPOSURE, steps),
        ]
    if camera.gain is not None:
        wanted.append(("gain", V4l2.GAIN, round(camera.gain)))
    if camera.focus != "auto":
        wanted += [
            ("focus", V4l2.AUTOFOCUS, 0),
            ("focus", V4l2.FOCUS, round(camera.focus)),
        ]
    return tuple(wanted)


class Adjustable(Protocol):
    """A camera as OpenCV has it."""

    def set(self, what: int, value: float, /) -> bool:
        """Returns whether the driver took it."""
        ...

    def get(self, what: int, /) -> float:
        """Returns what it is now."""
        ...


def settle_v4l2(device: Adjustable, camera: CameraSection) -> tuple[str, ...]:
    """Sets what the installer wants; returns what the camera does not do, in words."""
    refused = []
    for key, control, value in v4l2_controls(camera):
        if not device.set(control, value):
            refused.append(f"{key}: this camera does not take {control.name.lower()} = {value}")
        elif (now := round(device.get(control))) != value:
            refused.append(f"{key}: this camera took {control.name.lower()} = {now}, not {value}")
    return tuple(refused)
