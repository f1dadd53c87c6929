"""Where a QR code lies that nobody could read: its squares, found by their proportions (pure).

A line through the middle of such a square crosses dark, light, dark, light, dark in the proportion
1:1:3:1:1, from whatever side it comes. Much of what blurs or shrinks a code past reading leaves
that.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from doorward_edge.scan import Luma, Point

_PROPORTION = np.array([1, 1, 3, 1, 1], dtype=np.float64)
_MODULES = 7
_TOLERANCE = 0.55
"""How far each part may be from its share, in modules; half of it is what a pixel's grid does."""
_WINDOW_SHARE = 8
"""The threshold at a pixel is the mean of its neighbours over this part of the picture's width."""
_MOST_CROSSINGS = 6_000
_MOST_SQUARES = 14
_FEWEST_LINES = 2
_LEAST_SHARE = 0.35
"""Of the three modules in a square's middle so many lines have to show the proportion."""
_LEAST_CONTRAST_DN = 6.0
_LEAST_RINGS = 0.8
"""So many of the points that must be lighter than the middle are."""
_FEWEST_MODULES, _MOST_MODULES, _STEP_MODULES = 21, 177, 4
_AROUND = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))
"""Eight ways out of a square's middle: dark, light from 1.5 modules on, dark from 2.5, light."""
_DOUBT = 0.1
_ODD_MODULES = 0.2
"""How far the two sides may differ in modules; a tilt does not change them, chance does."""

Bits = NDArray[np.bool_]
Crossings = NDArray[np.float64]
"""Rows of x, y and module size in pixels, one for each line through what may be a square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """One of the three squares of a QR code.

    Attributes:
        level_px, upright_px: size of a module along the picture's rows and columns; a code that is
            turned by 45 degrees is crossed aslant, and shows more.
    """

    x: float
    y: float
    level_px: float
    upright_px: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Where a code lies.

    Attributes:
        corners: upper left, upper right, lower right, lower left.
        module_px: size of a module along the side where it is smaller.
        modules: how many stand along a side.
    """

    corners: tuple[Point, Point, Point, Point]
    module_px: float
    modules: int


def find_code(luma: Luma) -> Outline | None:
    """Returns the outline of the clearest QR code, or None where there are no three squares."""
    if min(luma.shape) < 3 * _MODULES:
        return None
    dark = luma < _threshold(luma)
    for sign, bits in ((1, dark), (-1, ~dark)):
        if outline := _outline(_squares(bits), luma, sign):
            return outline
    return None


