"""A payload as the black and white modules of a symbol."""

from functools import lru_cache

import numpy as np
import zxingcpp

from doorward_edge.scan import Luma, Symbology

QUIET_MODULES = 4
"""The quiet zone that the QR standard asks for."""

_FORMATS = {
    Symbology.QR: zxingcpp.BarcodeFormat.QRCode,
    Symbology.MICRO_QR: zxingcpp.BarcodeFormat.MicroQRCode,
    Symbology.DATA_MATRIX: zxingcpp.BarcodeFormat.DataMatrix,
    Symbology.AZTEC: zxingcpp.BarcodeFormat.Aztec,
}


@lru_cache(maxsize=64)
def draw_modules(payload: str, *, symbology: Symbology = Symbology.QR, level: str = "M") -> Luma:
    """Returns one pixel per module, 0 dark and 255 light, without quiet zone.

    Args:
        payload: the text. Upper case letters, digits and ``$%*+-./: `` give the compact mode.
        symbology: one of the matrix codes.
        level: error correction, L, M, Q or H; only QR has the choice.

    Raises:
        ValueError: the text does not fit into a symbol of this kind, or the kind has no modules.
    """
    if symbology not in _FORMATS:
        allowed = ", ".join(_FORMATS)
        raise ValueError(f"symbology is {symbology}, the renderer draws {allowed}")
    options = {"ec_level": level} if symbology is Symbology.QR else {}
    barcode = zxingcpp.create_barcode(payload, _FORMATS[symbology], **options)
    modules = np.array(
        zxingcpp.write_barcode_to_image(barcode, scale=1, add_quiet_zones=False), dtype=np.uint8
    )
    modules.setflags(write=False)
    return modules
