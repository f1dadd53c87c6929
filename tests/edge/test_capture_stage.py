"""What frames say about their camera."""

import numpy as np
import pytest

from doorward_edge.ports import CameraHealth
from doorward_edge.scan import Luma
from doorward_edge.stages.capture import CameraWatch, crop, impression_of


def noisy(seed: int, level: int = 120) -> Luma:
    rng = np.random.default_rng(seed)
    return np.clip(rng.normal(level, 3, (240, 320)), 0, 255).astype(np.uint8)


def watched(frames: list[Luma], *, every_ms: int = 100) -> CameraHealth:
    watch = CameraWatch(0)
    for number, luma in enumerate(frames):
        watch.note(impression_of(luma), number * every_ms)
    return watch.health((len(frames) - 1) * every_ms)


def test_a_still_scene_through_a_living_sensor_is_well() -> None:
    assert watched([noisy(seed) for seed in range(40)]) is CameraHealth.OK


def test_the_same_picture_for_two_seconds_is_a_frozen_camera() -> None:
    assert watched([noisy(1)] * 40) is CameraHealth.FROZEN


def test_the_same_picture_for_one_second_is_not_yet() -> None:
    assert watched([noisy(1)] * 11) is CameraHealth.OK


@pytest.mark.parametrize(
    ("level", "health"),
    [(4, CameraHealth.DARK), (255, CameraHealth.BLINDED), (60, CameraHealth.OK)],
)
def test_a_covered_and_a_blinded_lens_are_told_apart(level: int, health: CameraHealth) -> None:
    assert watched([noisy(seed, level) for seed in range(40)]) is health


def test_a_dim_hall_with_one_lamp_is_not_dark() -> None:
    frames = [noisy(seed, 10) for seed in range(40)]
    for frame in frames:
        frame[40:80, 40:80] = 200
    assert watched(frames) is CameraHealth.OK


def test_no_frame_for_two_seconds_is_a_camera_that_is_gone() -> None:
    watch = CameraWatch(0)
    watch.note(impression_of(noisy(1)), 1_000)
    assert watch.health(2_999) is CameraHealth.OK
    assert watch.health(3_000) is CameraHealth.GONE


def test_a_camera_that_never_gave_a_frame_is_gone_after_two_seconds() -> None:
    assert CameraWatch(5_000).health(7_000) is CameraHealth.GONE


def test_a_frozen_camera_that_moves_again_is_well_at_once() -> None:
    watch = CameraWatch(0)
    for number in range(40):
        watch.note(impression_of(noisy(1)), number * 100)
    watch.note(impression_of(noisy(2)), 4_000)
    assert watch.health(4_000) is CameraHealth.OK


def test_the_region_of_interest_is_cut_out() -> None:
    luma = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert crop(luma, (2, 1, 3, 2)).tolist() == [[10, 11, 12], [18, 19, 20]]


def test_a_region_beyond_the_edge_is_cut_to_the_picture() -> None:
    assert crop(np.zeros((6, 8), np.uint8), (6, 4, 100, 100)).shape == (2, 2)


def test_a_region_outside_of_the_picture_is_refused_with_both_sizes() -> None:
    with pytest.raises(ValueError, match=r"roi_px is \[9, 0, 3, 3\], the picture has 8x6 pixels"):
        crop(np.zeros((6, 8), np.uint8), (9, 0, 3, 3))
