"""The gateway's two loops: what they survive, when they give up, and how they end."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from doorward.decision import Deny, Grounds
from doorward.events import EventCode
from doorward.ids import PortalId
from doorward.reasons import Reason
from doorward.times import Instant
from doorward_edge.events import EventBook
from doorward_edge.gateway import (
    LOOK_S,
    MOST_FAILURES,
    PASSED_OVER_EVERY_MS,
    SOURCES_END_S,
    STALE_MS,
    STANDSTILL_MS,
    Gateway,
    Parts,
)
from doorward_edge.housing import Housing
from doorward_edge.inbox import MOST_CODES, Inbox
from doorward_edge.ports import InputChange, InputKind, JournalFullError, Notice
from doorward_edge.scan import Scan
from doorward_edge.stages.record import RecordStage
from tests.fakes.edge_ports import FakeClock, FakeInputs
from tests.fakes.fake_journal import FakeJournal

PATIENCE_S = 10
NORTH = PortalId("north")


class BrokenError(RuntimeError):
    pass


@dataclass
class World:
    """A gateway whose parts do what a test says, and write down what was asked of them."""

    looks: list[Callable[[], list[str]]] = field(default_factory=list)
    carry: Callable[[], None] = lambda: None
    opens: Callable[[], None] = lambda: None
    journal: FakeJournal = field(default_factory=FakeJournal)
    notices: list[Notice] = field(default_factory=list)
    problems: tuple[str, ...] = ()
    done: list[str] = field(default_factory=list)
    broken_closers: bool = False
    inputs: FakeInputs = field(default_factory=FakeInputs)
    chores: list[int] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.clock = FakeClock(1_800_000_000)
        self.turned = threading.Event()
        self.source, self.portal = Source(self), FakePortal()
        self.inbox = ScriptedInbox(self)
        record = RecordStage(self.journal, boot_id=b"12345678", portal="", is_online=lambda: True)
        events = EventBook(record)
        self.gateway = Gateway(
            Parts(
                inbox=self.inbox,
                sources=(cast("Any", self.source),),
                inputs=self.inputs,
                pipelines={NORTH: cast("Any", Pipeline(self))},
                portals={NORTH: cast("Any", self.portal)},
                housing=Housing(events),
                chores=(lambda now: self.chores.append(now.mono_ms),),
                courier=cast("Any", Courier(self)),
                broker=cast("Any", self),
                events=events,
                clock=self.clock,
                watchdog=cast("Any", self),
                hands=(self._closer("lock"), self._closer("lamps")),
                closers=(self._closer("journal"), self._closer("pins")),
                notices=(self._take_notices,),
                problems=self.problems,
                software="9.9",
            ),
            pause_s=0.001,
        )

    def run(self) -> bool:
        return self.gateway.run(lambda: self.done.append("ready"))

    def events(self) -> list[tuple[str, str]]:
        return [(record.reason, record.detail) for record in self.journal.records]

    # What the gateway asks of its parts.

    def wake(self) -> None:
        self.done.append("wake")

    def ready(self) -> None:
        self.done.append("READY")

    def feed(self) -> None:
        self.done.append("fed")

    def stopping(self) -> None:
        self.done.append("STOPPING")

    def _take_notices(self) -> tuple[Notice, ...]:
        taken, self.notices = tuple(self.notices), []
        return taken

    def _closer(self, name: str) -> Callable[[], None]:
        def close() -> None:
            self.done.append(f"close {name}")
            if self.broken_closers:
                raise BrokenError(name)

        return close


class ScriptedInbox(Inbox):
    """Does what a test says whenever the main loop waits, and brings what that saw."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def wait(self, timeout_s: float) -> None:
        self.world.waits_s.append(timeout_s)
        if not self.world.looks:
            self.world.gateway.stop()
            return
        for scan in self.world.looks.pop(0)():
            self.put_scan(NORTH, cast("Any", scan))


@dataclass
class Pipeline:
    world: World

    def take(self, scan: str, *, is_stale: bool = False) -> Deny:
        self.world.done.append(f"stale {scan}" if is_stale else scan)
        if scan == "bad":
            raise BrokenError(scan)
        reason = Reason.NOT_RECORDED if self.world.journal.error else Reason.REVOKED
        return Deny(reason=reason, grounds=Grounds(rule="1:x"))


@dataclass
class FakePortal:
    """Writes down what it is told."""

    told: list[object] = field(default_factory=list)
    due_ms: int | None = None

    def take_input(self, change: InputChange, _now: Instant) -> None:
        self.told.append(change)

    def turn(self, now: Instant) -> None:
        if self.due_ms is not None and self.due_ms <= now.mono_ms:
            self.told.append("due")
            self.due_ms = None

    def look_at_posture(self, _now: Instant) -> None:
        self.told.append("posture")

    def pass_over(self, _now: Instant) -> None:
        self.told.append("passed over")

    def due_mono_ms(self) -> int | None:
        return self.due_ms


