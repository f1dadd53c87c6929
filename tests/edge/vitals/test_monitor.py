"""Measuring, judging and telling; and that the journal's silence is noticed."""

import threading
from collections.abc import Mapping

import pytest

from doorward.events import EventCode
from doorward.times import ClockTrust, Instant
from doorward_edge.ports import JournalFullError, JournalUnavailableError
from doorward_edge.vitals.camera_care import CameraCare
from doorward_edge.vitals.camera_ladder import Allowed
from doorward_edge.vitals.journal_watch import PROBE_EVERY_MS, JournalWatch
from doorward_edge.vitals.liveness import Standstill
from doorward_edge.vitals.measures import BoardMeasure, CameraMeasure, CameraPlan, JournalMeasure
from doorward_edge.vitals.monitor import Vitals
from tests.adapters.journal_case import record
from tests.edge.vitals.test_camera_care import Camera, Notepad
from tests.fakes.fake_journal import FakeJournal
from tests.fakes.frames import HandClock

HOUR_MS = 3_600_000


class Ward:
    def __init__(self, **cameras: Camera) -> None:
        self.clock = HandClock()
        self.journal = FakeJournal()
        self.watch = JournalWatch(self.journal, self.clock.mono_ms)
        watched = {name: (lambda n=name: cameras[n]) for name in cameras}
        self.care = CameraCare(watched, Notepad(), Allowed(), self.clock.now())
        self.said = 0
        self.numbers: dict[str, int] = {}
        self.vitals = Vitals(
            clock=self.clock,
            sources=(self.broken, self.measured),
            cameras=self.care,
            journal=self.watch,
            say_soon=self.say,
            every_s=0.001,
        )

    def say(self) -> None:
        self.said += 1

    def broken(self, _now: Instant) -> Mapping[str, int]:
        raise OSError("a file that cannot be read")

    def measured(self, _now: Instant) -> Mapping[str, int]:
        return self.numbers

    def measure(self, **numbers: int) -> None:
        self.numbers = numbers
        self.clock.mono_ms += 5_000
        self.vitals.measure()

    def why(self) -> tuple[Standstill, ...]:
        now = self.clock.now()
        self.vitals.turn(now)
        return self.vitals.standstills(now, now.mono_ms, now.mono_ms)


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_heat_is_said_at_once_and_goes_on_record_with_begin_and_end(ward: Ward) -> None:
    ward.measure(temperature_mc=50_000)
    assert ward.said == 0
    ward.measure(temperature_mc=85_000)
    assert ward.said == 1
    for _ in range(4):
        ward.measure(temperature_mc=60_000)
    assert ward.said == 2
    assert [(n.code, n.detail) for n in ward.vitals.take_notices()] == [
        (EventCode.OVER_TEMPERATURE, "temperature_mc 85000"),
        (EventCode.TEMPERATURE_NORMAL, "temperature_mc 60000"),
    ]


def test_a_source_that_fails_hides_no_other(ward: Ward) -> None:
    ward.measure(uptime_s=5)
    assert ward.vitals.numbers() == {"uptime_s": 5}


def test_the_thread_measures_until_it_is_closed(ward: Ward) -> None:
    measured = threading.Event()

    def source(_now: Instant) -> Mapping[str, int]:
        measured.set()
        return {}

    ward.vitals._sources = (source,)
    ward.vitals.start()
    assert measured.wait(30)
    ward.vitals.close()
    assert not ward.vitals._thread.is_alive()


def test_a_gateway_in_order_feeds_its_watchdog(ward: Ward) -> None:
    assert ward.why() == ()


def test_a_camera_that_stands_while_nobody_does_anything_starves_the_watchdog() -> None:
    front = Camera()
    ward = Ward(front=front)
    ward.clock.mono_ms = front.seen.frame_ms + 61_000
    assert ward.why() == (Standstill.CAMERA,)


def test_a_standstill_is_logged_once(ward: Ward, caplog: pytest.LogCaptureFixture) -> None:
    now = ward.clock.now()
    for _ in range(3):
        assert ward.vitals.standstills(now, now.mono_ms - 60_000, now.mono_ms)
    assert caplog.text.count("watchdog.unfed") == 1


# --- The journal ---------------------------------------------------------------------------------


def turned(ward: Ward, after_ms: int) -> None:
    ward.clock.mono_ms += after_ms
    ward.watch.turn(lambda: ward.clock.mono_ms)


