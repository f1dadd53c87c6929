"""The scene camera: codes come and go on time, and it fails in the ways it is told to."""

import itertools
import threading

import numpy as np
import pytest
import zxingcpp

from doorward_edge.scan import Frame, Luma
from doorward_edge.simulate.scene_camera import Fault, SceneCamera
from tests.fakes.edge_ports import FakeClock

FPS = 50
TEXT = "DW1:" + "7QK$A" * 20


class Stand:
    """A scene camera whose time passes frame by frame."""

    def __init__(self, seed: int = 0) -> None:
        self.clock = FakeClock(utc_s=1e9)
        self.camera = SceneCamera(width_px=640, height_px=480, fps=FPS, seed=seed, clock=self.clock)

    def frame(self) -> Frame:
        self.clock.pass_s(1 / FPS)
        frame = self.camera.next_frame(1.0)
        assert frame is not None
        return frame

    def texts(self) -> list[str]:
        return read(self.frame().luma)


def read(luma: Luma) -> list[str]:
    return [
        b.text
        for b in zxingcpp.read_barcodes(
            luma, formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
        )
    ]


@pytest.fixture
def stand() -> Stand:
    return Stand()


def test_a_code_is_seen_while_it_is_held_up_and_not_after(stand: Stand) -> None:
    assert stand.texts() == []
    stand.camera.show(TEXT)
    assert stand.texts() == [TEXT]
    assert stand.texts() == [TEXT]
    stand.camera.clear()
    assert stand.texts() == []


def test_a_code_shown_for_a_time_goes_by_itself(stand: Stand) -> None:
    stand.camera.show(TEXT, for_ms=3 * 1000 // FPS)
    seen = [stand.texts() == [TEXT] for _ in range(5)]
    assert seen == [True, True, False, False, False]


def test_the_next_code_takes_the_place_of_the_one_before(stand: Stand) -> None:
    stand.camera.show(TEXT)
    stand.camera.show("DW0" + "K" * 18, tilt_deg=25, turn_deg=90, light=0.6, blur_px=0.9)
    assert stand.texts() == ["DW0" + "K" * 18]


def test_an_inverted_code_is_shown_inverted(stand: Stand) -> None:
    stand.camera.show(TEXT, inverted=True)
    luma = stand.frame().luma
    assert not zxingcpp.read_barcodes(luma, try_invert=False, try_downscale=False)
    assert read(luma) == [TEXT]


def test_an_unknown_attribute_or_one_that_is_no_number_is_refused(stand: Stand) -> None:
    with pytest.raises(ValueError, match=r"colour is not known; known are blur_px, center_x, .*"):
        stand.camera.show(TEXT, colour=1)
    with pytest.raises(ValueError, match="light is 'on', must be a number"):
        stand.camera.show(TEXT, light="on")  # type: ignore[arg-type]  # as it may come as JSON


def test_a_text_that_is_too_long_is_refused_and_the_scene_stays(stand: Stand) -> None:
    stand.camera.show(TEXT)
    with pytest.raises(ValueError, match=r".+"):
        stand.camera.show("A" * 5000)
    assert stand.texts() == [TEXT]


def test_frames_are_counted_never_equal_and_nobody_can_write_to_them(stand: Stand) -> None:
    frames = [stand.frame() for _ in range(20)]
    assert [f.seq for f in frames] == list(range(20))
    for before, after in itertools.pairwise(frames):
        assert after.captured_mono_ms > before.captured_mono_ms
        assert not np.array_equal(before.luma[::8, ::8], after.luma[::8, ::8])
        assert not after.luma.flags.writeable


def test_the_same_seed_gives_the_same_frames() -> None:
    one, same, other = (Stand(seed).frame().luma for seed in (7, 7, 8))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_frozen_camera_repeats_itself_and_recovers(stand: Stand) -> None:
    stand.frame()
    stand.camera.fail(Fault.FREEZE)
    frozen = [stand.frame() for _ in range(3)]
    assert all(np.array_equal(frozen[0].luma, f.luma) for f in frozen)
    assert frozen[2].seq > frozen[0].seq
    stand.camera.fail("none")
    assert not np.array_equal(stand.frame().luma, frozen[0].luma)


def test_a_covered_lens_gives_black_and_the_sun_gives_white(stand: Stand) -> None:
    stand.camera.show(TEXT)
    stand.camera.fail("black")
    assert stand.frame().luma.max() < 10
    stand.camera.fail("blinded")
    assert stand.frame().luma.min() > 250


def test_a_stopped_camera_gives_nothing_within_the_time_asked_for(stand: Stand) -> None:
    stand.camera.fail("gone")
    stand.clock.pass_s(1)
    assert stand.camera.next_frame(0.01) is None


def test_a_frame_whose_time_has_not_come_is_not_given_early(stand: Stand) -> None:
    stand.frame()
    assert stand.camera.next_frame(0.001) is None


def test_an_unknown_failure_is_refused_with_what_is_allowed(stand: Stand) -> None:
    with pytest.raises(
        ValueError, match="fault is 'explode', known are none, freeze, black, blinded, gone"
    ):
        stand.camera.fail("explode")


def test_close_ends_a_wait(stand: Stand) -> None:
    stand.camera.fail("gone")
    ended = threading.Event()

    def wait() -> None:
        stand.camera.next_frame(30.0)
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    stand.camera.close()
    assert ended.wait(5)


def test_codes_may_come_and_go_from_another_thread_while_frames_are_drawn(stand: Stand) -> None:
    errors: list[BaseException] = []

    def hold_up() -> None:
        try:
            for number in range(30):
                stand.camera.show(f"DW0{number:018d}")
                stand.camera.clear()
        except BaseException as err:  # whatever it is, it is the test's to report
            errors.append(err)

    other = threading.Thread(target=hold_up)
    other.start()
    while other.is_alive():
        assert len(stand.texts()) <= 1
    other.join()
    assert errors == []
