"""The capture process at work, killed, hung, talking nonsense, and gone with its parent."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.capture.process import CaptureSettings
from doorward_edge.capture.protocol import PLACES
from doorward_edge.capture.source import CaptureSource, largest_picture_px
from doorward_edge.config import CameraKind, CameraSection, ClockSource
from doorward_edge.ports import CameraError
from doorward_edge.scan import Frame
from tests.fakes.frames import HandClock

CLOCK = SystemClock(ClockSource.ASSUME)
PATIENCE_S = 30.0
SIZE_PX = (64, 48)

PLAYS_A_CAMERA = """
import os, select, sys, time
import numpy as np, mmap
from doorward_edge.capture.protocol import CaptureNotice, Told
fd, ring_fd, size = map(int, sys.argv[2:5])
ring = np.frombuffer(mmap.mmap(ring_fd, 5 * size), np.uint8).reshape(5, size)
def say(told, **more):
    os.write(fd, CaptureNotice(told=told, **more).to_wire())
def shine(place, level, seq):
    ring[place] = level
    say(Told.FRAME, place=place, width_px=64, height_px=48, seq=seq, captured_mono_ms=1)
"""


def section(kind: CameraKind, path: object = "", fps: int = 10) -> CameraSection:
    return CameraSection(name="front", kind=kind, path=str(path), fps=fps)


def played(script: str, clock: HandClock | SystemClock = CLOCK) -> CaptureSource:
    camera = section(CameraKind.FOLDER)
    settings = CaptureSettings(
        camera=camera, place_bytes=SIZE_PX[0] * SIZE_PX[1], program=("-c", PLAYS_A_CAMERA + script)
    )
    return CaptureSource(camera, clock, settings=settings)


@pytest.fixture
def opened(request: pytest.FixtureRequest) -> Callable[[CaptureSource], CaptureSource]:
    def open_it(source: CaptureSource) -> CaptureSource:
        request.addfinalizer(source.close)
        return source

    return open_it


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[CaptureSource]:
    for n in range(1, 4):
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.full((48, 64), 40 * n, dtype=np.uint8))
    source = CaptureSource(section(CameraKind.FOLDER, path=tmp_path, fps=60), CLOCK)
    yield source
    source.close()


def next_of(source: CaptureSource) -> Frame:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        frame = source.next_frame(0.2)
        if frame is not None:
            return frame
    raise AssertionError(f"no frame within {PATIENCE_S} s")


def trouble_of(source: CaptureSource) -> str:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            source.next_frame(0.2)
        except CameraError as err:
            return str(err)
    raise AssertionError(f"no trouble within {PATIENCE_S} s")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(met: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not met():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.005)


def test_pictures_come_whole_in_order_and_dated(folder: CaptureSource) -> None:
    levels, numbers = [40, 80, 120], []
    for _ in range(7):
        frame = next_of(folder)
        assert frame.luma.shape == (48, 64)
        assert np.all(frame.luma == levels[frame.seq % 3])
        assert abs(CLOCK.now().mono_ms - frame.captured_mono_ms) < 5_000
        numbers.append(frame.seq)
    assert numbers == sorted(set(numbers))


def test_a_picture_that_is_held_is_never_written_over(folder: CaptureSource) -> None:
    held = next_of(folder).luma[10:20, 10:20]
    level = int(held[0, 0])
    for _ in range(4 * PLACES):
        next_of(folder)
    assert np.all(held == level)


def test_whoever_holds_every_picture_gets_no_more_and_then_gets_them_again(
    folder: CaptureSource,
) -> None:
    held = [next_of(folder) for _ in range(PLACES)]
    assert folder.next_frame(0.3) is None
    held.clear()
    assert next_of(folder).seq > PLACES


def test_only_the_newest_of_several_pictures_is_handed_out(
    opened: Callable[[CaptureSource], CaptureSource],
) -> None:
    source = opened(played("for n in range(4): shine(n, 10 * n, n)\ntime.sleep(60)"))
    source.next_frame(0)
    until(lambda: _sleeps(source.pid), "the child to say it all")
    frame = source.next_frame(1)
    assert frame is not None
    assert (frame.seq, int(frame.luma[0, 0])) == (3, 30)
    assert source.stats()["passed_over"] == 3


def test_places_of_pictures_that_were_passed_over_come_back(
    opened: Callable[[CaptureSource], CaptureSource],
) -> None:
    source = opened(
        played(
            "for n in range(4): shine(n, 10 * n, n)\n"
            "time.sleep(1)\n"
            "back = b''\n"
            "while len(back) < 3: back += os.read(fd, 64)\n"
            "shine(4, 44, 9 if sorted(back) == [0, 1, 2] else 8)\n"
            "time.sleep(60)"
        )
    )
    source.next_frame(0)
    until(lambda: _sleeps(source.pid), "the child to say it all")
    held = next_of(source)
    assert (held.seq, next_of(source).seq) == (3, 9)


def _sleeps(pid: int | None) -> bool:
    """Whether a child of `PLAYS_A_CAMERA` has come to its sleep: numpy is long loaded then."""
    if pid is None:
        return False
    call = Path(f"/proc/{pid}/syscall")
    return call.read_text().split()[0] in {"230", "35", "115"}  # clock_nanosleep, nanosleep


def test_a_killed_child_is_replaced_and_numbers_go_on(folder: CaptureSource) -> None:
    first = next_of(folder)
    pid = folder.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert "signal 9" in trouble_of(folder)
    assert next_of(folder).seq > first.seq
    assert folder.pid != pid
    assert folder.take_news() == ("the capture process ended: signal 9",)
    assert folder.take_news() == ()


def test_a_child_that_hangs_costs_no_more_than_the_time_that_was_given(
    opened: Callable[[CaptureSource], CaptureSource],
) -> None:
    source = opened(played("shine(0, 7, 0)\nos.kill(os.getpid(), 19)"))
    next_of(source)
    began = time.monotonic()
    assert source.next_frame(0.1) is None
    assert time.monotonic() - began < 2
    hung = source.pid
    assert hung is not None
    source.restart("no picture for 2 s")
    next_of(source)
    assert source.pid != hung
    assert not is_running(hung)
    assert source.take_news() == ("no picture for 2 s",)


def test_a_child_that_cannot_start_is_tried_again_with_growing_pauses() -> None:
    clock = HandClock()
    source = played("os._exit(3)", clock)
    starts: list[int] = []
    while len(starts) < 5:
        if source.pid is None:
            clock.mono_ms += 50
        with contextlib.suppress(CameraError):
            source.next_frame(0.05)
        if source.stats()["ends"] > len(starts):
            starts.append(clock.mono_ms)
    pauses = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert pauses == [50, 500, 1000, 2000]
    source.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        "os.write(fd, b'hello')",
        "say(Told.FRAME, place=9, width_px=64, height_px=48)",
        "say(Told.FRAME, place=0, width_px=65535, height_px=65535)",
        "say(Told.FRAME, place=0, width_px=0, height_px=48)",
        "os.write(fd, b'DWc1' + bytes([77]) + bytes(40))",
    ],
)
def test_nonsense_ends_the_child_that_says_it(nonsense: str) -> None:
    source = played(f"{nonsense}\ntime.sleep(60)")
    said = trouble_of(source)
    assert "capture process ended" in said
    assert source.pid is None
    source.close()


def test_trouble_with_the_camera_is_told_in_its_words(tmp_path: Path) -> None:
    source = CaptureSource(section(CameraKind.FOLDER, path=tmp_path), CLOCK)
    said = trouble_of(source)
    source.close()
    assert f"camera.path {tmp_path} holds no picture" in said


def test_a_camera_whose_package_is_missing_says_which() -> None:
    source = CaptureSource(section(CameraKind.PICAMERA2), CLOCK)
    said = trouble_of(source)
    source.close()
    assert "python3-picamera2" in said


def test_the_end_of_the_pictures_is_told(
    opened: Callable[[CaptureSource], CaptureSource],
) -> None:
    source = opened(played("say(Told.ENDED, text='the last picture was shown')\ntime.sleep(60)"))
    assert trouble_of(source) == "the last picture was shown"


def test_close_ends_the_child_and_a_wait_for_the_next_start(folder: CaptureSource) -> None:
    next_of(folder)
    pid = folder.pid
    assert pid is not None
    folder.close()
    assert not is_running(pid)
    assert folder.next_frame(0) is None
    assert folder.pid is None


def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.full((48, 64), 90, dtype=np.uint8))
    parent = (
        "import sys; from doorward_edge.capture.source import CaptureSource\n"
        "from doorward_edge.config import CameraKind, CameraSection, ClockSource\n"
        "from doorward_edge.adapters.clock_system import SystemClock\n"
        "s = CaptureSource(CameraSection(name='a', kind=CameraKind.FOLDER, path=sys.argv[1]),"
        " SystemClock(ClockSource.ASSUME))\n"
        "while s.next_frame(0.5) is None: pass\n"
        "print(s.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert is_running(child)
        process.kill()
        until(lambda: not is_running(child), "the child to end")


def test_room_is_made_for_the_largest_picture_that_may_come() -> None:
    known = msgspec.structs.replace(section(CameraKind.PICAMERA2), width_px=640, height_px=480)
    assert largest_picture_px(known) == 640 * 480
    assert largest_picture_px(section(CameraKind.V4L2)) > 4000 * 2500


def test_the_parent_loads_no_camera_library() -> None:
    listed = "import sys, doorward_edge.capture.source; print('cv2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", listed], check=True, capture_output=True)
    assert done.stdout.split() == [b"False"]


def test_what_the_camera_does_not_do_is_told_once_with_its_pictures(
    opened: Callable[[CaptureSource], CaptureSource], caplog: pytest.LogCaptureFixture
) -> None:
    script = """