def _threshold(luma: Luma) -> NDArray[np.float32]:
    """Means of the neighbourhood, by rows and columns; a lamp beside the code does not matter."""
    side = max(15, luma.shape[1] // _WINDOW_SHARE) | 1
    means = luma.astype(np.float32)
    for axis in (0, 1):
        half = min(side // 2, luma.shape[axis] - 1)
        pad = [(0, 0), (0, 0)]
        pad[axis] = (half + 1, half)
        sums = np.cumsum(np.pad(means, pad, mode="edge"), axis=axis, dtype=np.float64)
        far = np.take(sums, range(2 * half + 1, sums.shape[axis]), axis=axis)
        near = np.take(sums, range(sums.shape[axis] - 2 * half - 1), axis=axis)
        means = ((far - near) / (2 * half + 1)).astype(np.float32)
    return means


def _squares(bits: Bits) -> list[Square]:
    level = _crossings(bits)
    upright = _crossings(bits.T)[:, [1, 0, 2]]
    if not len(level) or not len(upright):
        return []
    met: list[tuple[float, float, float, float]] = []
    for x, y, unit in level[np.argsort(-level[:, 2], kind="stable")[:_MOST_CROSSINGS]]:
        near = np.abs(upright[:, 0] - x) + np.abs(upright[:, 1] - y)
        best = int(near.argmin())
        other = float(upright[best, 2])
        if near[best] <= 2 * unit and 0.3 <= other / unit <= 3.3:
            met.append((float(upright[best, 0]), float(y), float(unit), other))
    return _gathered(met)


def _crossings(bits: Bits) -> Crossings:
    """Returns the middles of all 1:1:3:1:1 along the rows."""
    rows, width = bits.shape
    # Each row ends in something else than it began, so that no run goes over into the next.
    ended = np.empty((rows, width + 2), dtype=np.int8)
    ended[:, 0], ended[:, -1] = 2, 3
    ended[:, 1:-1] = bits
    flat = ended.ravel()
    starts = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(starts)
    if len(lengths) < len(_PROPORTION):
        return np.empty((0, 3))
    five = np.lib.stride_tricks.sliding_window_view(lengths, len(_PROPORTION))
    begins = starts[: len(five)]
    unit = five.sum(axis=1) / _MODULES
    off = np.abs(five - unit[:, None] * _PROPORTION)
    fits = (flat[begins] == 1) & (off <= np.maximum(_TOLERANCE * unit, 0.8)[:, None]).all(axis=1)
    fits &= (unit >= 1) & (begins % (width + 2) + five.sum(axis=1) <= width + 1)
    at = begins[fits]
    middle = at % (width + 2) - 1 + five[fits].sum(axis=1) / 2
    return np.column_stack([middle, at // (width + 2) + 0.5, unit[fits]])


def _gathered(met: Sequence[tuple[float, float, float, float]]) -> list[Square]:
    """Lines through the same square become one; what too few lines cross is none."""
    groups: list[list[tuple[float, float, float, float]]] = []
    for one in met:
        for group in groups:
            x, y, level, upright = group[0]
            if abs(one[0] - x) <= 2 * level and abs(one[1] - y) <= 2 * upright:
                group.append(one)
                break
        else:
            groups.append([one])
    found: list[tuple[float, Square]] = []
    for group in groups:
        x, y, level, upright = (float(v) for v in np.median(np.array(group), axis=0))
        share = min(1.0, len(group) / (3 * upright))
        if len(group) >= _FEWEST_LINES and share >= _LEAST_SHARE:
            square = Square(x=x, y=y, level_px=level, upright_px=upright)
            found.append((share * (level + upright), square))
    found.sort(key=lambda pair: -pair[0])
    return [square for _, square in found[:_MOST_SQUARES]]


def _outline(squares: Sequence[Square], luma: Luma, sign: int) -> Outline | None:
    best: tuple[float, Outline] | None = None
    for three in itertools.permutations(squares, 3):
        judged = _judged(three, luma, sign)
        if judged is None:
            continue
        # Texture is fine, and like anything once in a while; a code is large.
        unlike = (judged[0] + _DOUBT) / judged[1].module_px
        if best is None or unlike < best[0]:
            best = unlike, judged[1]
    return best[1] if best else None


def _judged(three: tuple[Square, ...], luma: Luma, sign: int) -> tuple[float, Outline] | None:
    """Returns how unlike a code three squares lie (0 is perfect) and the code's outline.

    The first is taken for the upper left square, the others for upper right and lower left.
    """
    a, b, c = three
    one, other = (b.x - a.x, b.y - a.y), (c.x - a.x, c.y - a.y)
    turn = one[0] * other[1] - one[1] * other[0]
    wide, tall = math.hypot(*one), math.hypot(*other)
    if turn < 0.5 * wide * tall:
        return None
    along, down = _modules_px(three, one, other, turn)
    count, count_down = wide / along + _MODULES, tall / down + _MODULES
    mean = (count + count_down) / 2
    if abs(count - count_down) > _ODD_MODULES * mean or mean < _FEWEST_MODULES - 3:
        return None
    modules = _FEWEST_MODULES + _STEP_MODULES * round((mean - _FEWEST_MODULES) / _STEP_MODULES)
    if modules > _MOST_MODULES:
        return None
    step = tuple(v / (modules - _MODULES) for v in one)
    step_down = tuple(v / (modules - _MODULES) for v in other)
    contrast_dn, rings = _contrast(three, step, step_down, luma, sign)
    if contrast_dn < _LEAST_CONTRAST_DN or rings < _LEAST_RINGS:
        return None
    unlike = abs(count - count_down) / mean + abs(modules - mean) / mean + 1 - rings
    return unlike, _grown(a, one, other, modules)


def _modules_px(
    three: tuple[Square, ...], one: Point, other: Point, turn: float
) -> tuple[float, float]:
    """Returns the size of a module along both sides, from lines that cross it level and upright."""
    level = sum(s.level_px for s in three) / 3
    upright = sum(s.upright_px for s in three) / 3
    wide, tall = math.hypot(*one), math.hypot(*other)
    # A step to the right and a step down, in steps along the two sides.
    right = (abs(other[1]) * wide / turn, abs(one[1]) * tall / turn)
    under = (abs(other[0]) * wide / turn, abs(one[0]) * tall / turn)
    along = level * right[0] if right[0] >= under[0] else upright * under[0]
    down = level * right[1] if right[1] >= under[1] else upright * under[1]
    return along, down


def _contrast(
    three: tuple[Square, ...],
    step: tuple[float, ...],
    step_down: tuple[float, ...],
    luma: Luma,
    sign: int,
) -> tuple[float, float]:
    """Returns how much lighter the rings are than the middles, and the share of points that are."""
    differences = []
    for square in three:
        for across, along in _AROUND:
            levels = [
                _at(
                    luma,
                    square.x + far * (across * step[0] + along * step_down[0]),
                    square.y + far * (across * step[1] + along * step_down[1]),
                )
                for far in (0, 2, 3, 4)
            ]
            middle, ring, edge, border = levels
            if middle is None or ring is None or edge is None:
                return 0.0, 0.0
            differences += [sign * (ring - middle), sign * (ring - edge)]
            if border is not None:
                differences.append(sign * (border - edge))
    lighter = sum(d > _LEAST_CONTRAST_DN / 2 for d in differences)
    return float(np.median(differences)), lighter / len(differences)


def _at(luma: Luma, x: float, y: float) -> float | None:
    """Returns the mean of nine pixels, or None outside of the picture."""
    column, row = int(x), int(y)
    if not (1 <= column < luma.shape[1] - 1 and 1 <= row < luma.shape[0] - 1):
        return None
    return float(luma[row - 1 : row + 2, column - 1 : column + 2].mean())


def _grown(a: Square, one: Point, other: Point, modules: int) -> Outline:
    """The squares' middles lie three and a half modules within the code."""
    share = 3.5 / (modules - _MODULES)

    def corner(along: float, down: float) -> Point:
        x = a.x + along * one[0] + down * other[0]
        return x, a.y + along * one[1] + down * other[1]

    near, far = -share, 1 + share
    side = min(math.hypot(*one), math.hypot(*other))
    return Outline(
        corners=(corner(near, near), corner(far, near), corner(far, far), corner(near, far)),
        module_px=side / (modules - _MODULES),
        modules=modules,
    )
