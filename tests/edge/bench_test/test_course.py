"""The whole bench test: its order, the steps about the machine and the camera, and the sheet."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.adapters.gpio_gpiozero import Pins
from doorward_edge.bench_test.course import Course
from doorward_edge.bench_test.looks import Looking, try_camera
from doorward_edge.bench_test.machine import SLOWEST_MS, as_steps, try_storage, try_watchdog
from doorward_edge.bench_test.person import Nobody
from doorward_edge.bench_test.results import Report, Step, Verdict, failed, passed, skipped
from doorward_edge.bench_test.sheet import sheet_html
from doorward_edge.config import parse_config
from doorward_edge.findings import Finding
from doorward_edge.perception import Words
from doorward_edge.ports import CameraError
from doorward_edge.scan import Scan
from doorward_edge.sight import Examined
from tests.fakes.edge_toml import ENROLLED
from tests.fakes.loop_box import LoopBox


class SteppingClock:
    """Goes on by so many milliseconds each time it is looked at."""

    def __init__(self, step_ms: int) -> None:
        self.step_ms, self.now_ms = step_ms, 0

    def now(self) -> Instant:
        self.now_ms += self.step_ms
        return Instant(
            utc_ms=UtcMs(self.now_ms), mono_ms=MonoMs(self.now_ms), trust=ClockTrust.SYNCHRONISED
        )


class SeenBy:
    """A camera that shows what it was given."""

    def __init__(
        self,
        level: int | None,
        *,
        loss: str = "",
        scans: Sequence[object] = (),
        starts_after: int = 0,
    ) -> None:
        self.level, self.loss, self.scans, self.is_closed = level, loss, scans, False
        self.starts_after = starts_after

    def examine(self, timeout_s: float) -> Examined | None:
        assert timeout_s > 0
        if self.level is None:
            return None
        luma = np.full((72, 128), self.level, dtype=np.uint8)
        self.starts_after -= 1
        loss = "not_ready" if self.starts_after >= 0 else self.loss
        return Examined(luma=luma, loss=loss, decode_us=2_500)

    def next_scans(self, timeout_s: float) -> Sequence[Scan]:
        assert timeout_s > 0
        return self.scans  # type: ignore[return-value]  # only counted

    def close(self) -> None:
        self.is_closed = True


class Helper:
    is_there = True

    def asks(self, words: Words) -> bool | None:
        raise AssertionError(words)

    def tells(self, words: Words) -> None:
        assert "Hold a code up to camera front" in words.en

    def types(self, words: Words, wanted: str) -> bool:
        raise AssertionError((words, wanted))


CAMERAS = {
    "no picture": (SeenBy(None), [Verdict.FAILED, Verdict.SKIPPED], "no picture within 20 s"),
    "a covered lens": (SeenBy(4), [Verdict.FAILED, Verdict.FAILED], "too dark: 4 of 255"),
    "the sun": (SeenBy(252), [Verdict.FAILED, Verdict.FAILED], "too bright: 252 of 255"),
    "a dead decoder": (SeenBy(90, loss="died"), [Verdict.FAILED, Verdict.FAILED], "look: died"),
    "a decoder that starts": (
        SeenBy(90, starts_after=5, scans=["x"]),
        [Verdict.PASSED, Verdict.PASSED],
        "a code was read",
    ),
    "a decoder that never starts": (
        SeenBy(90, starts_after=10_000),
        [Verdict.FAILED, Verdict.FAILED],
        "did not look: not_ready",
    ),
    "no code": (SeenBy(90), [Verdict.PASSED, Verdict.FAILED], "no code was read within 30 s"),
    "a code": (SeenBy(90, scans=["x"]), [Verdict.PASSED, Verdict.PASSED], "128x72, 90 of 255"),
}


@pytest.mark.parametrize("case", CAMERAS)
def test_a_camera_is_looked_through(case: str) -> None:
    sight, verdicts, said = CAMERAS[case]
    steps = list(try_camera("front", lambda: sight, Helper()))
    assert [step.verdict for step in steps] == verdicts
    assert said in " ".join(step.said.en for step in steps)
    assert sight.is_closed


def test_nobody_holds_a_code_up_when_nobody_is_there() -> None:
    steps = list(try_camera("front", lambda: SeenBy(90), Nobody()))
    assert [step.verdict for step in steps] == [Verdict.PASSED, Verdict.SKIPPED]


def test_a_disk_that_takes_records_in_time_passes_and_leaves_nothing(tmp_path: Path) -> None:
    step = try_storage(tmp_path, SteppingClock(7))
    assert step.verdict is Verdict.PASSED
    assert step.figures == {"mean_ms": 7.0, "slowest_ms": 7}
    assert list(tmp_path.iterdir()) == []


def test_a_card_that_makes_doors_wait_fails(tmp_path: Path) -> None:
    step = try_storage(tmp_path, SteppingClock(SLOWEST_MS + 1))
    assert step.verdict is Verdict.FAILED
    assert "take another card" in step.said.en


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert try_storage(tmp_path / "none", SteppingClock(1)).verdict is Verdict.FAILED


def test_a_watchdog_is_named_and_its_absence_says_what_to_do(tmp_path: Path) -> None:
    assert "dtparam=watchdog=on" in try_watchdog(tmp_path).said.en
    folder = tmp_path / "sys/class/watchdog/watchdog0"
    folder.mkdir(parents=True)
    (folder / "identity").write_text("Broadcom BCM2835 Watchdog timer\n")
    (folder / "timeout").write_text("15\n")
    step = try_watchdog(tmp_path)
    assert step.verdict is Verdict.PASSED
    assert step.said.en == "Broadcom BCM2835 Watchdog timer, 15 s"


def test_findings_are_steps_with_what_mends_them_and_terminals_are_left_out() -> None:
    findings = [
        Finding(name="clock", is_well=True, said="synchronised"),
        Finding(name="broker", is_well=False, said="refused", mend="start it"),
        Finding(name="terminal ch1 (GPIO5)", is_well=True, said="relay"),
    ]
    steps = list(as_steps(findings))
    assert [(step.name, step.verdict) for step in steps] == [
        ("check clock", Verdict.PASSED),
        ("check broker", Verdict.FAILED),
    ]
    assert steps[1].said.en == "refused; mend: start it"


CONFIG = (
    ENROLLED
    + """\
