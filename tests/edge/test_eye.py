"""A camera's eye: looks in a thread of its own, survives what fails, and ends."""

import threading
from collections.abc import Callable
from typing import Any, cast

from doorward.ids import PortalId
from doorward_controller.broker.waiting import wait_until
from doorward_edge.eye import CameraEye, health_of, stats_of
from doorward_edge.ports import CameraHealth
from doorward_edge.scan import Scan

NORTH = PortalId("north")


class FakeSight:
    """Sees what a test says, once each."""

    def __init__(self, *looks: Callable[[], list[str]]) -> None:
        self.looks = list(looks)
        self.threads: set[str] = {threading.current_thread().name}
        self.health = CameraHealth.OK
        self.is_closed = False

    def next_scans(self, _timeout_s: float) -> list[str]:
        self.threads.add(threading.current_thread().name)
        if not self.looks:
            threading.Event().wait(0.002)
            return []
        return self.looks.pop(0)()

    def stats(self) -> dict[str, int]:
        return {"frames": 3, "decode_us": 900}

    def camera_health(self) -> CameraHealth:
        return self.health

    def close(self) -> None:
        self.is_closed = True


def fail() -> list[str]:
    raise OSError("the decoder cannot be started")


def eye_of(open_sight: Callable[[], FakeSight]) -> CameraEye:
    return CameraEye("front", NORTH, cast("Any", open_sight), pause_s=0.001)


def test_what_is_seen_is_put_with_the_portal_and_all_is_done_by_one_thread() -> None:
    opened: list[FakeSight] = []

    def open_sight() -> FakeSight:
        opened.append(FakeSight(lambda: ["one", "two"]))
        return opened[0]

    put: list[tuple[PortalId, object]] = []
    eye = eye_of(open_sight)
    assert eye.health() is CameraHealth.GONE
    eye.start(lambda portal, scan: put.append((portal, scan)))
    assert wait_until(lambda: len(put) == 2, timeout_s=10)
    eye.close()
    assert put == [(NORTH, "one"), (NORTH, "two")]
    assert opened[0].threads == {"eye-front"}
    assert opened[0].is_closed


def test_an_eye_that_fails_goes_on_looking() -> None:
    sights = [fail, fail]

    def open_sight() -> FakeSight:
        if sights:
            sights.pop()()
        return FakeSight(fail, lambda: ["seen"])

    put: list[Scan] = []
    eye = eye_of(open_sight)
    eye.start(lambda _, scan: put.append(scan))
    assert wait_until(lambda: bool(put), timeout_s=10)
    assert eye.stats() == {"frames": 3, "decode_us": 900, "failures": 3}
    eye.close()


def test_an_eye_that_was_never_opened_can_be_closed() -> None:
    eye_of(FakeSight).close()


def test_several_eyes_are_counted_together_and_as_well_as_the_worst() -> None:
    eyes = [eye_of(FakeSight), eye_of(FakeSight)]
    assert health_of(()) is CameraHealth.OK
    for eye in eyes:
        eye.start(lambda _portal, _scan: None)
    assert wait_until(lambda: stats_of(eyes).get("frames") == 6, timeout_s=10)
    assert stats_of(eyes)["decode_us"] == 900
    assert health_of(eyes) is CameraHealth.OK
    sight = cast("FakeSight", eyes[1]._sight)
    sight.health = CameraHealth.DARK
    assert health_of(eyes) is CameraHealth.DARK
    for eye in eyes:
        eye.close()
