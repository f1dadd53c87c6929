"""How a code is held and what the camera makes of it, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where and how a code is held in front of the camera.

    Attributes:
        module_px: pixels of the frame per module at the middle of the code.
        tilt_x_deg: leaning away at the top (positive) or bottom.
        tilt_y_deg: turned away at the left (positive) or right.
        turn_deg: turned in the plane of the picture, clockwise.
        center_x: middle of the code as a share of the frame's width.
        center_y: middle of the code as a share of the frame's height.
        curl: how much of a half circle the card is bent round, 0 flat to 1.
    """

    module_px: float = 4.0
    tilt_x_deg: float = 0.0
    tilt_y_deg: float = 0.0
    turn_deg: float = 0.0
    center_x: float = 0.5
    center_y: float = 0.5
    curl: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """What the code is drawn on.

    Attributes:
        ink: reflectance of the dark modules, 0 to 1.
        paper: reflectance of the light modules, 0 to 1.
        inverted: light modules on a dark ground.
        quiet_modules: width of the light border in modules.
        moire: strength of the bands that a display's pixel grid makes, 0 (paper) to 1.
    """

    ink: float = 0.08
    paper: float = 0.85
    inverted: bool = False
    quiet_modules: float = 4.0
    moire: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Optics:
    """What lens, light and sensor do to the picture.

    Attributes:
        blur_px: sigma of the defocus.
        motion_px: how far the code travels during the exposure.
        motion_deg: in which direction.
        light: exposure of the scene; 1 is well lit, 0.1 is dusk.
        gradient: how much darker one side of the scene is, 0 to 1.
        glare: strength of a bright reflection on the code, 0 to 1.
        noise_dn: sigma of the sensor's noise in grey levels.
        shot: growth of the noise's variance with brightness, in grey levels.
    """

    blur_px: float = 0.6
    motion_px: float = 0.0
    motion_deg: float = 0.0
    light: float = 1.0
    gradient: float = 0.0
    glare: float = 0.0
    noise_dn: float = 2.0
    shot: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything that decides a rendered picture but the payload and the dice."""

    pose: Pose = Pose()
    medium: Medium = Medium()
    optics: Optics = Optics()


Part = TypeVar("Part", Pose, Medium, Optics)
_SHORT_NAMES = {"tilt_deg": "tilt_x_deg"}


def changed_look(look: Look, attributes: Mapping[str, Any]) -> Look:
    """Returns a look with these attributes, whichever of its parts they belong to.

    Raises:
        ValueError: an attribute is not known or is no number.
    """
    wanted = {_SHORT_NAMES.get(name, name): value for name, value in attributes.items()}
    if unknown := set(wanted) - _names(look.pose, look.medium, look.optics):
        known = ", ".join(sorted(_names(look.pose, look.medium, look.optics)))
        raise ValueError(f"{', '.join(sorted(unknown))} is not known; known are {known}")
    for name, value in wanted.items():
        if not isinstance(value, int | float):
            raise ValueError(f"{name} is {value!r}, must be a number")  # noqa: TRY004  # said to a person
    return Look(
        pose=_changed(look.pose, wanted),
        medium=_changed(look.medium, wanted),
        optics=_changed(look.optics, wanted),
    )


def _names(*parts: Pose | Medium | Optics) -> set[str]:
    return {field.name for part in parts for field in fields(part)}


def _changed(part: Part, wanted: Mapping[str, Any]) -> Part:
    own = _names(part)
    return replace(part, **{name: value for name, value in wanted.items() if name in own})
