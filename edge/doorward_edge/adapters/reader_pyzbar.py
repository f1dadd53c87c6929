"""zbar, through pyzbar's binding, behind the `SymbolReader` port.

pyzbar's own `decode` builds a scanner for every picture, copies the pixels, and raises on a
symbol whose orientation is unknown, which is how zbar gives a part of a sequence. The binding
beneath it has none of these.
"""

import ctypes
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

from pyzbar import wrapper as zbar

from doorward_edge.scan import MAX_PAYLOAD_BYTES, Luma, Point, Sighting, Symbology

_KINDS = {
    Symbology.QR: zbar.ZBarSymbol.QRCODE,
    Symbology.CODE_128: zbar.ZBarSymbol.CODE128,
    Symbology.CODE_39: zbar.ZBarSymbol.CODE39,
    Symbology.EAN_13: zbar.ZBarSymbol.EAN13,
    Symbology.ITF: zbar.ZBarSymbol.I25,
}
"""What zbar can read of what may be asked for."""
_SYMBOLOGIES = {int(kind): symbology for symbology, kind in _KINDS.items()}

CHARSETS = ("SJIS", "BIG5", "CP437", *(f"ISO8859-{part}" for part in range(1, 17) if part != 12))
"""What zbar asks the C library for when a symbol names a character set."""

_Y800 = int.from_bytes(b"Y800", "little")
_ALL_KINDS = 0
_UNKNOWN_ORIENTATIONS = {-1, 0xFFFFFFFF}


class PyzbarReader:
    """Reads with zbar: slower than zxing-cpp, and good at what that one misses."""

    def __init__(self, symbologies: Sequence[Symbology]) -> None:
        """Takes what to look for; kinds that zbar does not know are left to the other reader."""
        self._scanner = zbar.zbar_image_scanner_create()
        if not self._scanner:
            raise MemoryError("zbar could not make a scanner")
        # Not __del__: at the end of the process the library's functions may be gone before us.
        weakref.finalize(self, zbar.zbar_image_scanner_destroy, self._scanner)
        enable = zbar.ZBarConfig.CFG_ENABLE
        # Quiet, too: the kinds that print warnings of their own (DataBar) are off.
        zbar.zbar_image_scanner_set_config(self._scanner, _ALL_KINDS, enable, 0)
        for symbology in symbologies:
            if symbology in _KINDS:
                zbar.zbar_image_scanner_set_config(self._scanner, _KINDS[symbology], enable, 1)

    def read(self, luma: Luma) -> tuple[Sighting, ...]:
        """Returns every symbol that was read. Raises MemoryError."""
        height, width = luma.shape
        pixels = luma if luma.flags.c_contiguous else luma.copy()
        image = zbar.zbar_image_create()
        if not image:
            raise MemoryError("zbar could not make an image")
        try:
            zbar.zbar_image_set_format(image, _Y800)
            zbar.zbar_image_set_size(image, width, height)
            address = ctypes.c_void_p(pixels.ctypes.data)
            zbar.zbar_image_set_data(image, address, pixels.nbytes, None)
            zbar.zbar_scan_image(self._scanner, image)
            return tuple(_sighting(symbol) for symbol in _symbols(image) if _is_known(symbol))
        finally:
            zbar.zbar_image_destroy(image)


def load_charsets() -> None:
    """Has the C library load what it needs to convert text, for a process without files later.

    The descriptors stay open on purpose: the last one closed would unload its table.
    """
    libc = ctypes.CDLL(None)
    libc.iconv_open.restype = ctypes.c_void_p
    for charset in CHARSETS:
        libc.iconv_open(b"UTF-8", charset.encode())


def _symbols(image: Any) -> Iterator[Any]:  # noqa: ANN401  # pointers of the library
    symbol = zbar.zbar_image_first_symbol(image)
    while symbol:
        yield symbol
        symbol = zbar.zbar_symbol_next(symbol)


def _is_known(symbol: Any) -> bool:  # noqa: ANN401  # a pointer of the library
    return symbol.contents.type in _SYMBOLOGIES


def _sighting(symbol: Any) -> Sighting:  # noqa: ANN401  # a pointer of the library
    length = zbar.zbar_symbol_get_data_length(symbol)
    payload = ctypes.string_at(zbar.zbar_symbol_get_data(symbol), length)
    symbology = _SYMBOLOGIES[symbol.contents.type]
    problem = "too_long" if length > MAX_PAYLOAD_BYTES else ""
    orientation = zbar.zbar_symbol_get_orientation
    if symbology is Symbology.QR and orientation and orientation(symbol) in _UNKNOWN_ORIENTATIONS:
        problem = "structured_append"
    return Sighting(
        payload=payload,
        symbology=symbology,
        corners=_corners(symbol),
        reader="pyzbar/plain",
        problem=problem,
    )


def _corners(symbol: Any) -> tuple[Point, Point, Point, Point]:  # noqa: ANN401  # a pointer
    """Returns the upper left, upper right, lower right and lower left end of what was found.

    zbar gives a QR code's corners against the clock; of a line symbol it gives points on the
    lines that crossed it.
    """
    count = zbar.zbar_symbol_get_loc_size(symbol)
    points = [
        (
            float(zbar.zbar_symbol_get_loc_x(symbol, index)),
            float(zbar.zbar_symbol_get_loc_y(symbol, index)),
        )
        for index in range(count)
    ]
    if not points:
        return ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 0.0))
    if count == 4:
        upper_left, lower_left, lower_right, upper_right = points
        return upper_left, upper_right, lower_right, lower_left
    xs, ys = [x for x, _ in points], [y for _, y in points]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    return (left, top), (right, top), (right, bottom), (left, bottom)
