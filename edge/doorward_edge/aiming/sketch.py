"""A picture in letters: two grey pixels a character, with the code's outline (pure)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from doorward_edge.scan import Luma, Point

OUTLINE = (255, 200, 0)
"""Where a code lies; amber, because everything else is grey."""

Pixels = NDArray[np.uint8]
"""Shape (rows, columns, 3): red, green, blue."""


def sketch(luma: Luma, columns: int, corners: Sequence[Point] | None) -> Pixels:
    """Returns a coarse picture, an even number of rows tall, square pixels.

    Args:
        luma: the picture.
        columns: how wide the sketch is to be.
        corners: of the code that was found, or None.
    """
    height, width = luma.shape
    columns = max(2, min(columns, width))
    rows = max(2, round(height * columns / width / 2) * 2)
    grey = _coarse(luma, rows, columns)
    coloured = np.repeat(grey[:, :, None], 3, axis=2)
    if corners is not None:
        scale = np.array([columns / width, rows / height])
        points = np.array(corners) * scale
        for one, other in zip(points, np.roll(points, -1, axis=0), strict=True):
            _draw_line(coloured, one, other)
    return coloured


def _coarse(luma: Luma, rows: int, columns: int) -> Luma:
    """Means of blocks, the blocks as equal as whole pixels allow."""
    height, width = luma.shape
    tops = np.linspace(0, height, rows + 1).astype(int)[:-1]
    lefts = np.linspace(0, width, columns + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(luma.astype(np.uint32), tops, axis=0), lefts, axis=1)
    tall = np.diff(np.append(tops, height))[:, None]
    return np.asarray(sums / (tall * np.diff(np.append(lefts, width))), dtype=np.uint8)


def _draw_line(pixels: Pixels, one: NDArray[np.float64], other: NDArray[np.float64]) -> None:
    steps = int(np.abs(other - one).max() * 2) + 2
    at = np.linspace(one, other, min(steps, 4 * max(pixels.shape))).astype(int)
    rows, columns = pixels.shape[:2]
    inside = (at >= 0).all(axis=1) & (at[:, 0] < columns) & (at[:, 1] < rows)
    pixels[at[inside, 1], at[inside, 0]] = OUTLINE