@dataclass
class Source:
    """A source that hands over one code as soon as it is started, and may hang at its end."""

    world: World
    hangs: bool = False

    def start(self, put: Callable[[PortalId, Scan], None]) -> None:
        put(NORTH, cast("Any", "code"))

    def stats(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        self.world.done.append("source ends")
        if self.hangs:
            threading.Event().wait(PATIENCE_S)


class Courier:
    def __init__(self, world: World) -> None:
        self.world = world

    def open(self) -> None:
        self.world.opens()

    def turn(self) -> None:
        try:
            self.world.carry()
        finally:
            self.world.turned.set()
        threading.Event().wait(0.001)

    def close(self) -> None:
        self.world.done.append("goodbye")


def pass_some_time() -> list[str]:
    threading.Event().wait(0.01)
    return []


def broken() -> list[str]:
    raise BrokenError("look")


def test_it_says_that_it_starts_and_ends_and_ends_in_order() -> None:
    world = World(problems=("bundle on disk: damaged",))
    assert world.run()
    assert world.events() == [
        ("gateway_started", "software 9.9; bundle on disk: damaged"),
        ("gateway_stopped", "asked to"),
    ]
    assert world.done[:3] == ["code", "READY", "ready"]
    ended = [x for x in world.done if x.startswith(("close", "STOPPING", "goodbye"))]
    assert ended == [
        "close lock",
        "close lamps",
        "STOPPING",
        "goodbye",
        "close journal",
        "close pins",
    ]


def test_codes_that_were_passed_over_are_told_at_once_and_recorded_now_and_then() -> None:
    world = World()

    def too_many(more: int) -> Callable[[], list[str]]:
        def bring() -> list[str]:
            world.clock.pass_s(1)
            with world.inbox.turn():
                for number in range(MOST_CODES + more):
                    world.inbox.put_scan(NORTH, cast("Any", f"code {number}"))
            return []

        return bring

    def wait_for_record() -> list[str]:
        world.clock.pass_s(PASSED_OVER_EVERY_MS / 1000)
        return []

    world.looks = [too_many(2), too_many(3), too_many(4), wait_for_record, too_many(5)]
    assert world.run()
    said = [detail for reason, detail in world.events() if reason == "scans_passed_over"]
    assert said == ["2 at north", "7 at north", "5 at north"], "the last when it ends"
    assert world.portal.told.count("passed over") == 4
    taken = [each for each in world.done if each.startswith("code ")]
    assert len(taken) == 4 * MOST_CODES


def test_a_code_that_waited_for_long_is_not_for_whoever_stands_there_now() -> None:
    world = World()

    def stand_still(seconds: float) -> Callable[[], list[str]]:
        def bring() -> list[str]:
            with world.inbox.turn():
                world.gateway._put_scan(NORTH, cast("Any", f"after {seconds}"))
                world.clock.pass_s(seconds)
            return []

        return bring

    world.looks = [stand_still(STALE_MS / 1000 - 0.1), stand_still(STALE_MS / 1000)]
    assert world.run()
    assert [each for each in world.done if "after" in each] == ["after 2.9", "stale after 3.0"]


def test_inputs_go_to_their_portal_and_what_belongs_to_none_to_the_housing() -> None:
    world = World()
    contact = InputChange(portal=NORTH, kind=InputKind.CONTACT, is_active=True, at_mono_ms=0)
    fire = replace(contact, portal=None, kind=InputKind.FIRE)
    tamper = replace(fire, kind=InputKind.TAMPER)

    def happen() -> list[str]:
        world.inputs.feed(contact, fire, tamper)
        return []

    world.looks = [happen]
    assert world.run()
    assert [each for each in world.portal.told if each != "posture"] == [contact, fire]
    assert ("tamper_opened", "") in world.events()


def test_doors_are_looked_at_before_the_first_code_is_read() -> None:
    world = World()
    contact = InputChange(portal=NORTH, kind=InputKind.CONTACT, is_active=True, at_mono_ms=0)
    world.inputs.feed(contact)
    world.source.start = lambda put: world.done.append(f"{len(world.portal.told)} told")  # type: ignore[method-assign]
    assert world.run()
    assert "2 told" in world.done


def test_the_loop_waits_no_longer_than_until_something_is_due() -> None:
    world = World()
    world.portal.due_ms = world.clock.now().mono_ms + 120

    def wait() -> list[str]:
        world.clock.pass_s(0.12)
        return []

    world.looks = [list, wait, list]
    assert world.run()
    assert world.waits_s[:3] == [0, pytest.approx(0.12), LOOK_S]
    assert "due" in world.portal.told


def test_postures_and_chores_are_looked_at_once_a_second() -> None:
    world = World()

    def pass_half_a_second() -> list[str]:
        world.clock.pass_s(0.5)
        return []

    world.looks = [pass_half_a_second] * 4
    assert world.run()
    assert world.chores == [0, 1000, 2000]
    assert world.portal.told.count("posture") == 3


def test_what_another_thread_wants_done_is_done_between_the_turns() -> None:
    world = World()
    world.looks = [lambda: [str(world.inbox.call(lambda: world.done.append("called"), 1))]]
    assert world.run()
    assert "called" in world.done


def test_scans_that_cannot_be_taken_do_not_stop_the_loop_but_many_in_a_row_end_it() -> None:
    world = World(looks=[lambda: ["bad"] * (MOST_FAILURES - 2), lambda: ["good"]])
    assert world.run()
    assert "good" in world.done
    world = World(looks=[lambda: ["bad"] * MOST_FAILURES, pass_some_time])
    assert not world.run()
    assert world.events()[-1] == ("gateway_stopped", "failed")


def test_a_source_that_hangs_at_its_end_does_not_hold_up_the_end() -> None:
    world = World()
    world.source.hangs = True
    began = time.monotonic()
    assert world.run()
    assert time.monotonic() - began < SOURCES_END_S + 1
    assert "close pins" in world.done


def test_a_loop_that_fails_some_times_goes_on() -> None:
    world = World(looks=[*[broken] * (MOST_FAILURES - 1), lambda: ["scan"]])
    assert world.run()
    assert "scan" in world.done


def test_failures_that_are_not_in_a_row_never_end_it() -> None:
    world = World(looks=[broken, list] * (2 * MOST_FAILURES))
    assert world.run()


def test_a_main_loop_that_fails_for_good_ends_it_and_locks() -> None:
    world = World(looks=[broken] * (MOST_FAILURES + 5))
    assert not world.run()
    assert len(world.looks) == 5
    assert world.events()[-1] == ("gateway_stopped", "failed")
    assert "close lock" in world.done


def test_a_gateway_that_is_asked_to_start_anew_ends_as_failed_and_locks() -> None:
    def give_up() -> list[str]:
        world.gateway.fail()
        return []

    world = World(looks=[list, give_up, *[lambda: ["scan"]] * 3])
    assert not world.run()
    assert "scan" not in world.done
    assert world.events()[-1] == ("gateway_stopped", "failed")
    assert "close lock" in world.done


@pytest.mark.parametrize("where", ["opens", "carry"])
def test_a_courier_that_fails_for_good_ends_it_and_locks(where: str) -> None:
    def fail() -> None:
        raise BrokenError(where)

    world = World(**cast("Any", {where: fail}))
    world.looks = [pass_some_time] * 1000
    assert not world.run()
    assert "close lock" in world.done
    assert world.events()[-1] == ("gateway_stopped", "failed")


def test_a_courier_that_fails_once_goes_on() -> None:
    failures = [BrokenError("once")]
    later = threading.Event()

    def carry() -> None:
        if failures:
            raise failures.pop()
        later.set()

    world = World(carry=carry)
    world.looks = [lambda: [] if later.wait(PATIENCE_S) else broken()]
    assert world.run()


def test_everything_is_closed_although_closing_fails() -> None:
    world = World(broken_closers=True)
    assert world.run()
    for name in ("lock", "lamps", "journal", "pins"):
        assert f"close {name}" in world.done


def test_who_waits_for_readiness_may_fail_and_the_lock_is_locked() -> None:
    world = World()

    def fail() -> None:
        raise BrokenPipeError("nobody listens")

    with pytest.raises(BrokenPipeError):
        world.gateway.run(fail)
    assert "close lock" in world.done
    assert "close journal" in world.done


def test_what_the_journal_says_of_itself_is_recorded_and_sent() -> None:
    world = World(notices=[Notice(code=EventCode.JOURNAL_DAMAGED, detail="3 saved")])
    assert world.run()
    assert ("journal_damaged", "3 saved") in world.events()
    assert "wake" in world.done


def test_scans_that_could_not_be_recorded_are_told_when_the_disk_is_back() -> None:
    world = World()
    full = JournalFullError("full")

    def fill_up() -> list[str]:
        world.journal.error = full
        return []

    def make_room() -> list[str]:
        world.journal.error = None
        world.clock.pass_s(10)
        return []

    world.looks = [fill_up, lambda: ["one"], lambda: ["two"], make_room]
    assert world.run()
    reasons = [code for code, _ in world.events()]
    assert reasons == ["gateway_started", "scans_not_recorded", "gateway_stopped"]
    assert world.events()[1][1].startswith("2 since ")


def test_the_watchdog_is_fed_only_while_the_courier_turns() -> None:
    held, release = threading.Event(), threading.Event()

    def carry() -> None:
        held.set()
        assert release.wait(PATIENCE_S)

    world = World(carry=carry)

    def wait_for_standstill() -> list[str]:
        assert held.wait(PATIENCE_S)
        world.clock.pass_s(STANDSTILL_MS / 1000)
        world.done.append("stands still")
        return []

    def let_it_turn() -> list[str]:
        world.turned.clear()
        release.set()
        assert world.turned.wait(PATIENCE_S)
        # The time of the turn is noted right after it.
        while world.gateway._courier_turned_ms < STANDSTILL_MS:
            threading.Event().wait(0.001)
        world.done.append("turns")
        return []

    world.looks = [list, wait_for_standstill, list, let_it_turn, list]
    assert world.run()
    done = [x for x in world.done if x in {"fed", "stands still", "turns"}]
    assert done[: done.index("stands still")] == ["fed"]
    assert done[done.index("stands still") : done.index("turns")] == ["stands still"]
    assert done[-1] == "fed"
