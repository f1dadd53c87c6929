"""Sensor noise that costs next to nothing: tiles drawn once, laid over each frame elsewhere."""

import cv2
import numpy as np
from numpy.random import Generator

from doorward_edge.scan import Luma

_SLACK_PX = 64


class NoiseTiles:
    """Gaussian noise of a fixed strength for frames of one size."""

    def __init__(self, frame_size: tuple[int, int], sigma_dn: float, rng: Generator) -> None:
        """Draws the tile."""
        width, height = frame_size
        shape = (height + _SLACK_PX, width + _SLACK_PX)
        noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(sigma_dn)
        whole = np.clip(np.rint(noise), -255, 255)
        self._more = np.maximum(whole, 0).astype(np.uint8)
        self._less = np.maximum(-whole, 0).astype(np.uint8)
        self._last = (0, 0)

    def add_to(self, picture: Luma, rng: Generator) -> None:
        """Adds noise in place, never the same twice in succession."""
        at = self._last
        while at == self._last:
            x, y = rng.integers(0, _SLACK_PX, 2)
            at = (int(x), int(y))
        self._last = at
        height, width = picture.shape
        part = np.s_[at[1] : at[1] + height, at[0] : at[0] + width]
        cv2.add(picture, self._more[part], dst=picture)
        cv2.subtract(picture, self._less[part], dst=picture)
