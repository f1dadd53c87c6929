"""The plane of a code: where each of its modules lies in the picture (pure)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from doorward_edge.scan import Luma, Point

_SIZES = range(21, 178, 4)
_TIMING_AT = 6.5
_FROM, _TO = 8, 8

Floats = NDArray[np.float64]


class Plane:
    """Maps the unit square to four corners: upper left, upper right, lower right, lower left."""

    def __init__(self, corners: Sequence[Point]) -> None:
        """Solves for the map. Raises numpy.linalg.LinAlgError for corners on one line."""
        rows, wanted = [], []
        for (u, v), (x, y) in zip(((0, 0), (1, 0), (1, 1), (0, 1)), corners, strict=True):
            rows += [[u, v, 1, 0, 0, 0, -u * x, -v * x], [0, 0, 0, u, v, 1, -u * y, -v * y]]
            wanted += [x, y]
        solved = np.linalg.solve(np.array(rows, dtype=np.float64), np.array(wanted))
        self._map = np.append(solved, 1.0).reshape(3, 3)

    def at(self, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Returns x and y of points of the unit square."""
        x, y, w = self._map @ np.stack([u, v, np.ones_like(u)])
        return x / w, y / w

    def sample(self, luma: Luma, u: Floats, v: Floats) -> Floats:
        """Returns the brightness at points of the unit square; beyond the picture its edge."""
        x, y = self.at(u, v)
        height, width = luma.shape
        x, y = np.clip(x - 0.5, 0, width - 1.001), np.clip(y - 0.5, 0, height - 1.001)
        column, row = x.astype(int), y.astype(int)
        dx, dy = x - column, y - row
        below, right = np.minimum(row + 1, height - 1), np.minimum(column + 1, width - 1)
        upper = luma[row, column] * (1 - dx) + luma[row, right] * dx
        lower = luma[below, column] * (1 - dx) + luma[below, right] * dx
        return np.asarray(upper * (1 - dy) + lower * dy, dtype=np.float64)


def modules_of(luma: Luma, corners: Sequence[Point]) -> int:
    """Returns how many modules a QR code has along a side: its timing patterns tell.

    In the row and in the column between the squares dark and light alternate.
    """
    plane = Plane(corners)
    best, most = _SIZES[0], 0.0
    for size in _SIZES:
        along = (np.arange(_FROM, size - _TO) + 0.5) / size
        across = np.full_like(along, _TIMING_AT / size)
        sign = np.where(np.arange(_FROM, size - _TO) % 2 == 0, -1.0, 1.0)
        likeness = 0.0
        for u, v in ((along, across), (across, along)):
            values = plane.sample(luma, u, v)
            spread = float(values.std())
            likeness += float(((values - values.mean()) * sign).mean()) / spread if spread else 0.0
        # A short pattern fits by chance; each further alternation is worth more.
        likeness *= np.sqrt(len(along))
        # Light modules on a dark ground alternate the other way round.
        if abs(likeness) > most:
            best, most = size, abs(likeness)
    return best


def module_px_of(corners: Sequence[Point], modules: int) -> float:
    """Returns the size of a module along the side where it is smallest."""
    points = np.array(corners, dtype=np.float64)
    sides = np.linalg.norm(points - np.roll(points, -1, axis=0), axis=1)
    return float(sides.min()) / modules
