"""Somebody asks a camera for a picture while it looks for codes."""

import threading
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from doorward.ids import PortalId
from doorward_edge.eye import CameraEye
from doorward_edge.scan import Scan
from doorward_edge.sight import Examined, Sight

PICTURE = Examined(luma=np.zeros((4, 4), np.uint8), loss="", decode_us=1)


class FakeSight:
    """Gives a picture when asked often enough."""

    def __init__(self, blind_for: int) -> None:
        self.blind_for = blind_for
        self.threads: set[str] = set()

    def next_scans(self, timeout_s: float) -> Sequence[Scan]:
        del timeout_s
        threading.Event().wait(0.002)
        return ()

    def examine(self, timeout_s: float) -> Examined | None:
        del timeout_s
        self.threads.add(threading.current_thread().name)
        self.blind_for -= 1
        return None if self.blind_for >= 0 else PICTURE

    def close(self) -> None:
        pass


def eye_with(sight: FakeSight) -> CameraEye:
    eye = CameraEye("front", PortalId("north"), lambda: cast("Sight", cast("Any", sight)))
    eye.start(lambda _portal, _scan: None)
    return eye


def test_the_thread_that_looks_also_examines_and_asks_again_until_there_is_a_picture() -> None:
    sight = FakeSight(blind_for=3)
    eye = eye_with(sight)
    assert eye.examine(10) is PICTURE
    assert sight.threads == {"eye-front"}
    eye.close()


def test_who_asks_a_blind_camera_is_told_in_time_and_forgotten() -> None:
    sight = FakeSight(blind_for=10_000)
    eye = eye_with(sight)
    with pytest.raises(TimeoutError):
        eye.examine(0.05)
    sight.blind_for = 0
    assert eye.examine(10) is PICTURE
    eye.close()
