"""A real gateway reads staff cards of every kind, and a scanner's, and records whose they were."""

import os
import pty
import subprocess
import tty
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorward import topics
from doorward.credential import Form
from doorward.envelope import Kind, seal_envelope
from doorward.foreign import Family, foreign_digest
from doorward.ids import CredentialId, PortalId
from doorward.policy import Foreign
from doorward.policy_draft import GrantDraft, PersonDraft, PolicyDraft, PortalDraft, build_body
from doorward.reasons import Reason
from doorward.records import Record
from doorward.roster import StickerRow
from doorward.schedule import ALWAYS, Schedule, SiteTime
from doorward_controller.broker.waiting import wait_until
from doorward_edge.scan import Symbology
from tests.edge.decoder.test_symbologies import FORMATS, LINES, SIZE_PX, drawn
from tests.system.broker_clients import Talker, talker
from tests.system.conftest import Site
from tests.system.lone_gateway import (
    EDGE,
    NAME,
    Gate,
    LoneSite,
    make_gate,
    run_to_its_end,
    running,
)

pytestmark = pytest.mark.system

SALT = bytes(range(16))
SEEN_S = 60.0
AGAIN_S = 5
FIRST = 100
CARDS = {s: (FIRST + n, FORMATS[s][1]) for n, s in enumerate(Symbology) if s is not Symbology.QR}
"""Kind of symbol -> place in the status list, and the number on the card."""
SCANNED, UNLINKED = "SC-0815", "SC-9999"


class StaffSite(LoneSite):
    """A site at which a staff card in every kind of symbol is linked."""

    def bundle(self, version: int = 1) -> bytes:
        linked = [(s in LINES, index, text) for s, (index, text) in CARDS.items()]
        linked.append((True, FIRST - 1, SCANNED))
        draft = PolicyDraft(
            site=self.name,
            version=version,
            created_at=self.now,
            keyrings=(self.keyring(),),
            time=SiteTime(zone="Asia/Shanghai", offsets=((0, 8 * 3600),), day_types={}),
            zones=("hall",),
            groups=("staff",),
            schedules=(Schedule(name="always", spans=(ALWAYS,)),),
            grants=(GrantDraft(group="staff", zone="hall", schedule="always"),),
            portals={PortalId(NAME): PortalDraft(zone="hall", gateway=NAME, foreign=Foreign.ALLOW)},
            people=[
                PersonDraft(
                    credential_id=holder(index), not_before=0, not_after=2**40, groups=("staff",)
                )
                for _, index, _ in linked
            ],
            stickers=[
                (digest(text, in_bars=in_bars), StickerRow(holder(index), index))
                for in_bars, index, text in linked
            ],
            foreign_salt=SALT,
        )
        return seal_envelope(Kind.BUNDLE, build_body(draft), [self.signer("policy")])


def holder(index: int) -> CredentialId:
    return CredentialId(index.to_bytes(8))


def digest(text: str, *, in_bars: bool) -> bytes:
    return foreign_digest(text.encode(), Family.LINES if in_bars else Family.SQUARES, SALT)


@pytest.fixture
def ours() -> StaffSite:
    return StaffSite()


@pytest.fixture
def gate(tmp_path: Path, site: Site, ours: StaffSite) -> Gate:
    """Its camera is a folder of staff cards, with an empty wall after each."""
    made = make_gate(
        tmp_path / "g",
        ours,
        identity=site.north,
        ca_file=site.authority.ca_file,
        broker_port=site.broker.port,
    )
    pictures = tmp_path / "cards"
    pictures.mkdir()
    wall = np.full((SIZE_PX[1], SIZE_PX[0]), 170, dtype=np.uint8)
    for number, symbology in enumerate(CARDS):
        cv2.imwrite(str(pictures / f"{2 * number}.png"), drawn(symbology))
        cv2.imwrite(str(pictures / f"{2 * number + 1}.png"), wall)
    kinds = ", ".join(f'"{symbology}"' for symbology in Symbology)
    folder = f'kind = "folder"\npath = "{pictures}"\nfps = 5\n\n[reader]\nsymbologies = [{kinds}]'
    made.replace('kind = "scene"', folder)
    return made


@pytest.fixture
def port() -> Iterator[tuple[int, str]]:
    """A serial port: where to write what a scanner sends, and the port's name."""
    host, other = pty.openpty()
    tty.setraw(other)
    yield host, os.ttyname(other)
    os.close(host)
    os.close(other)


