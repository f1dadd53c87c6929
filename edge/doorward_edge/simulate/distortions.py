"""What display, lens, light and sensor do to a picture. Grey pictures in, new grey pictures out."""

import cv2
import numpy as np
from numpy.random import Generator

from doorward_edge.scan import Luma
from doorward_edge.simulate.card import Grey
from doorward_edge.simulate.look import Optics

_SHORTEST_MOTION_PX = 0.5


def blur(picture: Grey, sigma_px: float) -> Grey:
    if sigma_px <= 0:
        return picture
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), dtype=np.float32)


def motion_blur(picture: Grey, length_px: float, direction_deg: float) -> Grey:
    """Smears along a line, as when the hand moves during the exposure."""
    if length_px < _SHORTEST_MOTION_PX:
        return picture
    side = int(np.ceil(length_px)) | 1
    kernel = np.zeros((side + 2, side + 2), dtype=np.float32)
    middle = (side + 1) / 2
    reach = length_px / 2
    angle = np.deg2rad(direction_deg)
    for step in np.linspace(-reach, reach, 4 * side):
        _splat(kernel, middle + step * np.cos(angle), middle + step * np.sin(angle))
    kernel /= kernel.sum()
    return np.asarray(cv2.filter2D(picture, -1, kernel), dtype=np.float32)


def _splat(kernel: Grey, x: float, y: float) -> None:
    """Adds a point of weight 1 to the four cells round it."""
    column, row = int(x), int(y)
    dx, dy = x - column, y - row
    for cell_x, weight_x in ((column, 1 - dx), (column + 1, dx)):
        for cell_y, weight_y in ((row, 1 - dy), (row + 1, dy)):
            kernel[cell_y, cell_x] += weight_x * weight_y


def moire(picture: Grey, strength: float, rng: Generator) -> Grey:
    """Bands from a display's pixel grid beating against the sensor's."""
    if strength <= 0:
        return picture
    rows, columns = np.indices(picture.shape, dtype=np.float32)
    bands = np.zeros_like(picture)
    for _ in range(3):
        angle = rng.uniform(0, np.pi)
        period_px = rng.uniform(2.6, 14.0)
        phase = rng.uniform(0, 2 * np.pi)
        bent = 12.0 * np.sin(rows / rng.uniform(80, 200)) * rng.uniform(0, 1)
        along = columns * np.cos(angle) + rows * np.sin(angle) + bent
        bands += np.sin(2 * np.pi * along / period_px + phase).astype(np.float32)
    return np.asarray(picture * (1 + 0.3 * strength * bands), dtype=np.float32)


def glare(picture: Grey, strength: float, size_px: float, rng: Generator) -> Grey:
    """A bright reflection somewhere on the code, saturated in its middle."""
    if strength <= 0:
        return picture
    height, width = picture.shape
    rows, columns = np.indices(picture.shape, dtype=np.float32)
    x = width / 2 + rng.uniform(-0.35, 0.35) * size_px
    y = height / 2 + rng.uniform(-0.35, 0.35) * size_px
    angle = rng.uniform(0, np.pi)
    long_px = size_px * (0.12 + 0.25 * strength)
    short_px = long_px * rng.uniform(0.25, 0.7)
    u = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
    v = -(columns - x) * np.sin(angle) + (rows - y) * np.cos(angle)
    spot = np.exp(-((u / long_px) ** 2 + (v / short_px) ** 2)).astype(np.float32)
    haze = np.float32(0.15 * strength)
    return np.asarray(picture * (1 - haze) + haze + 2.2 * strength * spot, dtype=np.float32)


def shade(picture: Grey, optics: Optics, rng: Generator) -> Grey:
    """Light falling from one side, and the exposure."""
    lit = picture * np.float32(optics.light)
    if optics.gradient <= 0:
        return lit
    height, width = picture.shape
    angle = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, width, dtype=np.float32) * np.cos(angle)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * np.sin(angle)
    slope = 1 - optics.gradient * (0.5 + 0.35 * (x + y))
    return np.asarray(lit * np.clip(slope, 0.05, 1.2), dtype=np.float32)


def expose(picture: Grey, optics: Optics, rng: Generator) -> Luma:
    """What the sensor counts: noise that grows with the light, then clipping to 8 bits."""
    counts = picture * np.float32(255)
    sigma = np.sqrt(
        np.float32(optics.noise_dn**2) + np.float32(optics.shot) * np.maximum(counts, 0)
    )
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    return np.asarray(np.clip(np.rint(counts + sigma * noise), 0, 255), dtype=np.uint8)