[[camera]]
name = "front"
kind = "scene"
[[portal]]
id = "north"
cameras = ["front"]
lock = { kind = "fail_secure", terminal = 17 }
lamps = { green = 22 }
[portal.inputs]
exit_button = { terminal = 27 }
"""
)


def course_of(folder: Path, open_pins: object, *, is_broken: bool = False) -> list[Step]:
    (folder / "data").mkdir()

    def open_sight(_: object) -> Looking:
        if is_broken:
            raise CameraError("front: no camera 0")
        return SeenBy(90)

    course = Course(
        config=parse_config(CONFIG, folder / "edge.toml"),
        clock=SteppingClock(1),
        person=Nobody(),
        loops=(),
        may_move_locks=False,
        findings=[Finding(name="clock", is_well=True, said="synchronised")],
        open_pins=open_pins,  # type: ignore[arg-type]
        open_sight=open_sight,
        pause=lambda _: None,
        root=folder,
    )
    return list(course.steps())


def test_machine_then_wires_then_cameras(tmp_path: Path) -> None:
    box = LoopBox((), {}, {})
    names = [step.name for step in course_of(tmp_path, lambda: box)]
    assert names == [
        *("check clock", "storage", "watchdog"),
        *("output GPIO17", "output GPIO22", "input GPIO27"),
        *("camera front", "code front"),
    ]
    assert box.pins == {}, "a pin was left claimed" if box.pins else ""


def test_without_pins_the_rest_is_tried_all_the_same(tmp_path: Path) -> None:
    def none() -> Pins:
        raise OSError("no GPIO here: 0 chips")

    steps = {step.name: step for step in course_of(tmp_path, none)}
    assert "no GPIO here" in steps["pins"].said.en
    assert steps["camera front"].verdict is Verdict.PASSED


def test_a_camera_that_cannot_be_opened_is_a_step_that_failed(tmp_path: Path) -> None:
    steps = course_of(tmp_path, lambda: LoopBox((), {}, {}), is_broken=True)
    assert steps[-1].verdict is Verdict.FAILED
    assert "no camera 0" in steps[-1].said.en


def _report(*steps: Step, is_clock_sure: bool = True) -> Report:
    return Report(
        site="hq",
        gateway="gate-1",
        board="b",
        software="0.1.0",
        numbers={"serial": "10000000abcdef01", "card": "<script>"},
        at_utc="2026-11-22 10:00:00",
        is_clock_sure=is_clock_sure,
        who="Li & Wang",
        steps=steps,
    )


GOOD, BAD, LEFT = passed("a", "well", "好"), failed("b", "cut", "断线"), skipped("c", "no", "无")


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ((GOOD,), Verdict.PASSED),
        ((GOOD, LEFT), Verdict.SKIPPED),
        ((LEFT, BAD, GOOD), Verdict.FAILED),
    ],
)
def test_one_fault_is_enough_and_what_was_skipped_is_not_passed(
    steps: tuple[Step, ...], verdict: Verdict
) -> None:
    assert _report(*steps).verdict is verdict
    assert _report(*steps).to_wire()["verdict"] == verdict.value


def test_the_sheet_has_numbers_names_and_both_languages() -> None:
    page = sheet_html(_report(GOOD, BAD, is_clock_sure=False))
    for said in (
        "10000000abcdef01",
        "Li &amp; Wang",
        "断线",
        "cut",
        "不得投入使用",
        "Do not put it",
    ):
        assert said in page
    assert "&lt;script&gt;" in page
    assert "this clock cannot be believed" in page
    assert "://" not in page, "the sheet needs something from elsewhere"
