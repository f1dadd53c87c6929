"""What stands behind a code: a hall, people, notices, foliage; never a symbol."""

import cv2
import numpy as np
from numpy.random import Generator

from doorward_edge.simulate.card import Grey

_COARSE = 24
"""The wall's uneven light is drawn on a grid this many times coarser than the frame."""


def draw_background(frame_size: tuple[int, int], rng: Generator, *, clutter: int = 30) -> Grey:
    """Draws a wall with uneven light and the given number of things in front of it."""
    picture = _wall(frame_size, rng)
    for _ in range(clutter):
        rng.choice(np.array(_THINGS, dtype=object))(picture, rng)
    soft = cv2.GaussianBlur(picture, (0, 0), rng.uniform(1.0, 2.5))
    return np.clip(soft, 0.02, 0.95).astype(np.float32)


def _wall(frame_size: tuple[int, int], rng: Generator) -> Grey:
    width, height = frame_size
    patches = rng.uniform(0.3, 0.65, (height // _COARSE + 2, width // _COARSE + 2))
    smooth = cv2.GaussianBlur(patches.astype(np.float32), (0, 0), 3)
    return np.asarray(cv2.resize(smooth, frame_size, interpolation=cv2.INTER_CUBIC), np.float32)


def _spot(picture: Grey, rng: Generator) -> tuple[int, int]:
    height, width = picture.shape
    return int(rng.integers(0, width)), int(rng.integers(0, height))


def _grey(rng: Generator) -> tuple[float, ...]:
    return (float(rng.uniform(0.05, 0.9)),)


def _box(picture: Grey, rng: Generator) -> None:
    x, y = _spot(picture, rng)
    size = rng.integers(15, 220, 2)
    cv2.rectangle(picture, (x, y), (x + int(size[0]), y + int(size[1])), _grey(rng), cv2.FILLED)


def _beam(picture: Grey, rng: Generator) -> None:
    cv2.line(
        picture, _spot(picture, rng), _spot(picture, rng), _grey(rng), int(rng.integers(1, 14))
    )


def _head(picture: Grey, rng: Generator) -> None:
    axes = (int(rng.integers(15, 90)), int(rng.integers(20, 110)))
    cv2.ellipse(picture, _spot(picture, rng), axes, 0, 0, 360, _grey(rng), cv2.FILLED, cv2.LINE_AA)


def _notice(picture: Grey, rng: Generator) -> None:
    """A printed sheet: lines of letters make edges as dense as a symbol's."""
    x, y = _spot(picture, rng)
    sheet = np.full((110, 160), 217, dtype=np.uint8)
    letters = "".join(chr(c) for c in rng.integers(65, 91, 18))
    for line in range(5):
        at = (8, 22 + 18 * line)
        cv2.putText(sheet, letters, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (25,), 1, cv2.LINE_AA)
    seen = picture[y : y + 110, x : x + 160]
    seen[:] = sheet[: seen.shape[0], : seen.shape[1]] / np.float32(255)


def _grating(picture: Grey, rng: Generator) -> None:
    """Bars, as of a turnstile or a blind: what line readers take for a code."""
    x, y = _spot(picture, rng)
    step = int(rng.integers(5, 15))
    for bar in range(int(rng.integers(6, 16))):
        at = x + bar * step
        cv2.line(picture, (at, y), (at, y + 140), _grey(rng), max(1, step // 2))


_THINGS = (_box, _box, _beam, _beam, _head, _notice, _grating)
