"""The corpus on which readers are measured: named distortions, each a family of looks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.random import Generator

from doorward_edge.scan import Luma
from doorward_edge.simulate.background import draw_background
from doorward_edge.simulate.card import Grey
from doorward_edge.simulate.distortions import expose
from doorward_edge.simulate.look import Look, Medium, Optics, Pose
from doorward_edge.simulate.render import compose

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FRAME_SIZE = (1280, 720)


class Distortion(StrEnum):
    """What makes the codes of a family hard to read."""

    PLAIN = "plain"
    SIZE = "size"
    TILT = "tilt"
    BLUR = "blur"
    MOTION = "motion"
    NOISE = "noise"
    LOW_LIGHT = "low_light"
    GLARE = "glare"
    MOIRE = "moire"
    CURL = "curl"
    INVERTED = "inverted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One code held still before the camera; frames of it differ by the sensor's noise alone.

    Attributes:
        distortion: the family.
        payload: what is in the code; empty for a scene without one.
        look: how it was drawn.
        light: the picture as it falls on the sensor.
        seed: of the noise.
    """

    distortion: Distortion
    payload: str
    look: Look
    light: Grey
    seed: int

    def frames(self, count: int) -> Iterator[Luma]:
        """Returns frames with fresh noise, the same ones at each call."""
        rng = np.random.default_rng(self.seed)
        for _ in range(count):
            yield expose(self.light, self.look.optics, rng)


def draw_payload(kind: str, rng: Generator) -> str:
    """Returns a text with the length and letters of a ``DW0``, ``DW1`` or ``DW2`` code."""
    alphabet, length, prefix = {
        "DW0": (CROCKFORD, 17, "DW0"),
        "DW1": (BASE45, 137, "DW1:"),
        "DW2": (BASE45, 288, "DW2:"),
    }[kind]
    return prefix + "".join(rng.choice(list(alphabet), length))


def _held(rng: Generator, module_px: float) -> Pose:
    """A pose as people hold codes: nearly straight, anywhere near the middle."""
    return Pose(
        module_px=module_px,
        tilt_x_deg=rng.uniform(-12, 12),
        tilt_y_deg=rng.uniform(-12, 12),
        turn_deg=rng.uniform(0, 360) if rng.random() < 0.3 else rng.normal(0, 6),
        center_x=rng.uniform(0.38, 0.62),
        center_y=rng.uniform(0.42, 0.58),
    )


def _plain(rng: Generator) -> Look:
    return Look(pose=_held(rng, rng.uniform(3.0, 6.5)), optics=Optics(gradient=rng.uniform(0, 0.4)))


def _size(rng: Generator) -> Look:
    look = _plain(rng)
    far = rng.uniform(1.15, 2.3) if rng.random() < 0.75 else rng.uniform(9, 11)
    return replace(look, pose=_held(rng, far), optics=replace(look.optics, blur_px=0.45))


def _tilt(rng: Generator) -> Look:
    look = _plain(rng)
    tilt_x, tilt_y = rng.permutation([rng.uniform(35, 68), rng.uniform(0, 30)])
    signs = rng.choice([-1, 1], 2)
    pose = replace(look.pose, tilt_x_deg=signs[0] * tilt_x, tilt_y_deg=signs[1] * tilt_y)
    return replace(look, pose=pose)


def _blur(rng: Generator) -> Look:
    look = _plain(rng)
    sigma = look.pose.module_px * rng.uniform(0.25, 0.7)
    return replace(look, optics=replace(look.optics, blur_px=sigma))


def _motion(rng: Generator) -> Look:
    look = _plain(rng)
    length = look.pose.module_px * rng.uniform(0.9, 2.2)
    optics = replace(look.optics, motion_px=length, motion_deg=rng.uniform(0, 180))
    return replace(look, optics=optics)


def _noise(rng: Generator) -> Look:
    look = _plain(rng)
    return replace(look, optics=replace(look.optics, noise_dn=rng.uniform(18, 60), shot=0.3))


def _low_light(rng: Generator) -> Look:
    look = _plain(rng)
    optics = replace(
        look.optics, light=rng.uniform(0.06, 0.25), noise_dn=rng.uniform(3, 8), gradient=0.5
    )
    return replace(look, optics=optics)


def _glare(rng: Generator) -> Look:
    look = _plain(rng)
    return replace(look, optics=replace(look.optics, glare=rng.uniform(0.2, 1.0)))


def _moire(rng: Generator) -> Look:
    look = _plain(rng)
    medium = Medium(moire=rng.uniform(0.2, 1.2), ink=0.03, paper=0.75)
    return replace(look, medium=medium)


def _curl(rng: Generator) -> Look:
    look = _plain(rng)
    return replace(look, pose=replace(look.pose, curl=rng.uniform(0.3, 0.85)))


def _inverted(rng: Generator) -> Look:
    look = _plain(rng)
    medium = Medium(inverted=True, quiet_modules=rng.uniform(1.0, 4.0))
    return replace(look, medium=medium)


LOOKS: dict[Distortion, Callable[[Generator], Look]] = {
    Distortion.PLAIN: _plain,
    Distortion.SIZE: _size,
    Distortion.TILT: _tilt,
    Distortion.BLUR: _blur,
    Distortion.MOTION: _motion,
    Distortion.NOISE: _noise,
    Distortion.LOW_LIGHT: _low_light,
    Distortion.GLARE: _glare,
    Distortion.MOIRE: _moire,
    Distortion.CURL: _curl,
    Distortion.INVERTED: _inverted,
}


def draw_scene(distortion: Distortion, kind: str, seed: int) -> Scene:
    """Returns the scene of that family, kind of code and seed: always the same one."""
    rng = np.random.default_rng([seed, list(Distortion).index(distortion)])
    look = LOOKS[distortion](rng)
    background = draw_background(FRAME_SIZE, rng)
    payload = draw_payload(kind, rng)
    light = compose(payload, look, background, rng)
    return Scene(distortion=distortion, payload=payload, look=look, light=light, seed=seed)


def draw_empty_scene(seed: int) -> Scene:
    """Returns a cluttered scene without any code."""
    rng = np.random.default_rng([seed, len(Distortion)])
    light = draw_background(FRAME_SIZE, rng, clutter=60)
    return Scene(distortion=Distortion.PLAIN, payload="", look=Look(), light=light, seed=seed)
