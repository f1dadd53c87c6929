"""The lamp beside a camera: lit in the dark, out by day, and never flickering."""

import itertools
import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.mailbox import CameraThread
from doorward_edge.ports import FramesEndedError
from doorward_edge.scan import Frame
from doorward_edge.stages.illumination import (
    BRIGHT_FOR_MS,
    DARK_FOR_MS,
    SETTLE_MS,
    WRONG_WITHIN_MS,
    Dusk,
    Lantern,
)
from tests.fakes.edge_ports import FakeClock
from tests.fakes.site_simulator import START_S

HOUR_MS = 3_600_000
LOOK_EVERY_MS = 250
Hall = Callable[[int, bool], float]
"""Brightness of the picture at a time, with the lamp lit or not."""


def lived(hall: Hall, until_ms: int) -> list[tuple[int, bool]]:
    """Returns when the lamp was switched, and to what."""
    dusk, switched = Dusk(), []
    for now_ms in range(0, until_ms, LOOK_EVERY_MS):
        before = dusk.is_lit
        after = dusk.note(hall(now_ms, before), now_ms)
        if after is not before:
            switched.append((now_ms, after))
    return switched


def test_by_day_it_stays_out() -> None:
    assert lived(lambda _, lit: 120 + 40 * lit, HOUR_MS) == []


def test_in_the_dark_it_is_lit_soon_and_stays_lit() -> None:
    assert lived(lambda _, lit: 12 + 130 * lit, HOUR_MS) == [(DARK_FOR_MS, True)]


def test_a_hand_before_the_lens_is_no_night() -> None:
    def hall(now_ms: int, lit: bool) -> float:  # a hall
        del lit
        return 5 if now_ms % 10_000 < DARK_FOR_MS - LOOK_EVERY_MS else 130

    assert lived(hall, HOUR_MS) == []


def test_it_goes_out_when_the_day_comes() -> None:
    dawn_ms = 600_000

    def hall(now_ms: int, lit: bool) -> float:  # a hall
        return (12 if now_ms < dawn_ms else 110) + 100 * lit

    out_ms = dawn_ms + BRIGHT_FOR_MS
    assert lived(hall, HOUR_MS) == [(DARK_FOR_MS, True), (out_ms, False)]


def test_a_camera_that_evens_out_all_light_does_not_make_it_flicker() -> None:
    """Its picture is as bright with the lamp as by day, whatever the lamp adds."""
    slow_ms = SETTLE_MS + 2_000
    lit_since: list[int] = []

    def hall(now_ms: int, lit: bool) -> float:  # a hall
        if not lit:
            lit_since.clear()
            return 20
        lit_since[:] = lit_since or [now_ms]
        return 45 if now_ms - lit_since[0] < slow_ms else 150

    switched = lived(hall, 6 * HOUR_MS)
    lit_ms = [at for at, is_lit in switched if is_lit]
    assert len(switched) <= 30
    gaps = np.diff(lit_ms)
    assert (np.diff(gaps) >= 0).all(), "it stays lit for longer each time"


@given(st.lists(st.floats(0, 255), min_size=1, max_size=400))
def test_whatever_the_pictures_are_it_is_never_switched_twice_in_a_second(
    levels: list[float],
) -> None:
    def hall(now_ms: int, lit: bool) -> float:  # a hall
        del lit
        return levels[now_ms // LOOK_EVERY_MS]

    switched = [at for at, _ in lived(hall, LOOK_EVERY_MS * len(levels))]
    assert all(later - sooner >= DARK_FOR_MS for sooner, later in itertools.pairwise(switched))


def test_wrong_is_what_turns_dark_soon_after() -> None:
    assert WRONG_WITHIN_MS > BRIGHT_FOR_MS


class FakeLight:
    def __init__(self) -> None:
        self.switched: list[bool] = []

    def set(self, *, is_lit: bool) -> None:
        self.switched.append(is_lit)


@pytest.mark.parametrize(("level", "switched"), [(10, [True]), (120, [])])
def test_the_lamp_is_switched_by_the_pictures_of_its_camera(
    level: int, switched: list[bool]
) -> None:
    luma = np.full((48, 64), level, dtype=np.uint8)
    frames = [Frame(luma=luma, seq=n, captured_mono_ms=100 * n) for n in range(60)]
    light, source = FakeLight(), FakeCamera(frames)
    camera = CameraThread(source, FakeClock(START_S), (0, 0, 8, 8), Lantern(light))
    assert source.is_over.wait(10)
    camera.close()
    assert light.switched == switched


class FakeCamera:
    """Gives its pictures as fast as it is asked."""

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames
        self.is_over = threading.Event()

    def next_frame(self, timeout_s: float) -> Frame:
        del timeout_s
        if not self._frames:
            self.is_over.set()
            raise FramesEndedError("no more")
        return self._frames.pop(0)

    def close(self) -> None:
        """There is nothing to close."""
