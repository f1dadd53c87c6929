"""The passes of `stages.decode.Pass`: prepare a picture, let a reader look, put points back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from doorward_edge.adapters.reader_pyzbar import PyzbarReader
from doorward_edge.adapters.reader_zxing import ZxingReader
from doorward_edge.ports import SymbolReader
from doorward_edge.scan import Luma, Point, Sighting, Symbology
from doorward_edge.stages.decode import Pass

Prepare = Callable[[Luma], Luma]
_UNSHARP_SIGMA_PX = 2.0
_UNSHARP_AMOUNT = 1.5
_SMOOTH_SIGMA_PX = 3.0
_SMOOTH_AMOUNT = 2.0


def half(luma: Luma) -> Luma:
    """Averages four pixels into one: takes noise and fine moire out."""
    return np.asarray(cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


def unsharp(luma: Luma) -> Luma:
    """Undoes some of a defocus."""
    soft = cv2.GaussianBlur(luma, (0, 0), _UNSHARP_SIGMA_PX)
    return np.asarray(cv2.addWeighted(luma, 1 + _UNSHARP_AMOUNT, soft, -_UNSHARP_AMOUNT, 0))


def smooth(luma: Luma) -> Luma:
    """Averages nine neighbours: the sensor's noise and fine moire go, modules of 3 px stay."""
    return np.asarray(cv2.blur(luma, (3, 3)))


def smooth_and_sharp(luma: Luma) -> Luma:
    """Takes the noise out and then the softness that this leaves."""
    calm = smooth(luma)
    soft = cv2.GaussianBlur(calm, (0, 0), _SMOOTH_SIGMA_PX)
    return np.asarray(cv2.addWeighted(calm, 1 + _SMOOTH_AMOUNT, soft, -_SMOOTH_AMOUNT, 0))


def doubled(luma: Luma) -> Luma:
    """Makes small modules large enough to be told apart."""
    return np.asarray(cv2.resize(luma, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR))


def inverted(luma: Luma) -> Luma:
    """Turns light modules on a dark ground into a code as it should be."""
    return np.asarray(cv2.bitwise_not(luma))


def _as_it_is(luma: Luma) -> Luma:
    return luma


class Passes:
    """All passes over the two readers."""

    def __init__(self, symbologies: Sequence[Symbology]) -> None:
        """Makes the readers."""
        fast, slow = ZxingReader(symbologies), ZxingReader(symbologies, thorough=True)
        zbar = PyzbarReader(symbologies)
        self._table: Mapping[Pass, tuple[SymbolReader, Prepare, float]] = {
            Pass.ZXING_FAST: (fast, _as_it_is, 1),
            Pass.ZXING_HALF: (fast, half, 2),
            Pass.ZXING_UNSHARP: (fast, unsharp, 1),
            Pass.ZXING_DOUBLED: (fast, doubled, 0.5),
            Pass.ZXING_INVERTED: (fast, inverted, 1),
            Pass.PYZBAR_PLAIN: (zbar, _as_it_is, 1),
            Pass.ZXING_SLOW: (slow, _as_it_is, 1),
            Pass.PYZBAR_HALF: (zbar, half, 2),
            Pass.PYZBAR_DOUBLED: (zbar, doubled, 0.5),
            Pass.ZXING_SMOOTH: (fast, smooth_and_sharp, 1),
            Pass.PYZBAR_SMOOTH: (zbar, smooth, 1),
        }

    def look(self, luma: Luma, passes: Sequence[Pass]) -> tuple[Sighting, ...]:
        """Returns what the first pass saw that saw anything."""
        for number in passes:
            reader, prepare, scale = self._table[number]
            if seen := reader.read(prepare(luma)):
                return tuple(_put_back(s, number, scale) for s in seen)
        return ()


def _put_back(sighting: Sighting, number: Pass, scale: float) -> Sighting:
    a, b, c, d = (_scaled(point, scale) for point in sighting.corners)
    return replace(sighting, reader=number.label, corners=(a, b, c, d))


def _scaled(point: Point, scale: float) -> Point:
    return point[0] * scale, point[1] * scale
