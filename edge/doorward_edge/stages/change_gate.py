"""Whether a frame shows anything that the ones before it did not."""

import sys

import numpy as np
from numpy.typing import NDArray

from doorward_edge.scan import Luma

_BLOCK_PX = 16
_ROW_STRIDE_PX = 16
_LEAST_CHANGE = 5.0 * _BLOCK_PX
"""Five grey levels. Blocks are sums, not means: a division of each would say nothing new."""
_BLACK = 1.0 * _BLOCK_PX
_SIGMAS = 6.0
_FEWEST_BLOCKS = 2
_FOLLOW = 0.06
"""How fast the reference follows an unchanged scene: daylight is absorbed, a hand is not."""
_FOLLOW_NOISE = 0.1
_SIGMA_OF_MIDDLE = 1.4826
"""Standard deviation of a normal distribution whose absolute deviations have the median 1."""
_LIGHT_RANGE = (0.6, 1.6)

_BYTE_BITS = np.uint64(8)
_EVEN_BYTES = np.uint64(0x00FF_00FF_00FF_00FF)
_ADD_QUARTERS = np.uint64(0x0001_0001_0001_0001)
"""Multiplied with this, the uppermost quarter of a word holds the sum of its four quarters."""
_UPPERMOST = 3 if sys.byteorder == "little" else 0

Blocks = NDArray[np.float32]


class ChangeGate:
    """Compares each frame with a reference of block sums that follows slow changes.

    The threshold is learned from the sensor's own noise, and light that changes everywhere alike
    (a lamp, the exposure) is taken out first.
    """

    def __init__(self) -> None:
        """Begins without a reference: the first frame is new."""
        self._reference: Blocks | None = None
        self._reference_middle = 0.0
        self._noise = 0.0
        self._unlearned: tuple[Blocks, Blocks] | None = None

    def is_changed(self, luma: Luma) -> bool:
        """Takes in a frame; returns whether something in it is new."""
        self.learn()
        blocks = _sums(luma)
        reference = self._reference
        if reference is None or reference.shape != blocks.shape or not blocks.size:
            self._take_over(blocks)
            self._noise = 0.0
            return True
        difference = reference * -_light_ratio(self._reference_middle, _middle(blocks))
        difference += blocks
        difference -= _middle(difference)
        spread = np.abs(difference, out=difference)
        limit = max(_LEAST_CHANGE, _SIGMAS * self._noise)
        changed = int(np.count_nonzero(spread > limit)) >= _FEWEST_BLOCKS
        self._unlearned = (
            blocks if changed else reference + _FOLLOW * (blocks - reference),
            spread,
        )
        return changed

    def learn(self) -> None:
        """Learns from the last frame what the next one needs; call it while nobody waits."""
        if self._unlearned is None:
            return
        (reference, spread), self._unlearned = self._unlearned, None
        self._take_over(reference)
        self._noise += _FOLLOW_NOISE * (_middle(spread) * _SIGMA_OF_MIDDLE - self._noise)

    def _take_over(self, reference: Blocks) -> None:
        self._reference = reference
        self._reference_middle = _middle(reference) if reference.size else 0.0


def _sums(luma: Luma) -> Blocks:
    """Sums of 16 neighbours in every sixteenth row: cheap, and a quarter of a pixel's noise.

    Eight pixels are added at once as parts of one 64-bit word, for this runs on every frame.
    """
    rows = luma[::_ROW_STRIDE_PX]
    words = rows[:, : rows.shape[1] - rows.shape[1] % _BLOCK_PX].view(np.uint64)
    sums_of_2 = words >> _BYTE_BITS
    sums_of_2 &= _EVEN_BYTES
    sums_of_2 += words & _EVEN_BYTES
    sums_of_4 = sums_of_2[:, ::2] + sums_of_2[:, 1::2]
    sums_of_4 *= _ADD_QUARTERS
    return np.asarray(sums_of_4.view(np.uint16)[:, _UPPERMOST::4], dtype=np.float32)


def _light_ratio(before: float, after: float) -> float:
    """How much lighter everything became; the middle ignores what moved in a part of it."""
    if before < _BLACK:
        return 1.0
    return min(max(after / before, _LIGHT_RANGE[0]), _LIGHT_RANGE[1])


def _middle(blocks: Blocks) -> float:
    """The median of every ninth block: sorting all of them would cost more than all the rest."""
    some = np.sort(blocks[::3, ::3], axis=None)
    return float(some[some.size // 2])
