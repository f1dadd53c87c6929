"""What an installer wishes of a camera is set, or refused in words; nothing is dropped."""

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from doorward_edge.camera_settings import V4l2, libcamera_controls, settle_v4l2
from doorward_edge.config import CameraKind, CameraSection

AF_CAMERA = {
    "AeEnable": (False, True, True),
    "AfMode": (0, 2, 0),
    "AnalogueGain": (1.0, 16.0, None),
    "ExposureTime": (26, 220_417_486, None),
    "LensPosition": (0.0, 15.0, 1.0),
}
"""As a camera module with a motor tells, with least, most and usual value."""
SCREW_CAMERA = {k: v for k, v in AF_CAMERA.items() if k not in {"AfMode", "LensPosition"}}
"""One that is focused by hand, with a screw."""


def camera(**wishes: Any) -> CameraSection:
    return CameraSection(name="front", kind=CameraKind.PICAMERA2, **wishes)


LIBCAMERA: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ({}, AF_CAMERA, {"AfMode": 2}, ()),
    ({}, SCREW_CAMERA, {}, ()),
    ({"focus": 4.0}, AF_CAMERA, {"AfMode": 0, "LensPosition": 4.0}, ()),
    (
        {"focus": 4.0},
        SCREW_CAMERA,
        {},
        ("focus: this camera has no AfMode", "focus: this camera has no LensPosition"),
    ),
    ({"exposure_us": 4_000}, SCREW_CAMERA, {"ExposureTime": 4_000}, ()),
    ({"gain": 2}, SCREW_CAMERA, {"AnalogueGain": 2.0}, ()),
    (
        {"exposure_us": 4_000, "gain": 2.5},
        SCREW_CAMERA,
        {"ExposureTime": 4_000, "AnalogueGain": 2.5, "AeEnable": False},
        (),
    ),
    ({"gain": 32.0}, SCREW_CAMERA, {}, ("gain is 32.0; this camera does 1.0 to 16.0",)),
    ({"gain": 2.0}, {}, {}, ("gain: this camera has no AnalogueGain",)),
]


@pytest.mark.parametrize(("wishes", "offered", "controls", "refused"), LIBCAMERA)
def test_a_wish_becomes_a_control_or_a_sentence(
    wishes: dict[str, Any],
    offered: dict[str, Any],
    controls: dict[str, Any],
    refused: tuple[str, ...],
) -> None:
    settled = libcamera_controls(camera(**wishes), offered)
    assert (dict(settled.controls), settled.refused) == (controls, refused)


@dataclass
class Webcam:
    """A USB camera's driver: what it has, and how it rounds."""

    has: frozenset[V4l2]
    step: int = 1
    values: dict[int, int] = field(default_factory=dict)

    def set(self, what: int, value: float, /) -> bool:
        if what not in self.has:
            return False
        self.values[what] = round(value) // self.step * self.step
        return True

    def get(self, what: int, /) -> float:
        return float(self.values[what])


def test_a_usb_camera_is_set_in_the_drivers_own_steps() -> None:
    webcam = Webcam(frozenset(V4l2))
    wishes = camera(exposure_us=4_000, gain=8, focus=12.0)
    assert settle_v4l2(webcam, wishes) == ()
    assert webcam.values == {
        V4l2.AUTO_EXPOSURE: 1,
        V4l2.EXPOSURE: 40,
        V4l2.GAIN: 8,
        V4l2.AUTOFOCUS: 0,
        V4l2.FOCUS: 12,
    }


def test_a_usb_camera_that_is_left_alone_is_left_alone() -> None:
    webcam = Webcam(frozenset(V4l2))
    assert settle_v4l2(webcam, camera()) == ()
    assert webcam.values == {}


def test_what_a_usb_camera_does_not_take_or_takes_otherwise_is_said() -> None:
    webcam = Webcam(frozenset({V4l2.GAIN}), step=5)
    assert settle_v4l2(webcam, camera(gain=8, exposure_us=4_000)) == (
        "exposure_us: this camera does not take auto_exposure = 1",
        "exposure_us: this camera does not take exposure = 40",
        "gain: this camera took gain = 5, not 8",
    )


def test_every_wish_of_the_configuration_reaches_both_kinds_of_camera() -> None:
    """A key that is added to the table and forgotten here would be dropped without a word."""
    wishes = {"exposure_us": 4_000, "gain": 2.0, "focus": 3.0}
    told = {"name", "kind", "device", "path", "width_px", "height_px", "fps", "roi_px"}
    elsewhere = {name for name in CameraSection.__struct_fields__ if name.startswith("illum")}
    assert {*CameraSection.__struct_fields__} == {*wishes, *told, *elsewhere}
    for key, value in wishes.items():
        one = msgspec.structs.replace(camera(), **{key: value})
        assert any(key in said for said in libcamera_controls(one, {}).refused)
        assert any(key in said for said in settle_v4l2(Webcam(frozenset()), one))
