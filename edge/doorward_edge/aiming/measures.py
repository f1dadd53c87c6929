"""What can be measured of a code in a picture: size, sharpness, light, glare (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from doorward_edge.aiming.plane import Floats, Plane, module_px_of
from doorward_edge.scan import Luma, Point

_LINES = 40
_STEP_PX = 0.5
_MOST_STEPS = 2_000
_STEEPEST_PCT = 97.0
_PAPER_AND_INK_PCT = (5.0, 95.0)
_BLOCK_MODULES = 4
_BLOCK_SAMPLES = 6
_WASHED_PCT = 10.0
_WASHED_DN = 235
_WASHED_BARS = 0.9
_NARROW_PCT = 20.0
_LEAST_CONTRAST_DN = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """One code in one picture.

    Attributes:
        module_px: size of a module along the side where it is smallest.
        blur_modules: how many modules an edge between dark and light takes, in the worse of both
            directions.
        light_dn, dark_dn: brightness of paper and ink.
        washed_share: how much of the code is so bright that its dark modules are gone.
    """

    module_px: float
    blur_modules: float
    light_dn: float
    dark_dn: float
    washed_share: float


def measure(luma: Luma, corners: Sequence[Point], modules: int) -> Measures:
    """Returns the measures of a code with that many modules along a side.

    Raises:
        numpy.linalg.LinAlgError: the corners lie on one line.
    """
    plane = Plane(corners)
    along, down = (_profiles(plane, luma, corners, flip=flip) for flip in (False, True))
    dark_dn, light_dn = np.percentile(
        np.concatenate([along.ravel(), down.ravel()]), _PAPER_AND_INK_PCT
    )
    contrast = max(float(light_dn - dark_dn), _LEAST_CONTRAST_DN)
    per_sample = [modules / profile.shape[1] for profile in (along, down)]
    widths = [
        _edge_samples(profile, contrast) * each
        for profile, each in zip((along, down), per_sample, strict=True)
    ]
    return Measures(
        module_px=module_px_of(corners, modules),
        blur_modules=max(widths),
        light_dn=float(light_dn),
        dark_dn=float(dark_dn),
        washed_share=_washed_share(plane, luma, modules),
    )


def measure_bars(luma: Luma, corners: Sequence[Point]) -> Measures:
    """Returns the measures of a code of bars, whose module is its narrowest bar.

    Raises:
        numpy.linalg.LinAlgError: the corners lie on one line.
    """
    plane = Plane(corners)
    along = _profiles(plane, luma, corners, flip=False)
    dark_dn, light_dn = np.percentile(along, _PAPER_AND_INK_PCT)
    contrast = max(float(light_dn - dark_dn), _LEAST_CONTRAST_DN)
    narrowest = _narrowest_samples(along, float(light_dn + dark_dn) / 2)
    ends = np.array(corners[1]) - np.array(corners[0])
    module_px = float(np.linalg.norm(ends)) * narrowest / along.shape[1]
    return Measures(
        module_px=module_px,
        blur_modules=_edge_samples(along, contrast) / narrowest,
        light_dn=float(light_dn),
        dark_dn=float(dark_dn),
        washed_share=float(((along >= _WASHED_DN).mean(axis=1) >= _WASHED_BARS).mean()),
    )


def _narrowest_samples(profile: Floats, threshold: float) -> float:
    """Returns how many samples a narrow bar or gap takes."""
    lengths = []
    for line in profile:
        changes = np.flatnonzero(np.diff((line > threshold).astype(np.int8)))
        lengths += list(np.diff(changes))
    if not lengths:
        return float(profile.shape[1])
    return max(1.0, float(np.percentile(lengths, _NARROW_PCT)))


def _profiles(plane: Plane, luma: Luma, corners: Sequence[Point], *, flip: bool) -> Floats:
    """Returns brightness along lines through the code, a sample each half pixel."""
    points = np.array(corners, dtype=np.float64)
    ends = (points[3] - points[0]) if flip else (points[1] - points[0])
    steps = int(np.clip(np.linalg.norm(ends) / _STEP_PX, 16, _MOST_STEPS))
    run = np.tile((np.arange(steps) + 0.5) / steps, _LINES)
    line = np.repeat((np.arange(_LINES) + 0.5) / _LINES, steps)
    u, v = (line, run) if flip else (run, line)
    return plane.sample(luma, u, v).reshape(_LINES, steps)


def _edge_samples(profile: Floats, contrast: float) -> float:
    """Returns how many samples an edge takes: the contrast, by the steepest rises."""
    rises = np.abs(profile[:, 2:] - profile[:, :-2]) / 2
    steepest = float(np.percentile(rises, _STEEPEST_PCT))
    return float(contrast / max(steepest, contrast / profile.shape[1]))


def _washed_share(plane: Plane, luma: Luma, modules: int) -> float:
    """A few modules beside each other are never all light, unless something shines on them."""
    blocks = max(2, modules // _BLOCK_MODULES)
    count = blocks * _BLOCK_SAMPLES
    at = (np.arange(count) + 0.5) / count
    u, v = (axis.ravel() for axis in np.meshgrid(at, at))
    values = plane.sample(luma, u, v).reshape(blocks, _BLOCK_SAMPLES, blocks, _BLOCK_SAMPLES)
    darkest = np.percentile(values, _WASHED_PCT, axis=(1, 3))
    return float((darkest >= _WASHED_DN).mean())
