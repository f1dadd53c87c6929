"""From frames to scans: skipping, holding, losing, and the whole of it with a real child."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.config import ClockSource
from doorward_edge.decoder.client import Decoded, DecoderClient, Loss
from doorward_edge.decoder.process import ChildSettings
from doorward_edge.ports import CameraHealth
from doorward_edge.scan import Luma, Scan, Sighting, Strategy, Symbology
from doorward_edge.sight import Sight
from doorward_edge.simulate.scene_camera import SceneCamera
from tests.fakes.frames import FakeDecoder, FakeSource, HandClock, frame

HELD_S = 3.0
NOTHING = Decoded()


def code(payload: bytes) -> Decoded:
    sighting = Sighting(
        payload=payload,
        symbology=Symbology.QR,
        corners=((0, 0), (1, 0), (1, 1), (0, 1)),
        reader="zxing/fast",
    )
    return Decoded(sightings=(sighting,), took_us=500)


class Stand:
    """A Sight over frames that are handed in one by one."""

    def __init__(self, answer: Decoded = NOTHING) -> None:
        self.answer = answer
        self.clock = HandClock()
        self.source = FakeSource()
        self.decoder = FakeDecoder(self._decode)
        self.sight = Sight(
            source=self.source,
            decoder=self.decoder,
            strategy=Strategy.DUAL,
            held_s=HELD_S,
            clock=self.clock,
        )
        self._seq = 0

    def _decode(self, luma: Luma) -> Decoded:
        return self.answer

    def see(self, card: int | None = None) -> tuple[Scan, ...]:
        """One more frame, 100 ms later."""
        self.clock.mono_ms += 100
        looked = self.looked_at
        self.source.give(frame(100, self._seq, self.clock.mono_ms, card=card))
        self._seq += 1
        while True:
            scans = tuple(self.sight.next_scans(0))
            if scans or self.looked_at > looked:
                return scans

    def looks_away(self) -> bool:
        return self.sight.stats()["skipped"] > 0

    @property
    def looked_at(self) -> int:
        stats = self.sight.stats()
        return stats["decoded"] + stats["skipped"] + stats["dropped"]


@pytest.fixture
def stand() -> Iterator[Stand]:
    stand = Stand()
    yield stand
    stand.sight.close()
    assert stand.source.closed.is_set()
    assert stand.decoder.is_closed


def test_what_is_looked_at_in_any_case_does_not_wait_for_whether_it_changed(stand: Stand) -> None:
    for card in (None, None, 250, 250):
        stand.see(card)
    changed = [True, False, True, False]
    assert stand.decoder.meanwhile == changed, "told while the decoder had the picture"
    while not stand.looks_away():
        stand.see(250)
    asked = len(stand.decoder.asked)
    stand.see(None)
    assert len(stand.decoder.asked) == asked + 1, "a change is looked at however calm it was"


def test_a_still_scene_is_mostly_skipped(stand: Stand) -> None:
    for _ in range(120):
        stand.see()
    stats = stand.sight.stats()
    assert stats["frames"] == 120
    assert 90 <= stats["skipped"] <= 105
    assert stats["decoded"] + stats["skipped"] == 120


def test_a_change_is_looked_at_in_its_own_frame(stand: Stand) -> None:
    for _ in range(40):
        stand.see()
    stand.answer = code(b"DW1:A")
    (scan,) = stand.see(card=250)
    assert (scan.payload, scan.captured_mono_ms) == (b"DW1:A", stand.clock.mono_ms)


def test_a_code_held_up_for_ten_seconds_is_one_scan(stand: Stand) -> None:
    stand.answer = code(b"DW1:A")
    scans = [scan for _ in range(100) for scan in stand.see()]
    assert [scan.payload for scan in scans] == [b"DW1:A"]


def test_a_code_that_comes_back_after_a_while_is_a_new_scan(stand: Stand) -> None:
    stand.answer = code(b"DW1:A")
    assert len(stand.see(card=250)) == 1
    stand.answer = NOTHING
    for _ in range(35):
        stand.see()
    stand.answer = code(b"DW1:A")
    assert len(stand.see(card=250)) == 1


def test_a_lost_frame_is_counted_and_the_next_ones_are_looked_at(stand: Stand) -> None:
    for _ in range(40):
        stand.see()
    stand.answer = Decoded(loss=Loss.DIED)
    assert stand.see(card=250) == ()
    assert stand.sight.stats()["dropped"] == 1
    stand.answer = code(b"DW1:A")
    assert len(stand.see(card=250)) == 1


def test_a_code_that_is_held_up_while_the_decoder_is_away_stays_one_scan(stand: Stand) -> None:
    stand.answer = code(b"DW1:A")
    assert len(stand.see(card=250)) == 1
    stand.answer = Decoded(loss=Loss.DIED)
    for _ in range(35):
        stand.see(card=250)
    stand.answer = code(b"DW1:A")
    assert stand.see(card=250) == ()


def test_without_frames_it_returns_in_time() -> None:
    source, clock = FakeSource(), SystemClock(ClockSource.ASSUME)
    decoder = FakeDecoder(lambda _: NOTHING)
    sight = Sight(
        source=source, decoder=decoder, strategy=Strategy.DUAL, held_s=HELD_S, clock=clock
    )
    began = time.monotonic()
    assert sight.next_scans(0.2) == ()
    assert 0.15 < time.monotonic() - began < 5
    sight.close()


class Hall:
    """A rendered scene, a real child."""

    def __init__(self) -> None:
        clock = SystemClock(ClockSource.ASSUME)
        self.camera = SceneCamera(clock=clock, width_px=640, height_px=480, fps=20, seed=1)
        self.decoder = DecoderClient(ChildSettings(frame_bytes=640 * 480), clock)
        assert self.decoder.wait_ready(60)
        self.sight = Sight(
            source=self.camera,
            decoder=self.decoder,
            strategy=Strategy.DUAL,
            held_s=HELD_S,
            clock=clock,
        )

    def scans(self, patience_s: float = 30) -> list[bytes]:
        """The scans of the next frame that has any."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            if scans := self.sight.next_scans(0.5):
                return [scan.payload for scan in scans]
        return []


