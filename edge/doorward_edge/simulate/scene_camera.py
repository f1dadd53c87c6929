"""A camera before which codes are held up by whoever calls it: demonstrations and tests."""

import threading
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np

from doorward.times import Clock
from doorward_edge.scan import Frame, Luma
from doorward_edge.simulate.background import draw_background
from doorward_edge.simulate.distortions import shade
from doorward_edge.simulate.look import Look, Medium, Optics, Pose, changed_look
from doorward_edge.simulate.projection import Patch
from doorward_edge.simulate.render import hold
from doorward_edge.simulate.sensor import NoiseTiles

_LIGHT_PERIOD_MS = 47_000
"""The light of the hall goes up and down by a few per cent, as with passing clouds."""
_LIGHT_SWING = 0.08
_TREMOR_PX = 2
"""A hand is never still: the code moves by at most so many pixels from frame to frame."""


class Fault(StrEnum):
    """What may be wrong with a camera."""

    NONE = "none"
    FREEZE = "freeze"
    """The same picture again and again, as from a driver that hangs."""
    BLACK = "black"
    """The lens is covered."""
    BLINDED = "blinded"
    """The sun or a lamp shines into the lens."""
    GONE = "gone"
    """No pictures at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What is held up: the drawn card, how it is lit, and until when."""

    patch: Patch
    light: float
    until_ms: int | None


class SceneCamera:
    """A frame source of constant rate; `show`, `clear` and `fail` may be called from any thread."""

    def __init__(
        self, *, width_px: int, height_px: int, fps: float, seed: int, clock: Clock
    ) -> None:
        """Draws a hall with nobody in it; the same seed always gives the same one."""
        cv2.setNumThreads(1)
        self._clock = clock
        self._size = (width_px, height_px)
        self._period_ms = 1000 / fps
        self._rng = np.random.default_rng(seed)
        self._hand = np.random.default_rng([seed, 1])
        hall = shade(draw_background(self._size, self._rng), Optics(gradient=0.3), self._rng)
        self._hall: Luma = np.asarray(np.clip(hall * 255, 0, 255), dtype=np.uint8)
        self._noise = NoiseTiles(self._size, 2.5, self._rng)
        self._held: _Held | None = None
        self._fault = Fault.NONE
        self._last: Luma = self._hall
        self._seq = 0
        self._due_ms = float(clock.now().mono_ms)
        self._closed = threading.Event()
        self._turn = threading.Lock()

    def show(self, payload: str, for_ms: int | None = None, **look: float | bool) -> None:
        """Holds a code up in place of the one before, as a person would: never quite the same.

        Args:
            payload: the text of the code.
            for_ms: how long, from now; None until `clear` or the next `show`.
            look: attributes of `Pose`, `Medium` and `Optics` by name; `tilt_deg` is
                `tilt_x_deg`. What is not said is drawn by lot within what every reader manages.

        Raises:
            ValueError: the text does not fit into a QR code, or an attribute is not known.
        """
        with self._turn:
            wanted = changed_look(self._usual_look(), look)
            patch = hold(payload, wanted, self._size, self._hand)
            until = None if for_ms is None else self._clock.now().mono_ms + for_ms
            self._held = _Held(patch=patch, light=wanted.optics.light, until_ms=until)

    def _usual_look(self) -> Look:
        hand, height_px = self._hand, self._size[1]
        pose = Pose(
            module_px=hand.uniform(3.5, 5.0) * min(1.0, height_px / 480),
            tilt_x_deg=hand.uniform(-12, 12),
            tilt_y_deg=hand.uniform(-12, 12),
            turn_deg=hand.normal(0, 6),
            center_x=hand.uniform(0.42, 0.58),
            center_y=hand.uniform(0.45, 0.55),
        )
        optics = Optics(blur_px=hand.uniform(0.5, 0.9), light=hand.uniform(0.75, 1.05))
        return Look(pose=pose, medium=Medium(), optics=optics)

    def clear(self) -> None:
        """Takes away what is held up."""
        with self._turn:
            self._held = None

    def fail(self, kind: str) -> None:
        """Has a fault from now on; ``none`` ends it. Raises ValueError."""
        if kind not in set(Fault):
            raise ValueError(f"fault is {kind!r}, known are {', '.join(Fault)}")
        with self._turn:
            self._fault = Fault(kind)

    def next_frame(self, timeout_s: float) -> Frame | None:
        """Returns the next picture when its time has come, or None after `timeout_s`."""
        wait_s = max(0.0, (self._due_ms - self._clock.now().mono_ms) / 1000)
        with self._turn:
            is_gone = self._fault is Fault.GONE
        if is_gone or wait_s > timeout_s:
            self._closed.wait(timeout_s)
            return None
        if self._closed.wait(wait_s):
            return None
        now_ms = self._clock.now().mono_ms
        self._due_ms += self._period_ms
        if self._due_ms <= now_ms:
            # After a pause the rate goes on from now; nothing is made up for.
            self._due_ms = now_ms + self._period_ms
        luma = self._picture(now_ms)
        luma.setflags(write=False)
        frame = Frame(luma=luma, seq=self._seq, captured_mono_ms=now_ms)
        self._seq += 1
        return frame

    def close(self) -> None:
        """Ends a wait for the next frame; no more come."""
        self._closed.set()

    def _picture(self, now_ms: int) -> Luma:
        with self._turn:
            held, fault = self._held, self._fault
            if held is not None and held.until_ms is not None and now_ms >= held.until_ms:
                held = self._held = None
        if fault is Fault.FREEZE:
            return self._last
        if fault is Fault.BLACK:
            return np.full_like(self._hall, 2)
        if fault is Fault.BLINDED:
            return np.full_like(self._hall, 255)
        self._last = self._draw(held, now_ms)
        return self._last

    def _draw(self, held: _Held | None, now_ms: int) -> Luma:
        swing = 1 + _LIGHT_SWING * np.sin(2 * np.pi * now_ms / _LIGHT_PERIOD_MS)
        picture = np.asarray(cv2.convertScaleAbs(self._hall, alpha=float(swing)), dtype=np.uint8)
        if held is not None:
            dx, dy = (int(v) for v in self._rng.integers(-_TREMOR_PX, _TREMOR_PX + 1, 2))
            _paste(picture, held, float(swing), (dx, dy))
        self._noise.add_to(picture, self._rng)
        return picture


def _paste(picture: Luma, held: _Held, swing: float, moved: tuple[int, int]) -> None:
    """Puts the card over the 8-bit picture, in place."""
    patch = held.patch
    height, width = picture.shape
    x, y = patch.left + moved[0], patch.top + moved[1]
    tall, wide = patch.light.shape
    left, top = max(0, x), max(0, y)
    right, bottom = min(width, x + wide), min(height, y + tall)
    if left >= right or top >= bottom:
        return
    part = np.s_[top - y : bottom - y, left - x : right - x]
    under = picture[top:bottom, left:right]
    card = patch.light[part] * np.float32(255 * swing * held.light)
    mixed = under * (1 - patch.cover[part]) + card
    np.clip(mixed, 0, 255, out=mixed)
    under[:] = mixed.astype(np.uint8)
