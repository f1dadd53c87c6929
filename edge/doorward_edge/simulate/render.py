"""A payload and a look become a frame."""

import numpy as np
from numpy.random import Generator

from doorward_edge.scan import Luma
from doorward_edge.simulate import distortions
from doorward_edge.simulate.card import Grey, curl_card, draw_card
from doorward_edge.simulate.look import Look
from doorward_edge.simulate.projection import Patch, project
from doorward_edge.simulate.symbol import draw_modules


def render(payload: str, look: Look, background: Grey, rng: Generator) -> Luma:
    """Draws one photograph of a code.

    Args:
        payload: the text of the code.
        look: pose, medium and optics.
        background: what stands behind, as from ``draw_background``; not changed.
        rng: the only source of chance; the same state gives the same picture.
    """
    return distortions.expose(compose(payload, look, background, rng), look.optics, rng)


def compose(payload: str, look: Look, background: Grey, rng: Generator) -> Grey:
    """Draws the scene as the light falls on the sensor, before its noise."""
    height, width = background.shape
    patch = hold(payload, look, (width, height), rng)
    scene = background.copy()
    paste(scene, patch)
    return distortions.shade(scene, look.optics, rng)


def hold(payload: str, look: Look, frame_size: tuple[int, int], rng: Generator) -> Patch:
    """Draws the card alone, as the lens sees it."""
    card = draw_card(draw_modules(payload), look.medium, look.pose.module_px)
    card = curl_card(card, look.pose.curl)
    optics = look.optics
    margin = int(np.ceil(3 * optics.blur_px + optics.motion_px)) + 2
    patch = project(card, look.pose, frame_size, margin)
    light = distortions.moire(patch.light, look.medium.moire, rng)
    light = distortions.glare(light, optics.glare, patch.code_px, rng)
    cover = _through_lens(patch.cover, look)
    # Light outside the card belongs to the background: premultiply, so that blur mixes the two.
    return Patch(
        light=_through_lens(np.asarray(light * patch.cover, dtype=np.float32), look),
        cover=cover,
        left=patch.left,
        top=patch.top,
        code_px=patch.code_px,
    )


def _through_lens(picture: Grey, look: Look) -> Grey:
    smeared = distortions.motion_blur(picture, look.optics.motion_px, look.optics.motion_deg)
    return distortions.blur(smeared, look.optics.blur_px)


def paste(scene: Grey, patch: Patch) -> None:
    """Puts the card over the scene, in place; what falls outside the frame is cut off."""
    height, width = scene.shape
    tall, wide = patch.light.shape
    left, top = max(0, patch.left), max(0, patch.top)
    right, bottom = min(width, patch.left + wide), min(height, patch.top + tall)
    if left >= right or top >= bottom:
        return
    rows = slice(top - patch.top, bottom - patch.top)
    columns = slice(left - patch.left, right - patch.left)
    under = scene[top:bottom, left:right]
    under *= 1 - patch.cover[rows, columns]
    under += patch.light[rows, columns]
