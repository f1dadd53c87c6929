"""Looking after cameras: faults on record, steps carried out once and remembered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from doorward.events import EventCode
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.ports import CameraHealth, DocumentsError
from doorward_edge.sight import CameraLook
from doorward_edge.vitals.camera_care import NOTE, OPENING_MS, CameraCare
from doorward_edge.vitals.camera_ladder import Allowed, Step

START = Instant(
    utc_ms=UtcMs(1_800_000_000_000), mono_ms=MonoMs(50_000), trust=ClockTrust.SYNCHRONISED
)


@dataclass
class Camera:
    seen: CameraLook = field(
        default_factory=lambda: CameraLook(
            health=CameraHealth.OK, frame_ms=50_000, is_starting=False
        )
    )
    restarts: list[str] = field(default_factory=list)
    news: tuple[str, ...] = ()

    def camera_look(self) -> CameraLook:
        return self.seen

    def restart_camera(self, why: str) -> None:
        self.restarts.append(why)

    def take_camera_news(self) -> tuple[str, ...]:
        news, self.news = self.news, ()
        return news

    def turns(self, health: CameraHealth, *, starting: bool = False) -> None:
        self.seen = replace(self.seen, health=health, is_starting=starting)


@dataclass
class Notepad:
    kept: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    is_broken: bool = False

    def notes(self, name: str) -> Mapping[str, Any]:
        return self.kept.get(name, {})

    def set_notes(self, name: str, values: Mapping[str, Any]) -> None:
        if self.is_broken:
            raise DocumentsError("the disk is read-only")
        self.kept[name] = values


class Gate:
    def __init__(self, notepad: Notepad | None = None, **cameras: Camera | None) -> None:
        self.notepad = notepad or Notepad()
        self.cameras = cameras
        self.now = START
        self.care = self.opened()

    def opened(self) -> CameraCare:
        watched = {name: (lambda n=name: self.cameras[n]) for name in self.cameras}
        return CameraCare(watched, self.notepad, Allowed(), self.now)

    def goes_on(self, seconds: int) -> list[Step]:
        asked = []
        for _ in range(seconds):
            self.now = replace(
                self.now,
                utc_ms=UtcMs(self.now.utc_ms + 1000),
                mono_ms=MonoMs(self.now.mono_ms + 1000),
            )
            step = self.care.turn(self.now)
            asked += [step] if step else []
        return asked

    def told(self) -> list[tuple[EventCode, str]]:
        return [(notice.code, notice.detail) for notice in self.care.take_notices()]


def test_a_fault_is_on_record_with_begin_and_end_and_its_process_is_replaced() -> None:
    front = Camera()
    gate = Gate(front=front)
    gate.goes_on(3)
    front.turns(CameraHealth.FROZEN)
    gate.goes_on(3)
    assert gate.care.faults() == {"front": CameraHealth.FROZEN}
    assert front.restarts == ["it is frozen"]
    front.turns(CameraHealth.OK)
    gate.goes_on(60)
    assert gate.care.faults() == {}
    assert gate.told() == [
        (EventCode.CAMERA_FAULT, "camera front: frozen"),
        (EventCode.CAMERA_WELL, "camera front: no longer frozen"),
    ]


def test_why_a_process_was_replaced_is_on_record() -> None:
    gate = Gate(front=Camera(news=("the capture process ended: signal 11",)))
    gate.goes_on(1)
    assert gate.told() == [
        (
            EventCode.CAMERA_PROCESS_RESTARTED,
            "camera front: the capture process ended: signal 11",
        )
    ]


def test_what_came_after_the_last_look_is_on_record_when_the_gateway_stops() -> None:
    gate = Gate(front=Camera(news=("it is gone",)))
    assert gate.told() == [(EventCode.CAMERA_PROCESS_RESTARTED, "camera front: it is gone")]


def test_a_process_that_is_starting_is_no_fault() -> None:
    front = Camera()
    front.turns(CameraHealth.GONE, starting=True)
    gate = Gate(front=front)
    gate.goes_on(15)
    assert gate.told() == []
    assert gate.care.facts()["front"].is_ladder_at_work


def test_a_camera_that_never_opens_is_gone() -> None:
    gate = Gate(front=None)
    gate.goes_on(OPENING_MS // 1000 + 2)
    assert gate.told() == [(EventCode.CAMERA_FAULT, "camera front: gone")]


def test_each_step_is_written_down_before_it_is_asked_for_and_counts_after_a_restart() -> None:
    front = Camera()
    front.turns(CameraHealth.GONE)
    gate = Gate(front=front)
    assert gate.goes_on(400) == [Step.SERVICE]
    assert gate.notepad.kept[NOTE]["services"]
    assert (EventCode.SERVICE_RESTARTING, "camera front is gone") in gate.told()
    gate.care = gate.opened()
    assert gate.goes_on(1_100) == [Step.BOARD]
    assert (EventCode.BOARD_RESTARTING, "camera front is gone") in gate.told()
    gate.care = gate.opened()
    assert Step.BOARD not in gate.goes_on(7_200)


def test_nothing_is_started_anew_that_cannot_be_remembered() -> None:
    front = Camera()
    front.turns(CameraHealth.GONE)
    gate = Gate(Notepad(is_broken=True), front=front)
    assert gate.goes_on(1_000) == []


def test_a_note_that_makes_no_sense_counts_as_nothing() -> None:
    gate = Gate(Notepad({NOTE: {"services": "yesterday", "boards": [None]}}), front=Camera())
    assert gate.goes_on(5) == []


def test_one_camera_of_two_is_told_apart() -> None:
    front, back = Camera(), Camera()
    gate = Gate(front=front, back=back)
    back.turns(CameraHealth.DARK)
    gate.goes_on(5)
    assert gate.care.faults() == {"back": CameraHealth.DARK}
    assert gate.care.facts()["front"].health is CameraHealth.OK
    assert gate.care.facts()["back"].is_ladder_at_work
