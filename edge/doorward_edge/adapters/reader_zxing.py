"""zxing-cpp behind the `SymbolReader` port."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import zxingcpp

from doorward_edge.scan import MAX_PAYLOAD_BYTES, Luma, Point, Sighting, Symbology

_FORMATS = {
    Symbology.QR: zxingcpp.BarcodeFormat.QRCode,
    Symbology.MICRO_QR: zxingcpp.BarcodeFormat.MicroQRCode,
    Symbology.DATA_MATRIX: zxingcpp.BarcodeFormat.DataMatrix,
    Symbology.AZTEC: zxingcpp.BarcodeFormat.Aztec,
    Symbology.PDF417: zxingcpp.BarcodeFormat.PDF417,
    Symbology.CODE_128: zxingcpp.BarcodeFormat.Code128,
    Symbology.CODE_39: zxingcpp.BarcodeFormat.Code39,
    Symbology.EAN_13: zxingcpp.BarcodeFormat.EAN13,
    Symbology.ITF: zxingcpp.BarcodeFormat.ITF,
}

_MODE_STRUCTURED_APPEND = 0b0011
_ECI_UTF8 = b"000026"
_IDENTIFIERS_WITH_ECI = (b"]Q2", b"]Q4", b"]Q6")
"""ISO/IEC 15424, for a QR code whose text the library spells out with its character sets."""
_ECI_OR_BACKSLASH = re.compile(rb"\\(?:\\|(\d{6}))")
"""A backslash of the text itself is doubled there."""


class ZxingReader:
    """Reads with zxing-cpp, fast for films or thoroughly for photographs."""

    def __init__(self, symbologies: Sequence[Symbology], *, thorough: bool = False) -> None:
        """Takes what to look for; `thorough` also tries rotated, small and inverted symbols."""
        self._formats = [_FORMATS[kind] for kind in symbologies]
        self._wanted = frozenset(symbologies)
        self._thorough = thorough
        # Line symbols stand in all directions; matrix symbols are found in any without this.
        self._rotate = thorough or any(s in _LINES for s in symbologies)
        self._label = "zxing/slow" if thorough else "zxing/fast"

    def read(self, luma: Luma) -> tuple[Sighting, ...]:
        """Returns every symbol that was read."""
        found = zxingcpp.read_barcodes(
            luma,
            # Made each time: one that lives to the end of the process is called a leak there.
            formats=zxingcpp.BarcodeFormats(self._formats),
            try_rotate=self._rotate,
            try_downscale=self._thorough,
            try_invert=self._thorough,
            text_mode=zxingcpp.TextMode.HexECI,
        )
        kinds = ((barcode, _symbology_of(barcode.format)) for barcode in found)
        # Asked for QR, the library also reads the small and the rectangular ones.
        return tuple(self._sighting(b, kind) for b, kind in kinds if kind and kind in self._wanted)

    def _sighting(self, barcode: Any, symbology: Symbology) -> Sighting:  # noqa: ANN401  # no types
        payload = bytes(barcode.bytes)
        problem = "too_long" if len(payload) > MAX_PAYLOAD_BYTES else ""
        if symbology is Symbology.QR:
            problem = _qr_problem(barcode) or problem
        return Sighting(
            payload=payload,
            symbology=symbology,
            corners=_corners(barcode.position),
            reader=self._label,
            problem=problem,
        )


_LINES = {Symbology.CODE_128, Symbology.CODE_39, Symbology.EAN_13, Symbology.ITF, Symbology.PDF417}


def _symbology_of(barcode_format: Any) -> Symbology | None:  # noqa: ANN401  # no types
    """Returns which of our kinds a format is, or None for one that is none of them."""
    for symbology, known in _FORMATS.items():
        if barcode_format == known:
            return symbology
    name = str(barcode_format).replace(" ", "").lower()
    variants = {"qrcode": Symbology.QR, "aztec": Symbology.AZTEC, "code39": Symbology.CODE_39}
    for prefix, symbology in variants.items():
        if name.startswith(prefix):
            return symbology
    return None


def _corners(position: Any) -> tuple[Point, Point, Point, Point]:  # noqa: ANN401  # no types
    corners = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    a, b, c, d = ((float(p.x), float(p.y)) for p in corners)
    return a, b, c, d


def _qr_problem(barcode: Any) -> str:  # noqa: ANN401  # the library has no types
    """Returns why a QR code does not count, or an empty string."""
    if _first_mode(barcode) == _MODE_STRUCTURED_APPEND:
        return "structured_append"
    spelled = bytes.fromhex(barcode.text)
    if not spelled.startswith(_IDENTIFIERS_WITH_ECI):
        return ""
    charsets = {c for c in _ECI_OR_BACKSLASH.findall(spelled) if c}
    return "non_utf8_eci" if charsets - {_ECI_UTF8} else ""


def _first_mode(barcode: Any) -> int:  # noqa: ANN401  # the library has no types
    """Returns the mode of the first segment: it stands in the lower right corner of the code.

    The library joins segments without a word of structured append. It gives the modules as
    sampled, before correction, so that only a symbol without any error is judged by them; a part
    of a damaged sequence is refused later, because nothing in it verifies.
    """
    extra = barcode.extra
    if extra.get("UEC") != 1.0:
        return 0
    modules = np.asarray(barcode.to_image(scale=1, add_quiet_zones=False)) < 128
    last = modules.shape[0] - 1
    bits = 0
    for row, column in ((last, last), (last, last - 1), (last - 1, last), (last - 1, last - 1)):
        bit = bool(modules[row, column]) ^ _is_masked(int(extra["DataMask"]), row, column)
        bits = bits << 1 | bit
    return bits


def _is_masked(mask: int, i: int, j: int) -> bool:
    """The eight data masks of ISO/IEC 18004, table 10."""
    product = i * j
    return (
        (i + j) % 2,
        i % 2,
        j % 3,
        (i + j) % 3,
        (i // 2 + j // 3) % 2,
        product % 2 + product % 3,
        (product % 2 + product % 3) % 2,
        ((i + j) % 2 + product % 3) % 2,
    )[mask] == 0
