"""Reading distances: optics by figures that can be checked, limits with the real readers."""

import math

import numpy as np
import pytest

from doorward_edge.simulate.corpus import draw_payload
from doorward_edge.simulate.symbol import draw_modules
from tools.hardware.mounting import Held, best_mount, height_deg, mount_at, nearest_mm
from tools.hardware.optics import (
    Code,
    Limits,
    defocus_modules,
    focal_px,
    longest_exposure_us,
    module_px,
    reading_range,
    seen_mm,
    tilted,
)
from tools.hardware.parts import Shelf
from tools.hardware.reading_table import COMFORT_PX, MODULES, load_limits, load_media, rows
from tools.hardware.reading_trials import Trial, share_read

BADGE = Code(modules=41, side_mm=41)
LIMITS = Limits(module_px=2, defocus_modules=0.4, motion_modules=1)
PICTURES, SEED = 40, 71_000
"""The first of those pictures with which the limits were measured."""
FEW = 8
EASY_PX = 4.0


@pytest.mark.parametrize("kind", MODULES)
def test_a_code_has_as_many_modules_as_the_table_says(kind: str) -> None:
    drawn = draw_modules(draw_payload(kind, np.random.default_rng(5)))
    assert drawn.shape == (MODULES[kind], MODULES[kind])


def test_pixels_a_module_follow_the_pinhole() -> None:
    camera = Shelf().camera("global-shutter-6mm")
    frame = camera.usual_frame
    # 6 mm of focal length are 1739.1 pixels of 3.45 µm; a module of 1 mm at 1 m is 1.739 of them.
    assert focal_px(camera, frame) == pytest.approx(6 / 0.00345)
    assert module_px(camera, frame, BADGE, 1000) == pytest.approx(1.7391, abs=1e-3)


def test_the_far_end_is_where_a_module_has_the_fewest_pixels() -> None:
    camera = Shelf().camera("camera-module-3")
    found = reading_range(camera, camera.usual_frame, BADGE, LIMITS)
    assert module_px(camera, camera.usual_frame, BADGE, found.far_mm) == pytest.approx(2)


def test_the_near_end_is_where_the_whole_code_fits_into_the_picture() -> None:
    camera = Shelf().camera("camera-module-3")
    large = Code(modules=41, side_mm=160)
    found = reading_range(camera, camera.usual_frame, large, LIMITS)
    assert seen_mm(camera, camera.usual_frame, found.near_mm)[1] * 0.9 == pytest.approx(
        large.whole_mm
    )


def test_a_lens_that_is_focused_by_hand_is_sharp_around_its_distance() -> None:
    camera = Shelf().camera("global-shutter-6mm")
    assert camera.focused_mm is not None
    assert defocus_modules(camera, BADGE, camera.focused_mm) == 0
    found = reading_range(camera, camera.usual_frame, Code(modules=21, side_mm=12), LIMITS)
    for end in (found.near_mm, found.far_mm):
        blur = defocus_modules(camera, Code(modules=21, side_mm=12), end)
        assert blur <= LIMITS.defocus_modules + 1e-9


def test_the_blur_of_a_lens_is_what_the_thin_lens_gives() -> None:
    camera = Shelf().camera("global-shutter-6mm")
    # f = 6 mm at f/2.8, focused at 400 mm; an object at 800 mm: a disc of 16.3 µm on the sensor.
    disc_mm = 6 / 2.8 * 6 * 400 / (800 * 394)
    assert disc_mm == pytest.approx(0.0163, abs=1e-4)
    seen_module_mm = 6 * 1 / 800
    assert defocus_modules(camera, BADGE, 800) == pytest.approx(disc_mm / 4 / seen_module_mm)


def test_a_walking_hand_needs_the_exposure_in_which_it_moves_one_module() -> None:
    assert longest_exposure_us(BADGE, 1000, LIMITS) == pytest.approx(1000)


def test_aslant_a_code_reads_less_far() -> None:
    camera = Shelf().camera("camera-module-3")
    straight = reading_range(camera, camera.usual_frame, BADGE, LIMITS)
    assert tilted(straight, 60).far_mm == pytest.approx(straight.far_mm / 2)


def test_every_camera_reads_a_badge_somewhere_and_comfort_ends_first() -> None:
    for row in rows():
        assert not row.at_most.is_empty, (row.medium.name, row.camera_name)
        assert row.comfortable.far_mm <= row.at_most.far_mm


def test_what_is_called_comfortable_is_more_than_readers_need() -> None:
    assert all(one.module_px < COMFORT_PX for one in load_limits().code)
    assert {one.kind for one in load_limits().code} == {m.kind for m in load_media().medium}


def _trial(kind: str, what: str, value: float) -> Trial:
    """Blur and motion are shown on a code that is large enough otherwise."""
    if what == "module_px":
        return Trial(kind=kind, module_px=value)
    if what == "defocus_modules":
        return Trial(kind=kind, module_px=EASY_PX, defocus_modules=value)
    return Trial(kind=kind, module_px=EASY_PX, motion_modules=value)


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("what", ["module_px", "defocus_modules", "motion_modules"])
def test_at_the_computed_limits_the_real_readers_read_and_beyond_they_do_not(
    kind: str, what: str
) -> None:
    found = load_limits().of(kind)
    count = PICTURES if what == "module_px" else PICTURES // 2
    assert share_read(_trial(kind, what, getattr(found, what)), count, SEED) >= 0.95
    assert share_read(_trial(kind, what, getattr(found, f"{what}_lost")), FEW, SEED) <= 0.75


def test_at_the_distance_of_the_table_a_badge_is_read_thirty_degrees_aslant() -> None:
    camera = Shelf().camera("camera-module-3")
    medium = next(m for m in load_media().medium if m.name == "badge, code 40 mm")
    limits = load_limits().of(medium.kind).limits
    straight = reading_range(camera, camera.usual_frame, medium.code, limits)
    at_mm = tilted(straight, 30).far_mm
    px = module_px(camera, camera.usual_frame, medium.code, at_mm)
    trial = Trial(kind=medium.kind, module_px=px, aslant_deg=30)
    assert share_read(trial, PICTURES // 2, SEED) >= 0.95


HANDS = (
    Held(name="small", low_mm=1000, high_mm=1200),
    Held(name="tall", low_mm=1200, high_mm=1600),
)


def test_the_best_height_is_in_the_middle_of_all_hands() -> None:
    mount = best_mount(HANDS, 300)
    assert mount.height_mm == 1300
    assert mount.worst_deg == pytest.approx(45)
    assert mount.tilt_deg == pytest.approx(0)
    assert mount_at(1000, HANDS, 300).worst_deg > mount.worst_deg
    assert mount_at(1000, HANDS, 300).tilt_deg < 0, "a camera below all hands looks up"


def test_all_hands_are_in_the_picture_from_the_distance_at_which_it_is_as_high() -> None:
    camera = Shelf().camera("camera-module-3")
    frame = camera.usual_frame
    at_mm = nearest_mm(camera, frame, HANDS, code_mm=60)
    assert seen_mm(camera, frame, at_mm)[1] == pytest.approx(660)
    half = math.radians(height_deg(camera, frame) / 2)
    assert 2 * at_mm * math.tan(half) == pytest.approx(660)
