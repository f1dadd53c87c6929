"""Renders codes at given blur, motion and size, and counts how many the real readers read.

A code that is held still is looked at by the first pass and then by the whole rotation; one that
moves is gone by then, so that only the first look counts for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from doorward_edge.decoder.passes import Passes
from doorward_edge.scan import Luma, Strategy, Symbology
from doorward_edge.simulate.background import draw_background
from doorward_edge.simulate.corpus import draw_payload
from doorward_edge.simulate.look import Look, Optics, Pose
from doorward_edge.simulate.render import render
from doorward_edge.stages.decode import FIRST_LOOK, ROTATION, Pass

FRAME_SIZE = (640, 480)
TILT_DEG = 12
"""People hold codes nearly straight: up to so far aslant about either axis, as in the corpus."""
LENS_BLUR_PX = 0.6
NOISE_DN = 4.0
"""A lit hall: twice the noise of the corpus' plain family."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a code is shown.

    Attributes:
        defocus_modules: sigma of the blur beside the lens' own, in modules.
        motion_modules: way during the exposure, in modules.
        aslant_deg: turned away from the lens, in place of what a hand does.
    """

    kind: str
    module_px: float
    defocus_modules: float = 0.0
    motion_modules: float = 0.0
    aslant_deg: float | None = None


def share_read(trial: Trial, count: int, seed: int) -> float:
    """Returns the share of pictures that were read; the same seed gives the same pictures."""
    passes = Passes((Symbology.QR,))
    looked: tuple[Pass, ...] = FIRST_LOOK[Strategy.DUAL]
    if not trial.motion_modules:
        looked = (*looked, *ROTATION[Strategy.DUAL])
    read = 0
    for payload, picture in _pictures(trial, count, seed):
        found = passes.look(picture, looked)
        read += any(sighting.payload == payload.encode() for sighting in found)
    return read / count


def _pictures(trial: Trial, count: int, seed: int) -> Iterator[tuple[str, Luma]]:
    blur_px = float(np.hypot(LENS_BLUR_PX, trial.defocus_modules * trial.module_px))
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        payload = draw_payload(trial.kind, rng)
        look = Look(
            pose=Pose(
                module_px=trial.module_px,
                tilt_x_deg=rng.uniform(-TILT_DEG, TILT_DEG),
                tilt_y_deg=_turned(trial, rng.uniform(-TILT_DEG, TILT_DEG)),
                turn_deg=rng.normal(0, 6),
                center_x=rng.uniform(0.45, 0.55),
                center_y=rng.uniform(0.47, 0.53),
            ),
            optics=Optics(
                blur_px=blur_px,
                motion_px=trial.motion_modules * trial.module_px,
                motion_deg=rng.uniform(0, 180),
                gradient=rng.uniform(0, 0.4),
                noise_dn=NOISE_DN,
            ),
        )
        yield payload, render(payload, look, draw_background(FRAME_SIZE, rng), rng)


def _turned(trial: Trial, by_hand_deg: float) -> float:
    return by_hand_deg if trial.aslant_deg is None else trial.aslant_deg
