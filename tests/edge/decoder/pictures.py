"""Codes as flat pictures, for tests of readers and decoder."""

from typing import Any

import numpy as np
import segno

from doorward_edge.scan import Luma

SIZE = (640, 480)


def drawn(code: Any, scale: int = 4) -> Luma:
    """A segno code with its quiet zone, one frame large."""
    rows = [[0 if bit else 255 for bit in row] for row in code.matrix]
    small = np.pad(np.array(rows, dtype=np.uint8), 4, constant_values=255)
    large = np.kron(small, np.ones((scale, scale), dtype=np.uint8))
    picture = np.full((SIZE[1], SIZE[0]), 255, dtype=np.uint8)
    picture[20 : 20 + large.shape[0], 60 : 60 + large.shape[1]] = large
    return picture


def qr(text: str | bytes, scale: int = 4, **options: Any) -> Luma:
    """A QR code with this content."""
    return drawn(segno.make(text, micro=False, **options), scale)


def sequence(text: str, parts: int = 2) -> list[Luma]:
    """A text spread over several codes (structured append)."""
    return [drawn(code) for code in segno.make_sequence(text, symbol_count=parts)]


def blank() -> Luma:
    """Nothing."""
    return np.full((SIZE[1], SIZE[0]), 200, dtype=np.uint8)
