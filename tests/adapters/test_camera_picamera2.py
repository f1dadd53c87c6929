"""The Pi camera's adapter with the real picamera2, over a fake libcamera.

The capture process runs as at a gate; picamera2 is the package of the index, whole. What lies below
it (libcamera, the kernel's memory for pictures) is played. docs/limits.md says what that leaves.
"""

import ast
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from doorward_edge.adapters import camera_picamera2
from doorward_edge.adapters.camera_picamera2 import Plane, luma_of
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.camera_settings import libcamera_controls, libcamera_rate
from doorward_edge.capture.process import CaptureSettings
from doorward_edge.capture.source import CaptureSource, largest_picture_px
from doorward_edge.config import CameraKind, CameraSection, ClockSource
from doorward_edge.ports import CameraError
from doorward_edge.scan import Frame
from tests.fakes.pi_camera import fake_libcamera
from tests.fakes.pi_camera.around_picamera2 import PACKAGE, ROOT
from tests.fakes.pi_camera.fake_libcamera import CHROMA, PADDING, FakeWorld, picture

CHILD = ROOT / "tests" / "fakes" / "pi_camera" / "capture_child.py"
CLOCK = SystemClock(ClockSource.ASSUME)
PATIENCE_S = 30.0
MOST_PICTURES = 40

# Names: libcamera's src/libcamera/control_ids_core.yaml and control_ids_draft.yaml. What Raspberry
# Pi's cameras offer of them, and within which limits: src/ipa/rpi/common/ipa_base.cpp.
SCREW_CAMERA: dict[str, list[Any]] = {
    "AeEnable": [False, True, None],
    "AnalogueGain": [1.0, 16.0, None],
    "AnalogueGainMode": [0, 1, 0],
    "ExposureTime": [0, 66_666, None],
    "ExposureTimeMode": [0, 1, 0],
    "FrameDurationLimits": [33_333, 120_000, None],
    "NoiseReductionMode": [0, 4, 0],
}
AF_CAMERA = {**SCREW_CAMERA, "AfMode": [0, 2, 0], "LensPosition": [0.0, 32.0, 1.0]}


@pytest.fixture(scope="module", autouse=True)
def package() -> Path:
    if not (PACKAGE / "picamera2").is_dir():
        pytest.fail("picamera2 is not there to look at: python3 tools/bootstrap.py test")
    return PACKAGE


def section(**more: Any) -> CameraSection:
    known = CameraSection(name="front", kind=CameraKind.PICAMERA2, width_px=640, height_px=480)
    return msgspec.structs.replace(known, **more)


class Bench:
    """A capture process with the real picamera2 over a camera of some kind."""

    def __init__(self, world: FakeWorld, camera: CameraSection) -> None:
        self.source = CaptureSource(
            camera,
            CLOCK,
            settings=CaptureSettings(
                camera=camera, place_bytes=largest_picture_px(camera), program=(str(CHILD),)
            ),
        )
        self._log = Path(world.log)

    def frame(self) -> Frame:
        until_ms = CLOCK.now().mono_ms + int(PATIENCE_S * 1000)
        while CLOCK.now().mono_ms < until_ms:
            if (frame := self.source.next_frame(0.2)) is not None:
                return frame
        raise AssertionError(f"no picture within {PATIENCE_S} s")

    def trouble(self) -> str:
        with pytest.raises(CameraError) as caught:
            self.frame()
        return str(caught.value)

    def told(self, what: str) -> list[dict[str, Any]]:
        lines = map(json.loads, self._log.read_text("utf-8").splitlines())
        return [line for line in lines if line["what"] == what]


@pytest.fixture
def bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[..., Bench]:
    def make(world: dict[str, Any] | None = None, **wishes: Any) -> Bench:
        fields = {"controls": AF_CAMERA, "log": str(tmp_path / "asked.jsonl"), **(world or {})}
        monkeypatch.setenv("DOORWARD_FAKE_CAMERA", json.dumps(fields))
        made = Bench(FakeWorld.from_json(json.dumps(fields)), section(**wishes))
        request.addfinalizer(made.source.close)
        return made

    return make


