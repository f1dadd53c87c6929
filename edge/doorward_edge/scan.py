"""The values that flow through one scan: Frame -> Sighting -> Scan."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Luma = NDArray[np.uint8]
"""A grey picture: shape (height, width), dtype uint8, 0 black to 255 white."""

Point = tuple[float, float]
"""x and y in pixels of the frame, origin at the upper left."""


MAX_PAYLOAD_BYTES = 512
"""What is longer is no code of ours: the sighting keeps its beginning and says ``too_long``."""


class Symbology(StrEnum):
    """The kinds of symbol that a reader may be told to look for."""

    QR = "qr"
    MICRO_QR = "micro_qr"
    DATA_MATRIX = "data_matrix"
    AZTEC = "aztec"
    PDF417 = "pdf417"
    CODE_128 = "code_128"
    CODE_39 = "code_39"
    EAN_13 = "ean_13"
    ITF = "itf"


class Strategy(StrEnum):
    """Which readers look at a frame."""

    DUAL = "dual"
    ZXING = "zxing"
    PYZBAR = "pyzbar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture from a camera, luma plane only.

    Attributes:
        luma: shape (height, width), uint8. Owned by the frame: nobody writes to it again.
        seq: counts the frames of this source from 0; a jump means that frames were dropped.
        captured_mono_ms: monotonic milliseconds when the picture was taken.
    """

    luma: Luma
    seq: int
    captured_mono_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One symbol seen in one frame.

    Attributes:
        payload: the bytes in the symbol, not yet trusted.
        symbology: which kind of symbol carried them.
        corners: upper left, upper right, lower right, lower left, in pixels of the frame.
        reader: which reader and which pass saw it, for example ``zxing/fast`` or ``pyzbar/plain``.
        problem: why the symbol does not count although it was read (``structured_append``,
            ``non_utf8_eci``, ``too_long``), or an empty string.
    """

    payload: bytes
    symbology: Symbology
    corners: tuple[Point, Point, Point, Point]
    reader: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One presentation of a code: one or more sightings, one decision.

    Attributes:
        payload: the bytes in the symbol, not yet trusted.
        problem: as in `Sighting`.
        reader: which reader and pass saw it first.
        captured_mono_ms: when the frame was taken in which it was first seen.
        symbology: which kind of symbol carried it, or None where a scanner does not tell.
    """

    payload: bytes
    problem: str
    reader: str
    captured_mono_ms: int
    symbology: Symbology | None = None
