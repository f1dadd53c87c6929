"""Folders and films played as cameras, and what other cameras say when they are missing."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorward_edge.adapters.camera_folder import FolderCamera
from doorward_edge.adapters.camera_v4l2 import V4l2Camera, luma_of
from doorward_edge.adapters.camera_video import VideoCamera
from doorward_edge.camera import open_camera
from doorward_edge.config import CameraKind, CameraSection
from doorward_edge.ports import CameraError, FramesEndedError, FrameSource
from doorward_edge.simulate.scene_camera import SceneCamera
from tests.fakes.frames import HandClock

FAST_FPS = 1_000.0


def write_picture(path: Path, level: int) -> None:
    cv2.imwrite(str(path), np.full((48, 64), level, dtype=np.uint8))


def levels(source: FrameSource, count: int) -> list[int]:
    frames = [source.next_frame(5) for _ in range(count)]
    assert [f.seq for f in frames if f] == list(range(count))
    return [int(np.median(f.luma)) for f in frames if f]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, level in (("10.png", 100), ("2.png", 20), ("1.bmp", 10)):
        write_picture(tmp_path / name, level)
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_a_folder_is_shown_in_natural_order_and_again(folder: Path) -> None:
    camera = FolderCamera(folder, fps=FAST_FPS, clock=HandClock())
    assert levels(camera, 5) == [10, 20, 100, 10, 20]


def test_a_folder_that_does_not_loop_ends(folder: Path) -> None:
    camera = FolderCamera(folder, fps=FAST_FPS, clock=HandClock(), loops=False)
    assert levels(camera, 3) == [10, 20, 100]
    with pytest.raises(FramesEndedError, match="last picture"):
        camera.next_frame(5)


def test_a_file_that_cannot_be_read_is_reported_once_and_skipped(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "3.png").write_bytes(b"\x89PNG broken")
    (folder / "4.png").write_bytes(b"")
    camera = FolderCamera(folder, fps=FAST_FPS, clock=HandClock())
    assert levels(camera, 6) == [10, 20, 100, 10, 20, 100]
    assert camera.unreadable == {folder / "3.png", folder / "4.png"}
    assert caplog.text.count("camera.unreadable") == 2


def test_a_folder_of_nothing_but_broken_files_ends(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"broken")
    camera = FolderCamera(tmp_path, fps=FAST_FPS, clock=HandClock())
    with pytest.raises(FramesEndedError, match="none of 1 files"):
        camera.next_frame(5)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="holds no picture"):
        FolderCamera(tmp_path, fps=FAST_FPS, clock=HandClock())


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match="cannot be listed"):
        FolderCamera(tmp_path / "nowhere", fps=FAST_FPS, clock=HandClock())


def test_closing_ends_the_wait_for_the_next_picture(folder: Path) -> None:
    camera = FolderCamera(folder, fps=0.001, clock=HandClock())
    camera.close()
    assert camera.next_frame(5) is None


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no films")
    for level in (40, 120, 200):
        writer.write(np.full((48, 64, 3), level, dtype=np.uint8))
    writer.release()
    return path


def test_a_film_is_played_and_begins_again(film: Path) -> None:
    camera = VideoCamera(film, fps=FAST_FPS, clock=HandClock())
    assert levels(camera, 5) == pytest.approx([40, 120, 200, 40, 120], abs=4)


def test_a_film_that_does_not_loop_ends(film: Path) -> None:
    camera = VideoCamera(film, fps=FAST_FPS, clock=HandClock(), loops=False)
    levels(camera, 3)
    with pytest.raises(FramesEndedError, match="is over"):
        camera.next_frame(5)


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "film.avi").write_bytes(b"no film")
    with pytest.raises(CameraError, match="cannot be opened as a film"):
        VideoCamera(tmp_path / "film.avi", fps=FAST_FPS, clock=HandClock())


def test_a_usb_camera_that_is_not_there_says_so_and_may_come_later() -> None:
    section = CameraSection(name="front", kind=CameraKind.V4L2, device="/dev/video-that-is-missing")
    camera = V4l2Camera(section, HandClock())
    for _ in range(2):
        with pytest.raises(CameraError, match="video-that-is-missing cannot be opened"):
            camera.next_frame(1)
    camera.close()


def test_colour_becomes_brightness() -> None:
    colour = np.zeros((4, 4, 3), dtype=np.uint8)
    colour[:, :, 1] = 255
    assert luma_of(colour).tolist() == [[150] * 4] * 4
    grey = np.full((4, 4), 7, dtype=np.uint8)
    assert luma_of(grey).tolist() == grey.tolist()


@pytest.mark.skipif(
    importlib.util.find_spec("picamera2") is not None, reason="picamera2 is installed here"
)
def test_a_missing_picamera2_names_its_package() -> None:
    section = CameraSection(name="front", kind=CameraKind.PICAMERA2)
    with pytest.raises(CameraError, match="sudo apt install python3-picamera2"):
        open_camera(section, HandClock())


def test_each_kind_that_can_be_tried_here_is_opened(folder: Path, film: Path) -> None:
    for kind, path, wanted in (
        (CameraKind.FOLDER, folder, FolderCamera),
        (CameraKind.VIDEO, film, VideoCamera),
        (CameraKind.SCENE, folder, SceneCamera),
        (CameraKind.V4L2, folder, V4l2Camera),
    ):
        section = CameraSection(
            name="front", kind=kind, path=str(path), width_px=320, height_px=240
        )
        camera = open_camera(section, HandClock())
        assert isinstance(camera, wanted)
        camera.close()