for opening in range(2):
    say(Told.OPEN)
    say(Told.OPEN, text="gain: this camera has no AnalogueGain")
shine(0, 100, 0)
time.sleep(60)
"""
    source = opened(played(script))
    assert next_of(source).luma[0, 0] == 100
    assert source.refused == "gain: this camera has no AnalogueGain"
    said = [record.getMessage() for record in caplog.records if "camera.refused" in record.msg]
    assert said == ["camera.refused what=gain: this camera has no AnalogueGain"]


AFTER_THE_PICTURE = {
    "that the camera is open": ("say(Told.OPEN, text='no gain')", ""),
    "that it has trouble": ("say(Told.TROUBLE, text='unplugged')", "unplugged"),
    "that the film is over": ("say(Told.ENDED, text='the film is over')", "the film is over"),
    "nothing more, and ends": ("sys.exit(3)", "ended: status 3"),
}


@pytest.mark.parametrize("what", AFTER_THE_PICTURE)
def test_a_picture_is_handed_over_before_what_the_child_said_after_it(
    what: str, opened: Callable[[CaptureSource], CaptureSource], tmp_path: Path
) -> None:
    said, trouble = AFTER_THE_PICTURE[what]
    done = tmp_path / "done"
    source = opened(
        played(f"shine(0, 7, 0); shine(1, 9, 1); {said}; open({str(done)!r}, 'w'); time.sleep(60)")
    )
    assert source.next_frame(0) is None, "it starts the child"
    pid = source.pid
    assert pid is not None
    until(lambda: done.exists() or not is_running(pid), "the child to have said it")
    frame = next_of(source)
    assert (frame.seq, frame.luma[0, 0]) == (1, 9)
    assert source.stats()["passed_over"] == 1
    if trouble:
        assert trouble in trouble_of(source)
    else:
        until(lambda: source.next_frame(0.05) is None and source.refused, "the word on the gain")
