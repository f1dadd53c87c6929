"""A real gateway process whose camera dies, hangs and freezes, and which tells its watchdog."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorward import topics
from doorward.messages import Health
from doorward.records import Record
from doorward_controller.broker.waiting import wait_until
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.stages.publish import make_batch
from tests.edge.decoder.pictures import qr
from tests.system.broker_clients import talker
from tests.system.conftest import Site, new_authority
from tests.system.lone_gateway import NAME, Gate, LoneSite, make_gate, running

NOWHERE = 9
PATIENCE_S = 40.0
JOURNAL_BYTES = 64 * 2**20
SCENE = 'name = "front"\nkind = "scene"\n'


@dataclass(kw_only=True)
class Ward:
    """A gateway at the end of a cable that leads nowhere."""

    gate: Gate
    site: LoneSite

    def capture_pid(self) -> int | None:
        assert self.gate.process is not None
        tasks = Path(f"/proc/{self.gate.process.pid}/task")
        for task in tasks.iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                for pid in (task / "children").read_text().split():
                    if "capture.child" in Path(f"/proc/{pid}/cmdline").read_text():
                        return int(pid)
        return None

    def gets_another(self, pid: int) -> None:
        found = wait_until(lambda: self.capture_pid() not in {None, pid}, timeout_s=PATIENCE_S)
        assert found, self.gate.log()

    def granted(self) -> int:
        return int(self.gate.state()["counters"]["granted"])

    def reads_on(self) -> None:
        before = self.granted()
        assert wait_until(lambda: self.granted() > before, timeout_s=PATIENCE_S), self.gate.log()

    def becomes(self, what: str, value: object) -> None:
        def is_so() -> bool:
            return bool(self.gate.state()[what] == value)

        assert wait_until(is_so, timeout_s=PATIENCE_S), (self.gate.state(), self.gate.log())

    def lamps(self) -> list[str]:
        return list(self.gate.state()["portals"][NAME]["lamps"])

    def told(self) -> list[tuple[str, str]]:
        """Returns the events in the journal of a gateway that has ended."""
        seal_key = self.site.intake.public_key().public_bytes_raw()
        journal = SqliteJournal.open(self.gate.data_dir / "journal", NAME, seal_key, JOURNAL_BYTES)
        try:
            span = journal.spans()[-1]
            found: list[Record] = []
            while len(found) < span.head:
                stretch = journal.read(span.epoch, len(found) + 1, span.head, 2**20)
                assert stretch is not None
                wire = make_batch(self.site.name, NAME, stretch, self.site.signer("record"))
                found += [record for _, record in self.site.opened(wire)[1]]
            return [(record.reason, record.detail) for record in found]
        finally:
            journal.close()


def made(folder: Path, camera: str) -> Ward:
    site, authority = LoneSite(), new_authority(folder / "ca")
    gate = make_gate(
        folder / "g",
        site,
        identity=authority.issue_gateway(NAME, now=datetime.now(UTC)),
        ca_file=authority.ca_file,
        broker_port=NOWHERE,
    )
    gate.replace(SCENE, camera)
    gate.replace("lamps = { green = 22, red = 23 }", "lamps = { green = 22, yellow = 24 }")
    return Ward(gate=gate, site=site)


@pytest.fixture
def replayed(tmp_path: Path) -> Iterator[Ward]:
    """A gateway before whose camera one badge comes and goes, in a process of its own."""
    ward = made(tmp_path, f'name = "front"\nkind = "folder"\npath = "{tmp_path / "film"}"\n')
    (tmp_path / "film").mkdir()
    noise, badge = np.random.default_rng(1), qr(ward.site.badge(1), 4)
    for n in range(20):
        grain = noise.integers(0, 9, badge.shape).astype(np.uint8)
        # Paper in the shade: a picture that is white all over would count as blinded.
        shown = badge // 2 + 60 if n < 4 else np.full_like(badge, 120)
        cv2.imwrite(str(tmp_path / "film" / f"{n:02}.png"), np.maximum(shown, 9) - grain)
    with running(ward.gate):
        yield ward


@pytest.mark.timeout(180)
def test_a_capture_process_that_dies_or_hangs_is_replaced_and_codes_are_read_on(
    replayed: Ward,
) -> None:
    replayed.reads_on()
    first = replayed.capture_pid()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    replayed.gets_another(first)
    replayed.reads_on()
    second = replayed.capture_pid()
    assert second is not None
    os.kill(second, signal.SIGSTOP)
    replayed.becomes("camera", "gone")
    replayed.gets_another(second)
    replayed.reads_on()
    replayed.becomes("camera", "ok")
    last = replayed.capture_pid()
    assert replayed.gate.end() == 0
    assert last is not None
    assert not Path(f"/proc/{last}").exists()
    told = replayed.told()
    why = [detail for code, detail in told if code == "camera_process_restarted"]
    # On a slow machine two seconds without a picture may be noticed before the death is.
    died, gone = "camera front: the capture process ended: signal 9", "camera front: it is gone"
    assert len(why) >= 2
    assert set(why) <= {died, gone}
    assert gone in why
    assert ("camera_fault", "camera front: gone") in told


@pytest.mark.timeout(120)
def test_a_gateway_that_is_killed_leaves_no_capture_process(replayed: Ward) -> None:
    replayed.reads_on()
    pid = replayed.capture_pid()
    replayed.gate.end(signal.SIGKILL)
    assert wait_until(lambda: not Path(f"/proc/{pid}").exists(), timeout_s=PATIENCE_S)


@pytest.mark.timeout(120)
def test_a_frozen_camera_is_shown_and_on_record_with_begin_and_end(tmp_path: Path) -> None:
    ward = made(tmp_path, SCENE + "width_px = 640\nheight_px = 480\n")
    with running(ward.gate):
        ward.becomes("camera", "ok")
        assert ward.lamps() == []
        ward.gate.ask("fail", kind="freeze")
        ward.becomes("camera", "frozen")
        assert wait_until(lambda: ward.lamps() == ["yellow"], timeout_s=PATIENCE_S)
        ward.gate.ask("fail", kind="none")
        assert wait_until(lambda: ward.lamps() == [], timeout_s=PATIENCE_S + 30)
        assert ward.gate.end() == 0
    told = ward.told()
    assert ("camera_fault", "camera front: frozen") in told
    assert ("camera_well", "camera front: no longer frozen") in told


@pytest.mark.timeout(120)
def test_the_service_manager_is_told_that_it_is_ready_lives_and_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(PATIENCE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        ward = made(tmp_path, SCENE)
        with running(ward.gate):
            assert [manager.recv(64) for _ in range(3)] == [
                b"READY=1",
                b"WATCHDOG=1",
                b"WATCHDOG=1",
            ]
            assert ward.gate.end() == 0
        said = b""
        while said != b"STOPPING=1":
            said = manager.recv(64)


@pytest.mark.timeout(120)
def test_the_health_message_reaches_the_broker_with_the_boards_figures(
    site: Site, tmp_path: Path
) -> None:
    lone = LoneSite()
    gate = make_gate(
        tmp_path / "g",
        lone,
        identity=site.north,
        ca_file=site.authority.ca_file,
        broker_port=site.broker.port,
    )
    gate.replace("[clock]\n", "[health]\ninterval_s = 10\n\n[clock]\n")
    topic = topics.up(lone.name, NAME, topics.Up.HEALTH)
    with talker(site.controller, site.authority.ca_file, site.broker.port) as host:
        host.hear(topic)
        with running(gate):
            said = [Health.from_wire(host.received.get(timeout=PATIENCE_S)[1]) for _ in range(2)]
            assert gate.end() == 0
    vitals = said[-1].vitals
    assert {
        "memory_bytes",
        "uptime_s",
        "running_s",
        "file_descriptors",
        "disk_free_bytes",
        "storage_read_only",
        "journal_silent_s",
        "certificate_days_left",
        "policy_age_s",
        "clock_offset_us",
        "camera_fault@front",
        f"lock_cycles@{NAME}",
    } <= set(vitals)
    assert vitals["camera_fault@front"] == 0
    assert 0 <= said[-1].uplink["round_trip_ms"] < 5_000
    assert said[-1].uplink["reconnects"] == 0
    # What needs a Raspberry Pi is absent elsewhere, never zero.
    assert "undervoltage_now" not in vitals or Path("/dev/vcio").exists()
