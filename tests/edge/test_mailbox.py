"""The newest frame, and none before it."""

import threading
import time
from collections.abc import Callable

import pytest

from doorward_edge.mailbox import CameraThread, Mailbox
from doorward_edge.ports import CameraError, CameraHealth
from tests.fakes.frames import FakeSource, HandClock, frame


def until(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not met():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_slow_reader_sees_the_newest_frame_only() -> None:
    box = Mailbox()
    for seq in range(10):
        box.put(frame(100, seq, seq))
    taken = box.take(0)
    assert taken is not None
    assert (taken.seq, box.overwritten) == (9, 9)
    assert box.take(0) is None


def test_whoever_waits_gets_a_frame_when_it_arrives() -> None:
    box = Mailbox()
    threading.Timer(0.05, box.put, [frame(100, 3, 0)]).start()
    taken = box.take(20)
    assert taken is not None
    assert taken.seq == 3


def test_closing_wakes_whoever_waits() -> None:
    box = Mailbox()
    threading.Timer(0.05, box.close).start()
    began = time.monotonic()
    assert box.take(20) is None
    assert time.monotonic() - began < 10


def test_the_part_that_is_looked_at_is_cut_out() -> None:
    camera = CameraThread(FakeSource([frame(100, 0, 0)]), HandClock(), (10, 20, 30, 40))
    taken = camera.mailbox.take(20)
    camera.close()
    assert taken is not None
    assert taken.luma.shape == (40, 30)


@pytest.mark.parametrize("fault", [CameraError("unplugged"), None])
def test_a_camera_goes_on_after_a_fault(
    fault: CameraError | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doorward_edge.mailbox.PAUSE_AFTER_FAULT_S", 0.01)
    source = FakeSource([fault] if fault else [])
    source.give(frame(100, 5, 0))
    camera = CameraThread(source, HandClock())
    taken = camera.mailbox.take(20)
    camera.close()
    assert taken is not None
    assert (taken.seq, camera.faults) == (5, int(fault is not None))
    assert source.closed.is_set()


def test_a_camera_that_breaks_in_an_unforeseen_way_is_gone_and_does_not_stay_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("doorward_edge.mailbox.PAUSE_AFTER_FAULT_S", 0.01)

    class Broken(FakeSource):
        def next_frame(self, timeout_s: float) -> None:
            raise RuntimeError("a driver's bug")

    clock = HandClock()
    camera = CameraThread(Broken(), clock)
    until(lambda: camera.faults > 2)
    clock.mono_ms += 2_000
    assert camera.health() is CameraHealth.GONE
    camera.close()


def test_health_follows_the_frames() -> None:
    clock, source = HandClock(0), FakeSource()
    camera = CameraThread(source, clock)
    for seq in range(30):
        source.give(frame(255, seq, seq * 100))
    until(lambda: camera.frames == 30)
    clock.mono_ms = 2_900
    assert camera.health() is CameraHealth.BLINDED
    clock.mono_ms = 4_900
    assert camera.health() is CameraHealth.GONE
    camera.close()