def is_whole(luma: np.ndarray[Any, np.dtype[np.uint8]], size: tuple[int, int]) -> bool:
    return any(np.array_equal(luma, picture(n, *size)) for n in range(MOST_PICTURES))


SIZES = [
    # size, rows as long as the next multiple of, format, bytes behind the planes
    ((640, 480), 64, "YUV420", 0),
    ((642, 480), 64, "YUV420", 0),
    ((1000, 562), 32, "YUV420", 0),
    ((1000, 562), 128, "YVU420", 0),
    ((1280, 720), 64, "NV12", 4096),
    ((1536, 864), 256, "NV21", 0),
    ((2304, 1296), 64, "YUV420", 4096),
]


@pytest.mark.parametrize(("size", "align_px", "form", "tail"), SIZES)
def test_the_brightness_arrives_whole_whatever_lies_beside_it(
    bench: Callable[..., Bench], size: tuple[int, int], align_px: int, form: str, tail: int
) -> None:
    world = {"align_px": align_px, "given_format": form, "tail_bytes": tail}
    pi = bench(world, width_px=size[0], height_px=size[1])
    for _ in range(3):
        frame = pi.frame()
        assert frame.luma.shape == size[::-1]
        assert is_whole(frame.luma, size)


def test_pictures_are_numbered_and_go_back_to_the_camera(bench: Callable[..., Bench]) -> None:
    pi = bench()
    numbers = [pi.frame().seq for _ in range(12)]
    assert numbers == sorted(set(numbers))


def test_what_the_installer_set_reaches_the_camera_before_its_first_picture(
    bench: Callable[..., Bench],
) -> None:
    pi = bench(fps=10, exposure_us=4_000, gain=2.0, focus=4.0)
    pi.frame()
    (start,) = pi.told("start")
    assert start["controls"] == {
        "FrameDurationLimits": [100_000, 100_000],
        "ExposureTime": 4_000,
        "ExposureTimeMode": 1,  # picamera2 says by itself that it is by hand
        "AnalogueGain": 2.0,
        "AnalogueGainMode": 1,
        "AeEnable": False,
        "AfMode": 0,
        "LensPosition": 4.0,
        "NoiseReductionMode": 1,  # picamera2's own choice for video
    }


def test_limits_are_those_of_the_mode_that_the_size_chose(bench: Callable[..., Bench]) -> None:
    mode = {"ExposureTime": [26, 1_000_000, None], "FrameDurationLimits": [20_000, 10**6, None]}
    pi = bench({"controls_configured": mode}, exposure_us=200_000, fps=60)
    pi.frame()
    (start,) = pi.told("start")
    assert start["controls"]["ExposureTime"] == 200_000
    assert pi.source.refused == "fps is 60; this camera does 50.0 at this size"


def test_what_the_camera_does_not_do_is_said_and_the_rest_is_done(
    bench: Callable[..., Bench],
) -> None:
    bare = {"ExposureTime": [0, 66_666, None], "ExposureTimeMode": [0, 1, 0]}
    pi = bench({"controls": bare}, exposure_us=4_000, gain=2.0, focus=4.0)
    pi.frame()
    assert pi.source.refused == (
        "fps: this camera has no FrameDurationLimits; gain: this camera has no AnalogueGain; "
        "exposure_us and gain: this camera has no AeEnable; focus: this camera has no AfMode; "
        "focus: this camera has no LensPosition"
    )
    (start,) = pi.told("start")
    assert start["controls"] == {"ExposureTime": 4_000, "ExposureTimeMode": 1}


def test_another_size_than_was_asked_for_is_taken_and_said(bench: Callable[..., Bench]) -> None:
    pi = bench({"given_size": [624, 464]})
    frame = pi.frame()
    assert is_whole(frame.luma, (624, 464))
    assert "the camera gives pictures of 624x464" in pi.source.refused


