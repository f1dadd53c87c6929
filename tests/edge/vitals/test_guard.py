"""The guarded watchdog, the restarts that a camera asks for, and the clock's book."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from doorward.decision import Rules
from doorward.events import EventCode
from doorward.ids import GatewayId
from doorward.times import ClockTrust, Instant, MonoMs, UtcMs
from doorward_controller.broker.authority import Authority
from doorward_edge.ports import CameraHealth
from doorward_edge.timekeeping import ChangeKind, ClockChange
from doorward_edge.vitals.assembly import certificate_end_s
from doorward_edge.vitals.clock_book import FLOOR, KEEP_EVERY_MS, NOTE, ClockBook
from doorward_edge.vitals.guard import GuardedWatchdog, Restarts
from doorward_edge.vitals.measures import TrustMeasure
from tests.edge.vitals.test_camera_care import Camera, Notepad
from tests.edge.vitals.test_monitor import Ward

NOW_S = 1_800_000_000


@dataclass
class Dog:
    said: list[str] = field(default_factory=list)

    def ready(self) -> None:
        self.said.append("ready")

    def feed(self) -> None:
        self.said.append("feed")

    def stopping(self) -> None:
        self.said.append("stopping")


@dataclass
class BoardSwitch:
    error: OSError | None = None
    reboots: int = 0

    def reboot(self) -> None:
        self.reboots += 1
        if self.error is not None:
            raise self.error


def instant(mono_ms: int = 0, trust: ClockTrust = ClockTrust.SYNCHRONISED) -> Instant:
    return Instant(utc_ms=UtcMs(NOW_S * 1000 + mono_ms), mono_ms=MonoMs(mono_ms), trust=trust)


def test_the_dog_is_fed_while_everything_turns_and_not_while_something_stands() -> None:
    ward, dog = Ward(), Dog()
    courier_ms = ward.clock.mono_ms
    guarded = GuardedWatchdog(dog, ward.vitals, ward.clock, lambda: courier_ms)
    guarded.ready()
    guarded.feed()
    ward.clock.mono_ms += 30_000
    guarded.feed()
    courier_ms = ward.clock.mono_ms
    guarded.feed()
    guarded.stopping()
    ward.vitals.close()
    assert dog.said == ["ready", "feed", "feed", "stopping"]


@pytest.mark.parametrize("error", [None, PermissionError("not allowed")])
def test_a_lasting_fault_ends_the_service_and_then_asks_for_the_board(
    error: OSError | None,
) -> None:
    front, board, failures = Camera(), BoardSwitch(error), [0]
    front.turns(CameraHealth.GONE)
    ward = Ward(front=front)

    def fail() -> None:
        failures[0] += 1

    restarts = Restarts(ward.vitals, board, fail)
    for second in range(400):
        restarts.turn(instant(second * 1_000))
    assert (failures[0], board.reboots) == (1, 0)
    # What a service that started anew finds.
    again = Ward(front=front)
    again.care._past = ward.care._past
    restarts = Restarts(again.vitals, board, fail)
    for second in range(400, 1_400):
        restarts.turn(instant(second * 1_000))
    assert (failures[0], board.reboots) == (2, 1)


@dataclass
class Clock:
    floor: int = 5
    changes: tuple[ClockChange, ...] = ()
    raised: list[int] = field(default_factory=list)

    def raise_floor(self, utc_ms: int) -> None:
        self.raised.append(utc_ms)
        self.floor = max(self.floor, utc_ms)

    def floor_ms(self) -> int:
        return self.floor

    def take_changes(self) -> tuple[ClockChange, ...]:
        changes, self.changes = self.changes, ()
        return changes


@dataclass
class Signed:
    issued_at: int


@dataclass
class Held:
    status: Signed | None


def rules(issued_at: int | None) -> Rules:
    status = None if issued_at is None else Signed(issued_at)
    return cast("Rules", Held(status))  # as far as it is looked at


def test_the_floor_comes_back_after_a_restart_and_is_kept_seldom() -> None:
    clock, pad = Clock(), Notepad({NOTE: {FLOOR: 1_000}})
    book = ClockBook(clock, pad, lambda: None)
    assert clock.floor == 1_000
    clock.floor = 2_000
    book.turn(instant(0))
    assert pad.kept[NOTE] == {FLOOR: 2_000}
    clock.floor = 3_000
    book.turn(instant(KEEP_EVERY_MS - 1))
    assert pad.kept[NOTE] == {FLOOR: 2_000}
    book.turn(instant(KEEP_EVERY_MS))
    assert pad.kept[NOTE] == {FLOOR: 3_000}


def test_the_floor_is_not_kept_by_an_unknown_clock_and_survives_a_disk_that_refuses() -> None:
    clock, pad = Clock(floor=9), Notepad()
    book = ClockBook(clock, pad, lambda: None)
    book.turn(instant(0, ClockTrust.UNKNOWN))
    assert pad.kept == {}
    pad.is_broken = True
    book.keep()
    pad.is_broken = False
    book.keep()
    assert pad.kept[NOTE] == {FLOOR: 9}


def test_a_signed_list_raises_the_floor_less_what_the_controller_may_be_ahead() -> None:
    clock, held = Clock(), [rules(None)]
    book = ClockBook(clock, Notepad({NOTE: {FLOOR: "nonsense"}}), lambda: held[0])
    assert clock.raised == [0]
    held[0] = rules(NOW_S)
    book.turn(instant())
    book.turn(instant())
    held[0] = rules(NOW_S - 60)
    book.turn(instant())
    assert clock.raised == [0, (NOW_S - 300) * 1000]


def test_what_befell_the_clock_goes_on_record_once() -> None:
    changes = tuple(ClockChange(kind=kind, detail=f"{kind} it was") for kind in ChangeKind)
    book = ClockBook(Clock(changes=changes), Notepad(), lambda: None)
    assert [(n.code, n.detail) for n in book.take_notices()] == [
        (EventCode.CLOCK_STEPPED, "stepped it was"),
        (EventCode.CLOCK_TRUST_CHANGED, "trust it was"),
        (EventCode.CLOCK_BELOW_FLOOR, "below_floor it was"),
    ]
    assert book.take_notices() == ()


def test_ages_are_told_by_a_trusted_clock_only() -> None:
    measure = TrustMeasure(lambda: rules(NOW_S - 90), lambda: NOW_S + 10 * 86_400 + 5)
    found: Mapping[str, int] = measure(instant())
    assert found == {"policy_age_s": 90, "certificate_days_left": 10}
    assert measure(instant(trust=ClockTrust.UNKNOWN)) == {}
    assert TrustMeasure(lambda: None, lambda: None)(instant()) == {}
    assert TrustMeasure(lambda: rules(None), lambda: NOW_S - 1)(instant()) == {
        "certificate_days_left": 0
    }


def test_when_a_certificate_ends(tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    authority = Authority.create(tmp_path, now=now, valid_for=timedelta(days=1))
    until = certificate_end_s(
        authority.issue_gateway(GatewayId("gate-1"), now=now).certificate_file
    )
    assert until is not None
    assert 0 < until - now.timestamp() < 10 * 366 * 86_400
    assert certificate_end_s(tmp_path / "none.pem") is None
    (tmp_path / "bad.pem").write_text("no certificate")
    assert certificate_end_s(tmp_path / "bad.pem") is None
