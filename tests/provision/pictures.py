"""What a camera of these tests sees: a wall, and a badge that is held up for a second."""

import io

import cv2
import numpy as np
import segno

WIDTH_PX, HEIGHT_PX = 640, 480
_FRAMES, _WITH_BADGE = 12, 6
_GREY, _NOISE = 200, 6


def pictures(code: str) -> dict[str, bytes]:
    """Returns PNG files to be played; a living sensor's noise is never twice the same."""
    noise = np.random.default_rng(1)
    symbol = _symbol(code) if code else None
    files = {}
    for number in range(_FRAMES):
        scene = np.full((HEIGHT_PX, WIDTH_PX), _GREY, np.int16)
        if symbol is not None and number < _WITH_BADGE:
            height, width = symbol.shape
            top, left = (HEIGHT_PX - height) // 2, (WIDTH_PX - width) // 2
            scene[top : top + height, left : left + width] = symbol
        scene += noise.integers(-_NOISE, _NOISE, scene.shape, dtype=np.int16)
        encoded = cv2.imencode(".png", np.clip(scene, 0, 255).astype(np.uint8))[1]
        files[f"{number}.png"] = encoded.tobytes()
    return files


def _symbol(code: str) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    drawn = io.BytesIO()
    segno.make(code, error="m").save(drawn, kind="png", scale=6, border=6)
    grey = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    return np.asarray(grey, dtype=np.uint8)
