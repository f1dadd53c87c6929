"""At which height and angle a camera sees codes in everybody's hands. Pure."""

import math
from dataclasses import dataclass

from tools.hardware.parts import CameraPart, Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """From where to where, above the floor, a group of people holds a code."""

    name: str
    low_mm: float
    high_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A camera on a wall or post.

    Attributes:
        height_mm: of the lens above the floor.
        tilt_deg: of its axis below the horizontal; negative looks up.
        worst_deg: the largest angle at which a code that is held upright is seen.
        needed_deg: how much of the picture's height is needed for all of them.
    """

    height_mm: float
    tilt_deg: float
    worst_deg: float
    needed_deg: float


def best_mount(held: tuple[Held, ...], distance_mm: float) -> Mount:
    """Returns the height in the middle of all hands: there the worst angle is the smallest."""
    low, high = min(one.low_mm for one in held), max(one.high_mm for one in held)
    return mount_at((low + high) / 2, held, distance_mm)


def mount_at(height_mm: float, held: tuple[Held, ...], distance_mm: float) -> Mount:
    """Returns how a camera at a height must be tilted, and how aslant it sees."""
    low, high = min(one.low_mm for one in held), max(one.high_mm for one in held)
    up = math.degrees(math.atan2(high - height_mm, distance_mm))
    down = math.degrees(math.atan2(low - height_mm, distance_mm))
    return Mount(
        height_mm=height_mm,
        tilt_deg=-(up + down) / 2,
        worst_deg=max(abs(up), abs(down)),
        needed_deg=up - down,
    )


def height_deg(camera: CameraPart, frame: Frame) -> float:
    """Returns how much the picture shows in height, in degrees."""
    return 2 * math.degrees(math.atan(camera.half_width * frame.height_px / frame.width_px))


def nearest_mm(
    camera: CameraPart, frame: Frame, held: tuple[Held, ...], *, code_mm: float
) -> float:
    """Returns from which distance on all hands are in the picture, whole codes at its edges."""
    low, high = min(one.low_mm for one in held), max(one.high_mm for one in held)
    half_height = camera.half_width * frame.height_px / frame.width_px
    return (high - low + code_mm) / 2 / half_height
