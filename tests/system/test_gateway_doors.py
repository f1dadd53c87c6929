"""A real gateway process with two portals, whose doors are opened, held and forced from outside."""

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from doorward.ids import PortalId
from doorward.policy_draft import PortalDraft
from doorward.records import Record, RecordKind
from doorward_controller.broker.waiting import wait_until
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.stages.publish import make_batch
from tests.system.conftest import new_authority
from tests.system.lone_gateway import LOCK_PIN, NAME, SEEN_S, Gate, LoneSite, make_gate, running

NOWHERE = 9
SIDE = PortalId("side-door")
SIDE_LOCK_PIN = "GPIO27"
PULSE_MS = 2_000
JOURNAL_BYTES = 64 * 2**20

DOORS = f"""
lock = {{ kind = "fail_secure", terminal = 17 }}
lamps = {{ green = 22, red = 23 }}
door = {{ passage_timeout_s = 2, held_after_s = 1.0, held_again_s = 60 }}

[portal.inputs]
contact = {{ terminal = 5 }}
passage = {{ terminal = 6 }}
exit_button = {{ terminal = 13 }}
tamper = {{ terminal = 19 }}

[[portal]]
id = "{SIDE}"
held_s = 0.5
cameras = ["side"]
lock = {{ kind = "fail_secure", terminal = 27 }}

[portal.inputs]
contact = {{ terminal = 16 }}

[[camera]]
name = "side"
kind = "scene"
width_px = 640
height_px = 480

[inputs]
fire = {{ terminal = 20 }}
"""


@dataclass(kw_only=True)
class Doors:
    """A gateway whose inputs a test moves."""

    gate: Gate
    site: LoneSite

    def move(self, kind: str, *, active: bool, portal: str | None = NAME) -> None:
        self.gate.ask("input", kind=kind, active=active, portal=portal)

    def portal(self, name: str = NAME) -> Any:
        return self.gate.state()["portals"][name]

    def becomes(self, key: str, value: object, portal: str = NAME) -> None:
        assert wait_until(lambda: bool(self.portal(portal)[key] == value), timeout_s=SEEN_S), (
            self.portal(portal),
            self.gate.log(),
        )

    def counts(self, passage: str, times: int, portal: str = NAME) -> None:
        assert wait_until(
            lambda: bool(self.portal(portal)["passages"][passage] == times), timeout_s=SEEN_S
        ), (self.portal(portal), self.gate.log())

    def press_exit(self) -> None:
        """Presses the button for as long as it takes to be believed."""
        before = self.gate.log().count("door.exit_button")
        self.move("exit_button", active=True)
        assert wait_until(
            lambda: self.gate.log().count("door.exit_button") > before, timeout_s=SEEN_S
        )
        self.move("exit_button", active=False)

    def walk_through(self) -> None:
        """Opens the leaf, goes through, and lets it fall shut."""
        self.move("contact", active=True)
        self.becomes("door", "open")
        entered = self.portal()["passages"]["entered"]
        self.move("passage", active=True)
        self.counts("entered", entered + 1)
        self.move("passage", active=False)
        self.move("contact", active=False)
        self.becomes("door", "locked")

    def records(self) -> list[tuple[int, Record]]:
        """Returns what lies in the journal of a gateway that has ended, with its numbers."""
        seal_key = self.site.intake.public_key().public_bytes_raw()
        journal = SqliteJournal.open(self.gate.data_dir / "journal", NAME, seal_key, JOURNAL_BYTES)
        try:
            found: list[tuple[int, Record]] = []
            span = journal.spans()[-1]
            while len(found) < span.head:
                stretch = journal.read(span.epoch, len(found) + 1, span.head, 2**20)
                assert stretch is not None
                wire = make_batch(self.site.name, NAME, stretch, self.site.signer("record"))
                found += self.site.opened(wire)[1]
            return found
        finally:
            journal.close()

    def told(self) -> list[tuple[str, str, int | None]]:
        """Returns passages and events of doors: reason, portal, and the number that it is about."""
        return [
            (record.reason, record.portal, record.about_seq)
            for _, record in self.records()
            if record.kind in {RecordKind.PASSAGE, RecordKind.EVENT} and record.portal
        ]

    def pulses(self, pin: str) -> int:
        """Returns how often a lock's pin left its rest since the start."""
        levels = [level for _, level in self.gate.ask("pins")["pins"][pin]]
        rest = levels[0]
        return sum(now != rest and before == rest for before, now in pairwise(levels))


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    site = LoneSite(
        portals={
            PortalId(NAME): PortalDraft(zone="hall", gateway=NAME, pulse_ms=PULSE_MS),
            SIDE: PortalDraft(
                zone="hall", gateway=NAME, pulse_ms=PULSE_MS, interlock=(PortalId(NAME),)
            ),
        }
    )
    authority = new_authority(tmp_path / "ca")
    gate = make_gate(
        tmp_path / "g",
        site,
        identity=authority.issue_gateway(NAME, now=datetime.now(UTC)),
        ca_file=authority.ca_file,
        broker_port=NOWHERE,
    )
    gate.replace(
        'lock = { kind = "fail_secure", terminal = 17 }\nlamps = { green = 22, red = 23 }\n', DOORS
    )
    with running(gate):
        yield Doors(gate=gate, site=site)