class Reception:
    """Opens the records that arrive, as the controller would."""

    def __init__(self, ours: LoneSite, heard: Talker) -> None:
        self._ours, self._heard = ours, heard
        self._found: list[Record] = []
        heard.hear(topics.up(ours.name, NAME, topics.Up.RECORDS))

    def scans(self) -> list[Record]:
        while not self._heard.received.empty():
            epoch, records = self._ours.opened(self._heard.received.get()[1])
            self._found += [record for _, record in records]
            if records:
                span = (records[0][0], records[-1][0])
                topic = topics.down(self._ours.name, NAME, topics.Down.ACK)
                self._heard.say(topic, self._ours.ack(NAME, epoch, span))
        return [record for record in self._found if record.form]


@pytest.fixture
def office(site: Site, ours: StaffSite) -> Iterator[Reception]:
    with talker(site.controller, site.authority.ca_file, site.broker.port) as host:
        yield Reception(ours, host)


def test_a_staff_card_of_every_kind_is_read_and_recorded_by_its_holder(
    gate: Gate, office: Reception
) -> None:
    with running(gate):

        def holders() -> set[bytes | None]:
            return {record.credential_id for record in office.scans()}

        wanted: set[bytes | None] = {holder(index) for index, _ in CARDS.values()}
        assert wait_until(lambda: holders() >= wanted, timeout_s=SEEN_S), gate.log()
        assert {record.form for record in office.scans()} == {Form.FOREIGN}
        assert {record.reason for record in office.scans()} == {Reason.GRANTED}


def test_a_serial_scanner_reads_at_its_portal_beside_the_camera(
    gate: Gate, office: Reception, port: tuple[int, str]
) -> None:
    host, name = port
    gate.replace('cameras = ["front"]', 'cameras = ["front"]\nscanners = ["desk"]')
    table = f'[[scanner]]\nname = "desk"\nkind = "serial"\ndevice = "{name}"\n\n[clock]'
    gate.replace("[clock]", table)

    def by_scanner() -> dict[str, bytes | None]:
        found = [r for r in office.scans() if r.reader == "scanner/serial"]
        return {record.reason: record.credential_id for record in found}

    def read() -> bool:
        """Scans; what came before the gateway listened it lets go, as it should."""
        os.write(host, f"{SCANNED}\r\n{UNLINKED}\r\n".encode())
        return wait_until(lambda: by_scanner() == wanted, timeout_s=AGAIN_S)

    with running(gate):
        wanted = {
            Reason.GRANTED.value: holder(FIRST - 1),
            Reason.FOREIGN_UNKNOWN.value: None,
        }
        assert any(read() for _ in range(int(SEEN_S / AGAIN_S))), gate.log()


def test_a_desk_runs_on_a_machine_without_pins_and_with_a_lamp_it_does_not(
    gate: Gate, port: tuple[int, str]
) -> None:
    """`doorward-edge run`, as on an office PC: a scanner, and nothing wired to anything."""
    if any(Path("/dev").glob("gpiochip*")):
        pytest.skip("this machine has pins")
    host, name = port
    text = gate.config.read_text()
    table = f'[[scanner]]\nname = "desk"\nkind = "serial"\ndevice = "{name}"\n\n[[portal]]'
    plain = text[: text.index("[[camera]]")] + text[text.index("[clock]") : text.index("cameras =")]
    desk = plain.replace("[[portal]]", table) + 'scanners = ["desk"]\n'
    gate.config.write_text(desk)

    def scanned() -> bool:
        # What comes before the port is open is lost; what is held up again is the same scan.
        os.write(host, f"{SCANNED}\r\n".encode())
        return "scan.granted" in gate.log()

    with (gate.folder / "log").open("w") as said:
        process = subprocess.Popen([EDGE, "run", "--config", str(gate.config)], stderr=said)
    try:
        assert wait_until(lambda: "gateway.started" in gate.log(), timeout_s=SEEN_S), gate.log()
        assert wait_until(scanned, timeout_s=SEEN_S), gate.log()
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(30)
    gate.config.write_text(f"{desk}lamps = {{ green = 22 }}\n")
    ended = run_to_its_end(gate, "run")
    assert (ended.returncode, "pins of this board cannot be used" in ended.stderr) == (2, True)