@pytest.fixture
def hall() -> Iterator[Hall]:
    hall = Hall()
    yield hall
    hall.sight.close()


def test_codes_held_up_before_the_scene_camera_are_scanned(hall: Hall) -> None:
    for text in ("DW1:FIRST", "DW1:SECOND", "DW0THIRD"):
        hall.camera.show(text, for_ms=5_000)
        assert hall.scans() == [text.encode()]
    assert hall.sight.camera_health() is CameraHealth.OK


def test_after_the_child_was_killed_codes_are_scanned_again(hall: Hall) -> None:
    child = hall.decoder.child_pid
    assert child is not None
    os.kill(child, signal.SIGKILL)
    hall.camera.show("DW1:AFTER")
    assert hall.scans() == [b"DW1:AFTER"]
    assert hall.sight.stats()["restarts"] == 1


@pytest.mark.parametrize(
    ("fault", "health"),
    [
        ("freeze", CameraHealth.FROZEN),
        ("black", CameraHealth.DARK),
        ("blinded", CameraHealth.BLINDED),
        ("gone", CameraHealth.GONE),
    ],
)
def test_what_the_scene_camera_suffers_is_seen(
    hall: Hall, fault: str, health: CameraHealth
) -> None:
    hall.camera.fail(fault)
    end = time.monotonic() + 30
    while hall.sight.camera_health() is not health:
        assert time.monotonic() < end
        hall.sight.next_scans(0.1)
    hall.camera.fail("none")
    while hall.sight.camera_health() is not CameraHealth.OK:
        assert time.monotonic() < end
        hall.sight.next_scans(0.1)