@pytest.mark.timeout(120)
def test_who_is_let_in_goes_through_or_does_not(doors: Doors) -> None:
    gate = doors.gate
    assert doors.portal()["door"] == "locked"
    assert gate.show(doors.site.badge(1)) == "granted"
    assert doors.portal()["lock"] == "released"
    doors.walk_through()
    assert gate.show(doors.site.badge(2)) == "granted"
    doors.counts("no_entry", 1)
    doors.becomes("lock", "locked")
    doors.counts("entered", 1)
    assert gate.end() == 0
    scans = [seq for seq, record in doors.records() if record.kind == RecordKind.SCAN]
    assert doors.told() == [("entered", NAME, scans[0]), ("no_entry", NAME, scans[1])]


@pytest.mark.timeout(120)
def test_a_door_that_is_held_or_forced_is_told(doors: Doors) -> None:
    doors.move("contact", active=True)
    doors.counts("forced", 1)
    assert doors.portal()["door"] == "forced"
    assert doors.portal()["lock"] == "locked"
    doors.move("contact", active=False)
    doors.becomes("door", "locked")
    doors.press_exit()
    doors.becomes("lock", "released")
    doors.move("contact", active=True)
    doors.becomes("door", "held_open")
    doors.move("contact", active=False)
    doors.becomes("door", "locked")
    doors.becomes("lock", "locked")
    doors.move("tamper", active=True)
    assert wait_until(lambda: "door.tamper_opened" in doors.gate.log(), timeout_s=SEEN_S)
    assert doors.gate.end() == 0
    assert [reason for reason, _, _ in doors.told()] == [
        "forced",
        "door_closed_again",
        "exit_button",
        "held",
        "door_closed_again",
        "tamper_opened",
    ]


@pytest.mark.timeout(120)
def test_a_door_does_not_open_while_the_one_it_is_interlocked_with_is_open(doors: Doors) -> None:
    gate, badge = doors.gate, doors.site.badge(1)
    doors.press_exit()
    doors.move("contact", active=True)
    assert wait_until(lambda: doors.portal()["door"] in {"open", "held_open"}, timeout_s=SEEN_S)
    before = gate.reasons()
    gate.ask("show", payload=badge, camera="side")
    assert wait_until(lambda: gate.reasons() != before, timeout_s=SEEN_S)
    assert gate.reasons().get("interlock_open") == 1
    gate.ask("clear", camera="side")
    doors.move("contact", active=False)
    doors.becomes("door", "locked")
    doors.becomes("lock", "locked")
    assert doors.pulses(SIDE_LOCK_PIN) == 0
    gate.ask("show", payload=doors.site.badge(2), camera="side")
    doors.becomes("lock", "released", SIDE)
    doors.move("contact", active=True, portal=SIDE)
    doors.counts("entered", 1, SIDE)
    assert doors.pulses(LOCK_PIN) == 1


@pytest.mark.timeout(120)
def test_fire_is_shown_and_recorded_and_no_lock_is_driven_meanwhile(doors: Doors) -> None:
    gate = doors.gate
    doors.move("fire", active=True, portal=None)
    for name in (NAME, SIDE):
        doors.becomes("fire", True, name)
        assert doors.portal(name)["door"] == "unlocked"
    doors.becomes("lamps", ["green"])
    assert gate.show(doors.site.badge(1)) == "granted"
    doors.press_exit()
    assert doors.portal()["lamps"] == ["green"]
    assert doors.pulses(LOCK_PIN) == doors.pulses(SIDE_LOCK_PIN) == 0
    doors.move("fire", active=False, portal=None)
    doors.becomes("fire", False)
    doors.becomes("lamps", [])
    doors.becomes("door", "locked")
    assert doors.pulses(LOCK_PIN) == 0
    assert gate.show(doors.site.badge(2)) == "granted"
    assert doors.pulses(LOCK_PIN) == 1
    assert gate.end() == 0
    told = [(reason, portal) for reason, portal, _ in doors.told()]
    for name in (NAME, SIDE):
        assert told.count(("fire_alarm", name)) == told.count(("fire_over", name)) == 1


@pytest.mark.timeout(120)
def test_a_gateway_that_is_killed_in_a_pulse_starts_locked_and_looks_at_its_doors(
    doors: Doors,
) -> None:
    gate = doors.gate
    assert gate.show(doors.site.badge(1)) == "granted"
    assert doors.portal()["lock"] == "released"
    gate.end(signal.SIGKILL)
    gate.start()
    assert doors.portal()["lock"] == "locked"
    assert doors.portal()["door"] == "locked"
    assert doors.pulses(LOCK_PIN) == 0
    doors.move("contact", active=True)
    doors.counts("forced", 1)
