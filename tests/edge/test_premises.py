"""What commands ask of the gateway around its portals."""

import logging
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import pytest

from doorward.ids import Epoch, PortalId
from doorward.records import Record, RecordKind
from doorward.times import ClockTrust
from doorward_edge.commands.targets import NotDoneError, WillNotError
from doorward_edge.log_ring import MOST_LINES, LogRing
from doorward_edge.ports import JournalError
from doorward_edge.premises import PICTURE_WIDTH_PX, GatewayPremises, Restarter, jpeg_of
from doorward_edge.sight import Examined
from tests.fakes.edge_ports import FakeClock
from tests.fakes.fake_journal import EPOCH, FakeJournal
from tests.fakes.site_simulator import START_S

NORTH = PortalId("north")
PICTURE = np.full((480, 640), 90, np.uint8)


@dataclass
class FakeEye:
    name: str = "front"
    portal: PortalId = NORTH
    loss: str = ""
    is_blind: bool = False
    starts_for: int = 0

    def examine(self, timeout_s: float) -> Examined:
        del timeout_s
        if self.is_blind:
            raise TimeoutError
        self.starts_for -= 1
        loss = "not_ready" if self.starts_for >= 0 else self.loss
        return Examined(luma=PICTURE, loss=loss, decode_us=1500)


class SickJournal(FakeJournal):
    def probe(self) -> None:
        raise JournalError("no space left")


@dataclass
class FakeScanner:
    name: str = "desk"
    trouble: str = ""


@dataclass
class World:
    eye: FakeEye = field(default_factory=FakeEye)
    journal: FakeJournal = field(default_factory=FakeJournal)
    clock: FakeClock = field(default_factory=lambda: FakeClock(START_S))
    scanner: FakeScanner = field(default_factory=FakeScanner)
    faulty: dict[str, list[str]] = field(default_factory=lambda: {"north": []})
    did: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ring = LogRing()
        self.premises = GatewayPremises(
            eyes=[self.eye],
            scanners=[self.scanner],
            journal=self.journal,
            clock=self.clock,
            ring=self.ring,
            restart=self.did.append,
            show=lambda: self.did.append("show"),
            faulty_inputs=lambda: self.faulty,
            wake=lambda: self.did.append("wake"),
            update=lambda order, version, until_utc_s: f"{order} {version} {until_utc_s}",
        )

    def bad(self) -> list[str]:
        return [finding.what for finding in self.premises.self_test() if not finding.is_good]

    def record(self, count: int) -> None:
        for _ in range(count):
            record = Record(
                kind=RecordKind.EVENT, utc_ms=1, mono_ms=1, boot_id=b"12345678", clock_trust=2
            )
            self.journal.append(record)


def test_a_gateway_that_is_well_finds_nothing() -> None:
    world = World()
    findings = world.premises.self_test()
    tried = ["camera front", "scanner desk", "journal", "inputs", "lamps", "clock"]
    assert [f.what for f in findings] == tried
    assert all(finding.is_good for finding in findings)
    assert world.did == ["show"], "lamps and tones, and nothing else"


def test_a_decoder_that_was_just_started_is_given_its_time() -> None:
    eye = FakeEye(starts_for=5)
    assert World(eye=eye).bad() == []
    assert eye.starts_for < 0


SICK: dict[str, tuple[dict[str, Any], str]] = {
    "a camera without pictures": ({"eye": FakeEye(is_blind=True)}, "camera front"),
    "a decoder that does not look": ({"eye": FakeEye(loss="hung")}, "camera front"),
    "a decoder that never starts": ({"eye": FakeEye(loss="not_ready")}, "camera front"),
    "a scanner that is pulled out": (
        {"scanner": FakeScanner(trouble="/dev/ttyUSB0 is gone")},
        "scanner desk",
    ),
    "a disk that takes nothing": ({"journal": SickJournal()}, "journal"),
    "a cut line": ({"faulty": {"north": ["contact"]}}, "inputs"),
    "a clock that nobody trusts": (
        {"clock": FakeClock(START_S, trust=ClockTrust.UNKNOWN)},
        "clock",
    ),
}


@pytest.mark.parametrize("sentence", SICK)
def test_each_planted_fault_is_found_and_no_other(sentence: str) -> None:
    parts, what = SICK[sentence]
    assert World(**parts).bad() == [what]


def test_a_picture_is_a_jpeg_of_bounded_width() -> None:
    world = World()
    picture = cv2.imdecode(
        np.frombuffer(world.premises.picture(NORTH), np.uint8), cv2.IMREAD_GRAYSCALE
    )
    assert picture is not None
    assert picture.shape == (480, 640)
    large = jpeg_of(np.zeros((2160, 3840), np.uint8))
    smaller = cv2.imdecode(np.frombuffer(large, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert smaller is not None
    assert smaller.shape == (540, PICTURE_WIDTH_PX)


def test_a_noisy_picture_fits_what_an_outcome_carries() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920), np.uint8)
    assert len(jpeg_of(noise)) < 500 * 1024


def test_no_camera_no_picture() -> None:
    with pytest.raises(WillNotError, match="no camera"):
        World().premises.picture(PortalId("south"))
    with pytest.raises(NotDoneError, match="no picture"):
        World(eye=FakeEye(is_blind=True)).premises.picture(NORTH)


def test_kept_records_are_sent_again_from_a_number_on() -> None:
    world = World()
    world.record(10)
    world.journal.acknowledged = ((1, 8),)
    assert world.premises.resend(EPOCH, 5) == 4
    assert world.journal.acknowledged == ((1, 4),)
    assert world.did == ["wake"]
    assert world.premises.resend(EPOCH, 11) == 0
    with pytest.raises(WillNotError, match="no records"):
        world.premises.resend(Epoch(99), 1)


def test_the_log_is_bounded_and_holds_no_code_and_no_credential() -> None:
    world = World()
    logger = logging.getLogger("test.premises")
    logger.addHandler(world.ring)
    logger.setLevel(logging.INFO)
    try:
        for number in range(MOST_LINES + 50):
            logger.info("line %d", number)
        logger.info("code DW1:0ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 of 00112233aabbccdd\n\tend")
        logger.debug("not this")
    finally:
        logger.removeHandler(world.ring)
    lines = world.premises.log(MOST_LINES).decode().splitlines()
    assert len(lines) == MOST_LINES
    assert lines[0].endswith("line 51")
    assert lines[-1].endswith("code … of … end")
    assert world.premises.log(2).decode().count("\n") == 2


def test_a_restart_ends_the_gateway_and_remembers_why() -> None:
    stopped: list[str] = []
    restarter = Restarter()
    restarter.stop = lambda: stopped.append("stop")
    assert not restarter.is_asked
    restarter("a command")
    assert (restarter.is_asked, stopped) == (True, ["stop"])
