"""The flat picture of a badge or a telephone's screen with a code on it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from doorward_edge.scan import Luma
from doorward_edge.simulate.look import Medium

Grey = NDArray[np.float32]
"""Reflectance or light, 0 to 1 (above 1 the sensor saturates)."""

_MARGIN_MODULES = 2.0
_EDGE = 0.25
_MIN_SCALE, _MAX_SCALE = 3, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A textured rectangle.

    Attributes:
        texture: reflectance, shape (height, width).
        scale_px: pixels of the texture per module.
    """

    texture: Grey
    scale_px: int


def draw_card(modules: Luma, medium: Medium, module_px: float) -> Card:
    """Draws the code with its quiet zone on a card with a frame round it."""
    scale = int(np.clip(round(2 * module_px), _MIN_SCALE, _MAX_SCALE))
    code = np.where(modules > 127, medium.paper, medium.ink).astype(np.float32)
    ground = medium.paper
    if medium.inverted:
        code = np.where(modules > 127, medium.ink, medium.paper).astype(np.float32)
        ground = medium.ink
    code = np.repeat(np.repeat(code, scale, axis=0), scale, axis=1)
    quiet = round(medium.quiet_modules * scale)
    inner = np.pad(code, quiet, constant_values=ground)
    return Card(texture=_framed(inner, scale), scale_px=scale)


def _framed(inner: Grey, scale: int) -> Grey:
    """Adds the edge that a badge or a telephone has beyond the quiet zone."""
    return np.pad(inner, round(_MARGIN_MODULES * scale), constant_values=_EDGE)


def curl_card(card: Card, curl: float) -> Card:
    """Bends the card round a standing cylinder, seen from the front, with its shading."""
    if curl <= 0:
        return card
    height, width = card.texture.shape
    half_angle = 0.5 * np.pi * min(curl, 0.95)
    radius = width / (2 * half_angle)
    seen = max(2, int(2 * radius * np.sin(half_angle)))
    x = (np.arange(seen, dtype=np.float32) - seen / 2 + 0.5) / radius
    angle = np.arcsin(np.clip(x, -1, 1))
    map_x = np.tile((angle * radius + width / 2 - 0.5).astype(np.float32), (height, 1))
    map_y = np.repeat(np.arange(height, dtype=np.float32)[:, None], seen, axis=1)
    bent = cv2.remap(card.texture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shade = (0.35 + 0.65 * np.cos(angle)).astype(np.float32)
    return Card(texture=np.asarray(bent * shade, dtype=np.float32), scale_px=card.scale_px)
