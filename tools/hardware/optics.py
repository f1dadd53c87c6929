"""How far a code is read: pure optics of a pinhole with an opening. No I/O.

Three things end a reading: modules that are too small in the picture, modules that are out of
focus, and modules that move while the picture is taken. How much of each the readers bear is
measured (`hardware/reading-limits.toml`), what a camera makes of a code is computed here.
"""

import math
from dataclasses import dataclass

from tools.hardware.parts import CameraPart, Focus, Frame

QUIET_MODULES = 4
FRAME_SHARE = 0.9
"""A code that fills more of the picture's height than this is cut off by an unsteady hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the readers bear with at least 95 of 100 pictures read.

    Attributes:
        module_px: fewest pixels a module.
        defocus_modules: largest sigma of the blur, in modules.
        motion_modules: longest way during the exposure, in modules.
    """

    module_px: float
    defocus_modules: float
    motion_modules: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A code on something: so many modules in so many millimetres, without the white border."""

    modules: int
    side_mm: float

    @property
    def module_mm(self) -> float:
        """The side of a module."""
        return self.side_mm / self.modules

    @property
    def whole_mm(self) -> float:
        """The side with the white border."""
        return self.module_mm * (self.modules + 2 * QUIET_MODULES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """From where to where a code is read; nowhere when `far_mm` is below `near_mm`."""

    near_mm: float
    far_mm: float

    @property
    def is_empty(self) -> bool:
        """Whether there is no such distance."""
        return self.far_mm < self.near_mm


def focal_px(camera: CameraPart, frame: Frame) -> float:
    """Returns the focal length in pixels of that picture, which shows the sensor's whole width."""
    return frame.width_px / 2 / camera.half_width


def module_px(camera: CameraPart, frame: Frame, code: Code, distance_mm: float) -> float:
    """Returns the pixels a module, straight before the camera."""
    return focal_px(camera, frame) * code.module_mm / distance_mm


def defocus_modules(camera: CameraPart, code: Code, distance_mm: float) -> float:
    """Returns the sigma of the blur in modules; 0 for a lens that focuses by itself.

    A point makes a disc on the sensor; along one axis a disc spreads by a quarter of its diameter.
    """
    if camera.focus is Focus.MOTOR or camera.focal_mm is None or camera.focused_mm is None:
        return 0.0
    focal, focused = camera.focal_mm, camera.focused_mm
    opening_mm = focal / camera.f_number
    disc_mm = opening_mm * focal * abs(distance_mm - focused) / (distance_mm * (focused - focal))
    seen_module_mm = focal * code.module_mm / distance_mm
    return disc_mm / 4 / seen_module_mm


def longest_exposure_us(code: Code, speed_mm_s: float, limits: Limits) -> float:
    """Returns the exposure during which a code at that speed moves as far as readers bear.

    It does not depend on the distance: way and module shrink alike.
    """
    return limits.motion_modules * code.module_mm / speed_mm_s * 1e6


def reading_range(camera: CameraPart, frame: Frame, code: Code, limits: Limits) -> Range:
    """Returns where a code is read that is held still and straight."""
    focal = focal_px(camera, frame)
    far = focal * code.module_mm / limits.module_px
    fits = focal * code.whole_mm / (FRAME_SHARE * min(frame.width_px, frame.height_px))
    near = max(camera.near_mm, fits)
    sharp = _sharp(camera, code, limits)
    return Range(near_mm=max(near, sharp.near_mm), far_mm=min(far, sharp.far_mm))


def _sharp(camera: CameraPart, code: Code, limits: Limits) -> Range:
    """Returns where the blur is borne; everywhere for a lens that focuses by itself.

    `defocus_modules` is linear in the distance from the plane in focus, so that the two ends lie
    at the same distance from it.
    """
    if camera.focused_mm is None:
        return Range(near_mm=0, far_mm=math.inf)
    at = camera.focused_mm
    a_mm = defocus_modules(camera, code, at + 1)
    reach_mm = limits.defocus_modules / a_mm
    return Range(near_mm=max(0, at - reach_mm), far_mm=at + reach_mm)


def tilted(found: Range, tilt_deg: float) -> Range:
    """Returns the range of a code that is held aslant: its modules look narrower."""
    return Range(near_mm=found.near_mm, far_mm=found.far_mm * math.cos(math.radians(tilt_deg)))


def seen_mm(camera: CameraPart, frame: Frame, distance_mm: float) -> tuple[float, float]:
    """Returns the width and height that the picture shows at a distance."""
    width = 2 * camera.half_width * distance_mm
    return width, width * frame.height_px / frame.width_px