def test_a_record_shows_that_the_journal_writes_and_no_try_is_made(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    monkeypatch.setattr(FakeJournal, "probe", lambda _: tries.append(ward.clock.mono_ms))
    for n in range(20):
        ward.journal.append(record(n))
        turned(ward, 30_000)
    assert tries == []
    turned(ward, PROBE_EVERY_MS)
    assert len(tries) == 1
    turned(ward, 1_000)
    assert len(tries) == 1


def test_a_disk_that_refuses_starves_the_watchdog_after_a_while_only(ward: Ward) -> None:
    ward.journal.error = JournalUnavailableError("read-only file system")
    turned(ward, PROBE_EVERY_MS)
    assert ward.why() == ()
    ward.clock.mono_ms += 300_000
    assert ward.why() == (Standstill.JOURNAL_FAILS,)
    ward.journal.error = None
    turned(ward, PROBE_EVERY_MS)
    assert ward.why() == ()


def test_a_full_journal_is_no_standstill(ward: Ward) -> None:
    ward.journal.error = JournalFullError("no room")
    turned(ward, PROBE_EVERY_MS)
    ward.clock.mono_ms += 10 * 300_000
    assert ward.why() == ()


def test_a_journal_that_hangs_is_seen_by_the_other_thread(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, began = threading.Event(), threading.Event()

    def hang(_journal: FakeJournal) -> None:
        began.set()
        held.wait(30)

    monkeypatch.setattr(FakeJournal, "probe", hang)
    ward.clock.mono_ms += PROBE_EVERY_MS
    thread = threading.Thread(target=ward.watch.turn, args=(lambda: ward.clock.mono_ms,))
    thread.start()
    assert began.wait(30)
    ward.clock.mono_ms += 60_000
    assert ward.why() == (Standstill.JOURNAL_HANGS,)
    held.set()
    thread.join(30)
    assert ward.why() == ()


# --- Measures ------------------------------------------------------------------------------------


class Board:
    """A machine whose figures the test writes."""

    def __init__(self) -> None:
        self.written = 0
        self.memory = 100_000_000

    def figures(self) -> dict[str, int]:
        return {"disk_written_bytes": self.written}

    def memory_bytes(self, _pids: list[int]) -> int:
        return self.memory

    def children(self) -> list[int]:
        return []


def test_what_is_written_a_day_and_how_memory_grows() -> None:
    clock, board = HandClock(), Board()
    measure = BoardMeasure(board, clock.now())  # type: ignore[arg-type]  # as far as it is used
    found: Mapping[str, int] = {}
    for _ in range(6 * 60):
        clock.mono_ms += 60_000
        board.written += 1_000
        board.memory += 100
        found = measure(clock.now())
    assert found["disk_written_bytes_a_day"] == pytest.approx(1_000 * 24 * 60, rel=0.01)
    assert found["memory_growth_bytes_a_day"] == pytest.approx(100 * 24 * 60, rel=0.01)
    assert found["running_s"] == 6 * 3600


def test_how_long_the_journals_room_lasts(ward: Ward) -> None:
    measure = JournalMeasure(ward.journal, ward.watch)
    found: Mapping[str, int] = {}
    for n in range(130):
        ward.clock.mono_ms += 60_000
        ward.journal.append(record(n))
        found = measure(ward.clock.now())
    assert found["journal_free_days"] == 0
    assert found["journal_silent_s"] == 130 * 60


class Eye:
    """A camera with figures that the test writes."""

    frames = 0

    def stats(self) -> Mapping[str, int]:
        return {"frames": self.frames, "capture_starts": 2}

    def decode_times_us(self) -> list[int]:
        return [1_000] * 98 + [9_000] * 2

    def reads(self) -> Mapping[str, int]:
        return {"zxing/fast": 7}


def test_a_cameras_rate_times_and_readers(ward: Ward) -> None:
    eye = Eye()
    plan = CameraPlan(fps=10, sight=lambda: eye)
    opening = CameraPlan(fps=10, sight=lambda: None)
    measure = CameraMeasure({"front": plan, "back": opening}, ward.care)
    found: Mapping[str, int] = {}
    for _ in range(24):
        ward.clock.mono_ms += 5_000
        eye.frames += 45
        found = measure(ward.clock.now())
    assert found == {
        "camera_fault@front": 0,
        "frame_rate_mhz@front": 9_000,
        "frame_rate_permille@front": 900,
        "capture_starts@front": 2,
        "decode_p50_us@front": 1_000,
        "decode_p99_us@front": 9_000,
        "camera_fault@back": 0,
        "reads@zxing/fast": 7,
    }
    assert ward.clock.now().trust is ClockTrust.SYNCHRONISED


def test_an_errand_that_fails_keeps_no_other_from_being_done() -> None:
    ward, done = Ward(), list[str]()

    def fails(_now: Instant) -> None:
        done.append("failed")
        raise OSError("no room")

    ward.vitals.also(fails)
    ward.vitals.also(lambda _now: done.append("kept"))
    ward.vitals.run_errands()
    assert done == ["failed", "kept"]


def test_errands_are_done_by_the_measuring_thread() -> None:
    ward, done = Ward(), threading.Event()
    names: list[str] = []

    def note(_now: Instant) -> None:
        names.append(threading.current_thread().name)
        done.set()

    ward.vitals.also(note)
    ward.vitals.start()
    assert done.wait(10)
    ward.vitals.close()
    assert set(names) == {"vitals"}
