"""Measures -> what to do, in words (pure). Thresholds and how they were found: docs/aiming.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from doorward_edge.aiming.finders import find_code
from doorward_edge.aiming.measures import Measures, measure, measure_bars
from doorward_edge.aiming.plane import modules_of
from doorward_edge.scan import Luma, Point, Sighting, Symbology

AIM_MODULE_PX = 3.0
"""Below this the smallest tremor, blur or grease takes what is left."""
LEAST_MODULE_PX = 2.5
SHARP_EDGE_MODULES = 0.72
SHARP_EDGE_PX = 2.8
"""A sharp edge takes about two pixels; a code that is small but sharp is no blurred one."""
LEAST_LIGHT_DN = 60
MOST_LIGHT_DN = 250
WASHED_SHARE = 0.01
_BLINDED_SHARE = 0.3

_STRIDE_PX = 4


class Verdict(StrEnum):
    """What is to be said of a picture."""

    GOOD = "good"
    TOO_SMALL = "too_small"
    BLURRED = "blurred"
    GLARE = "glare"
    TOO_DARK = "too_dark"
    UNREADABLE = "unreadable"
    """It was found and looks as it should, and still no reader read it."""
    NO_CODE = "no_code"


WORDS = {
    Verdict.GOOD: "good",
    Verdict.TOO_SMALL: "too small",
    Verdict.BLURRED: "blurred",
    Verdict.GLARE: "glare",
    Verdict.TOO_DARK: "too dark",
    Verdict.UNREADABLE: "found, but not read",
    Verdict.NO_CODE: "no code found",
}
ADVICE = {
    Verdict.GOOD: "Nothing to do: codes of this size and sharpness are read.",
    Verdict.TOO_SMALL: "Bring camera or code closer, take a longer lens or more pixels; a code that"
    " is held aslant shrinks, too.",
    Verdict.BLURRED: "Set the focus to this distance, hold still, or shorten exposure_us and add"
    " light.",
    Verdict.GLARE: "Turn lamp or camera so that no light is mirrored into the lens; shorten"
    " exposure_us.",
    Verdict.TOO_DARK: "Add light (illumination_pin), or raise exposure_us or gain.",
    Verdict.UNREADABLE: "Large, sharp and lit enough: hold it flat and straight. A crease, a"
    " screen's pattern or a missing white border can be the cause.",
    Verdict.NO_CODE: "Hold a code up, flat and half as tall as the picture. If one is held up, it"
    " is far too small or blurred, or light is mirrored in it.",
}
"""What to do about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What one picture says.

    Attributes:
        is_read: whether a reader read the code.
        corners: where it was found, or None.
        measures: None where no code was found, or only a point of it.
    """

    verdict: Verdict
    is_read: bool
    corners: tuple[Point, Point, Point, Point] | None = None
    measures: Measures | None = None


def judge(luma: Luma, sightings: Sequence[Sighting]) -> Aim:
    """Returns what to say of a picture in which a reader saw these codes; the first one counts."""
    if sightings:
        return _judge_read(luma, sightings[0])
    outline = find_code(luma)
    if outline is None:
        return Aim(verdict=_verdict_of_scene(luma), is_read=False)
    found = measure(luma, outline.corners, outline.modules)
    verdict = verdict_of(found)
    return Aim(
        verdict=Verdict.UNREADABLE if verdict is Verdict.GOOD else verdict,
        is_read=False,
        corners=outline.corners,
        measures=found,
    )


def verdict_of(found: Measures) -> Verdict:
    """Returns the one thing that is to be mended first: light, then size, then sharpness."""
    if found.light_dn < LEAST_LIGHT_DN:
        return Verdict.TOO_DARK
    if found.washed_share >= WASHED_SHARE or found.light_dn >= MOST_LIGHT_DN:
        return Verdict.GLARE
    if found.module_px < LEAST_MODULE_PX:
        return Verdict.TOO_SMALL
    edge_px = found.blur_modules * found.module_px
    if found.blur_modules >= SHARP_EDGE_MODULES and edge_px >= SHARP_EDGE_PX:
        return Verdict.BLURRED
    return Verdict.GOOD


def _judge_read(luma: Luma, sighting: Sighting) -> Aim:
    corners = sighting.corners
    try:
        found = _measured(luma, sighting)
    except np.linalg.LinAlgError:
        # Of bars zbar tells points on one line only.
        return Aim(verdict=_verdict_of_scene(luma), is_read=True, corners=corners)
    return Aim(verdict=verdict_of(found), is_read=True, corners=corners, measures=found)


def _measured(luma: Luma, sighting: Sighting) -> Measures:
    if sighting.symbology is not Symbology.QR:
        return measure_bars(luma, sighting.corners)
    modules = modules_of(luma, sighting.corners)
    return measure(luma, sighting.corners, modules)


def _verdict_of_scene(luma: Luma) -> Verdict:
    some = luma[::_STRIDE_PX, ::_STRIDE_PX]
    if np.percentile(some, 95) < LEAST_LIGHT_DN:
        return Verdict.TOO_DARK
    if np.count_nonzero(some >= MOST_LIGHT_DN) >= _BLINDED_SHARE * some.size:
        return Verdict.GLARE
    return Verdict.NO_CODE