def test_an_odd_width_is_made_even_by_picamera2(bench: Callable[..., Bench]) -> None:
    pi = bench(width_px=641, height_px=481)
    assert is_whole(pi.frame().luma, (640, 480))
    assert "the camera gives pictures of 640x480" in pi.source.refused


@pytest.mark.parametrize("form", ["YUYV", "MJPEG", "XRGB8888"])
def test_a_camera_without_a_plane_of_brightness_is_refused(
    bench: Callable[..., Bench], form: str
) -> None:
    said = bench({"given_format": form}).trouble()
    assert f"gives {form}" in said
    assert 'camera.kind = "v4l2"' in said


def test_a_camera_that_is_not_there_is_named(bench: Callable[..., Bench]) -> None:
    assert "camera.device 1 at 640x480: No camera number 1" in bench(device="1").trouble()


def test_a_camera_that_could_not_be_configured_is_let_go_and_tried_again(
    bench: Callable[..., Bench],
) -> None:
    pi = bench({"refusals": 1})
    assert "Invalid argument" in pi.trouble()
    pi.frame()
    assert pi.source.stats()["starts"] == 1


def test_a_camera_that_hangs_holds_nobody_up(bench: Callable[..., Bench]) -> None:
    pi = bench({"pictures": 4})
    pi.frame()
    asked_ms = CLOCK.now().mono_ms
    while pi.source.next_frame(0.3) is not None:
        asked_ms = CLOCK.now().mono_ms
    assert 250 <= CLOCK.now().mono_ms - asked_ms < 3_000


ALONE = """
import sys
sys.path.insert(0, {root!r})
from tests.fakes.pi_camera import around_picamera2
around_picamera2.install()
from doorward_edge.adapters.camera_picamera2 import PiCamera
from doorward_edge.config import CameraKind, CameraSection
from tests.fakes.frames import HandClock
camera = PiCamera(CameraSection(name="front", kind=CameraKind.PICAMERA2), HandClock())
"""
HANGS_AND_IS_CLOSED = """
misses = 0
while misses < 5:
    misses = 0 if camera.next_frame(0.1) else misses + 1
camera.close()
"""
IS_SLOWER_THAN_ASKED = """
shown = misses = 0
while shown < 4 or misses < 4:
    if camera.next_frame(0.05) is None: misses += 1
    else: shown += 1
camera.close()
"""


