"""What a stream of pictures says about its camera, and which part of a picture is looked at."""

from dataclasses import dataclass

import numpy as np

from doorward_edge.ports import CameraHealth
from doorward_edge.scan import Luma

GONE_AFTER_MS = 2_000
"""No frame for this long: the camera is gone."""
UNWELL_AFTER_MS = 2_000
"""A camera must look frozen, dark or blinded for this long before it is called so."""

_STRIDE_PX = 8
_BLACK_DN = 24
_WHITE_DN = 250
_DARK_SHARE = 0.995
_BLINDED_SHARE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Impression:
    """One frame, as far as the camera's health goes.

    Attributes:
        sample: every eighth pixel of every eighth row.
        appearance: what the picture alone suggests: ok, dark or blinded.
    """

    sample: Luma
    appearance: CameraHealth


def impression_of(luma: Luma) -> Impression:
    """Returns what a frame looks like. Costs some microseconds."""
    sample = luma[::_STRIDE_PX, ::_STRIDE_PX].copy()
    appearance = CameraHealth.OK
    if np.count_nonzero(sample <= _BLACK_DN) >= _DARK_SHARE * sample.size:
        appearance = CameraHealth.DARK
    elif np.count_nonzero(sample >= _WHITE_DN) >= _BLINDED_SHARE * sample.size:
        appearance = CameraHealth.BLINDED
    return Impression(sample=sample, appearance=appearance)


def judge(before: Impression | None, now: Impression) -> CameraHealth:
    """Returns what one frame suggests after the one before it.

    A living sensor is never twice the same: its noise differs even in a still scene.
    """
    if now.appearance is not CameraHealth.OK:
        return now.appearance
    is_same = before is not None and np.array_equal(before.sample, now.sample)
    return CameraHealth.FROZEN if is_same else CameraHealth.OK


class CameraWatch:
    """Follows one camera: what is said is only said once it has lasted."""

    def __init__(self, now_mono_ms: int) -> None:
        """Counts the time without a frame from now on."""
        self._last: Impression | None = None
        self._last_ms = now_mono_ms
        self._suspected = CameraHealth.OK
        self._since_ms = now_mono_ms

    def note(self, impression: Impression, at_mono_ms: int) -> None:
        """Takes in a frame that came."""
        suggested = judge(self._last, impression)
        if suggested is not self._suspected:
            self._suspected, self._since_ms = suggested, at_mono_ms
        self._last, self._last_ms = impression, at_mono_ms

    def health(self, now_mono_ms: int) -> CameraHealth:
        """Returns what is wrong with the camera, if anything."""
        if now_mono_ms - self._last_ms >= GONE_AFTER_MS:
            return CameraHealth.GONE
        has_lasted = now_mono_ms - self._since_ms >= UNWELL_AFTER_MS
        return self._suspected if has_lasted else CameraHealth.OK


def crop(luma: Luma, roi_px: tuple[int, ...]) -> Luma:
    """Returns the part x, y, width, height of a picture, cut to it; all of it without a part.

    Raises:
        ValueError: the part lies outside of the picture.
    """
    if not roi_px:
        return luma
    x, y, width, height = roi_px
    seen = luma[max(0, y) : max(0, y + height), max(0, x) : max(0, x + width)]
    if not seen.size:
        tall, wide = luma.shape
        raise ValueError(f"camera.roi_px is {list(roi_px)}, the picture has {wide}x{tall} pixels")
    return np.ascontiguousarray(seen)
