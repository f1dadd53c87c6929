"""Whether a frame shows anything that the ones before it did not."""

import numpy as np
from numpy.typing import NDArray

from doorward_edge.scan import Luma

_BLOCK_PX = 16
_ROW_STRIDE_PX = 8
_LEAST_CHANGE_DN = 5.0
_SIGMAS = 6.0
_FEWEST_BLOCKS = 2
_FOLLOW = 0.06
"""How fast the reference follows an unchanged scene: daylight is absorbed, a hand is not."""
_FOLLOW_NOISE = 0.1
_LIGHT_RANGE = (0.6, 1.6)

Blocks = NDArray[np.float32]


class ChangeGate:
    """Compares each frame with a reference of block means that follows slow changes.

    The threshold is learned from the sensor's own noise, and light that changes everywhere alike
    (a lamp, the exposure) is taken out first.
    """

    def __init__(self) -> None:
        """Begins without a reference: the first frame is new."""
        self._reference: Blocks | None = None
        self._noise_dn = 0.0

    def is_changed(self, luma: Luma) -> bool:
        """Takes in a frame; returns whether something in it is new."""
        blocks = _means(luma)
        reference = self._reference
        if reference is None or reference.shape != blocks.shape:
            self._reference, self._noise_dn = blocks, 0.0
            return True
        difference = blocks - reference * _light_ratio(reference, blocks)
        spread = np.abs(difference - np.float32(np.median(difference)))
        limit = max(_LEAST_CHANGE_DN, _SIGMAS * self._noise_dn)
        changed = int(np.count_nonzero(spread > limit)) >= _FEWEST_BLOCKS
        self._noise_dn += _FOLLOW_NOISE * (_sigma_of(spread) - self._noise_dn)
        self._reference = blocks if changed else reference + _FOLLOW * (blocks - reference)
        return changed


def _means(luma: Luma) -> Blocks:
    """Means of 16 neighbours in every eighth row: cheap, and a quarter of a pixel's noise."""
    rows = luma[::_ROW_STRIDE_PX]
    wide = rows.shape[1] - rows.shape[1] % _BLOCK_PX
    groups = rows[:, :wide].reshape(rows.shape[0], -1, _BLOCK_PX)
    sums = groups.sum(axis=2, dtype=np.uint16)
    return np.asarray(sums * np.float32(1 / _BLOCK_PX), dtype=np.float32)


def _light_ratio(reference: Blocks, blocks: Blocks) -> np.float32:
    """How much lighter everything became; the middle ignores what moved in a part of it."""
    before, after = float(np.median(reference)), float(np.median(blocks))
    if before < 1:
        return np.float32(1)
    return np.float32(min(max(after / before, _LIGHT_RANGE[0]), _LIGHT_RANGE[1]))


def _sigma_of(spread: Blocks) -> float:
    """Standard deviation of what is noise, from the middle half of the differences."""
    return float(np.median(spread)) / 0.6745