@pytest.mark.parametrize(
    ("body", "world"),
    [(HANGS_AND_IS_CLOSED, {"pictures": 3}), (IS_SLOWER_THAN_ASKED, {"pause_s": 0.2})],
)
def test_a_picture_that_does_not_come_in_time_costs_the_camera_nothing(
    tmp_path: Path, body: str, world: dict[str, Any]
) -> None:
    log = tmp_path / "asked.jsonl"
    fields = {"controls": AF_CAMERA, "log": str(log), **world}
    done = subprocess.run(
        [sys.executable, "-c", ALONE.format(root=str(ROOT)) + body],
        env={**os.environ, "DOORWARD_FAKE_CAMERA": json.dumps(fields)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    asked = [json.loads(line)["what"] for line in log.read_text("utf-8").splitlines()]
    assert asked == ["configure", "start", "stop", "release"]


def test_the_package_is_the_one_that_the_lock_names() -> None:
    lock = (ROOT / "tools" / "test-only.lock").read_text("utf-8")
    (version,) = re.findall(r"^picamera2==(\S+)", lock, re.MULTILINE)
    assert [p.name for p in PACKAGE.glob("*.dist-info")] == [f"picamera2-{version}.dist-info"]


OWNERS = {"device": ("picamera2.py", "Picamera2"), "request": ("request.py", "CompletedRequest")}


def _calls() -> list[tuple[str, str, int, tuple[str, ...]]]:
    """Returns what the adapter calls: of whom, what, with how many places and which names."""
    found = []
    for node in ast.walk(ast.parse(inspect.getsource(camera_picamera2))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value).removeprefix("self._")
            names = tuple(word.arg or "**" for word in node.keywords)
            found.append((owner, node.func.attr, len(node.args), names))
    return [call for call in found if call[0] in OWNERS]


def test_every_call_names_a_method_and_arguments_that_the_package_has() -> None:
    calls = _calls()
    assert {call[1] for call in calls} >= {"configure", "start", "wait", "release", "close"}
    wrong = []
    for owner, method, places, names in calls:
        file, kind = OWNERS[owner]
        tree = ast.parse((PACKAGE / "picamera2" / file).read_text("utf-8"))
        (body,) = (n.body for n in tree.body if isinstance(n, ast.ClassDef) and n.name == kind)
        # The last of several is the one that counts: those before it are overloads.
        known = {n.name: n.args.args for n in body if isinstance(n, ast.FunctionDef)}
        taken = [arg.arg for arg in known.get(method, [])][1 + places :]
        if method not in known or not set(names) <= set(taken):
            wrong.append((owner, method, names))
    assert wrong == []


def test_no_control_is_set_that_the_cameras_do_not_know() -> None:
    wishes = section(exposure_us=4_000, gain=2.0, focus=4.0)
    offered = {name: (limits[0], limits[1], limits[2]) for name, limits in AF_CAMERA.items()}
    controls = libcamera_controls(wishes, offered).controls
    assert set(controls) <= set(AF_CAMERA)
    assert set(libcamera_controls(section(), offered).controls) <= set(AF_CAMERA)
    # picamera2's own word for FrameDurationLimits.
    assert set(libcamera_rate(wishes, offered).controls) == {"FrameRate"}


PLANES = [
    # width, height, stride, bytes of the buffer
    (64, 48, 64, 64 * 48 * 3 // 2),
    (66, 48, 128, 128 * 48 * 3 // 2),
    (66, 48, 96, 96 * 48 * 3 // 2 + 77),
    (1, 1, 1, 1),
    (1536, 864, 1536, 1536 * 864 * 3 // 2),
    (3280, 2464, 3328, 3328 * 2464 * 3 // 2),
    (4056, 3040, 4096, 4096 * 3040 * 3 // 2),
    (4608, 2592, 4608, 4608 * 2592),
]


@pytest.mark.parametrize(("width", "height", "stride", "size"), PLANES)
def test_rows_are_cut_out_by_their_stride(width: int, height: int, stride: int, size: int) -> None:
    buffer = np.full(size, CHROMA, dtype=np.uint8)
    rows = np.full((height, stride), PADDING, dtype=np.uint8)
    rows[:, :width] = picture(5, width, height)
    buffer[: rows.size] = rows.ravel()
    luma = luma_of(buffer, Plane(width=width, height=height, stride=stride))
    assert np.array_equal(luma, picture(5, width, height))
    assert luma.flags.c_contiguous
    buffer[:] = 0
    assert luma.min() >= 20, "it is a copy: the camera has its buffer back"


@pytest.mark.parametrize(
    ("width", "height", "stride", "size"),
    [(64, 48, 64, 64 * 48 - 1), (66, 48, 64, 66 * 48), (64, 48, 0, 64 * 48), (64, 48, 64, 0)],
)
def test_a_buffer_that_cannot_be_it_is_refused(
    width: int, height: int, stride: int, size: int
) -> None:
    with pytest.raises(CameraError, match=f"{size} bytes for {width}x{height} in rows of {stride}"):
        luma_of(np.zeros(size, dtype=np.uint8), Plane(width=width, height=height, stride=stride))


def test_the_fake_gives_what_would_be_seen_if_it_were_cut_out_wrongly() -> None:
    world = FakeWorld(align_px=64)
    stream = fake_libcamera.StreamConfiguration(fake_libcamera.StreamRole.Viewfinder)
    stream.size = fake_libcamera.Size(66, 48)
    stream.settle(world)
    assert (stream.stride, stream.frame_size) == (128, 128 * 48 * 3 // 2)
    assert PADDING not in picture(0, 640, 480)
    assert CHROMA not in picture(0, 640, 480)
