"""Whatever is put before a real gateway, it says what is wrong, opens nothing, loses nothing."""

import contextlib
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import segno

from doorward import topics
from doorward.ids import SiteId
from doorward.records import Record
from doorward_controller.broker.waiting import wait_until
from tests.fakes.loop_disk import Disk, loop_disk
from tests.system.broker_clients import Talker, talker
from tests.system.conftest import Site, new_authority
from tests.system.lone_gateway import (
    NAME,
    SEEN_S,
    Gate,
    LoneSite,
    make_gate,
    put_rules,
    run_to_its_end,
    running,
)

PAGE_BYTES = 2048
NOWHERE = 9
"""The port of the discard service, where no broker listens."""


@pytest.fixture
def ours() -> LoneSite:
    return LoneSite()


@pytest.fixture
def gate(tmp_path: Path, ours: LoneSite) -> Gate:
    """A gateway whose broker is away."""
    authority = new_authority(tmp_path / "ca")
    identity = authority.issue_gateway(NAME, now=datetime.now(UTC))
    return make_gate(
        tmp_path / "g", ours, identity=identity, ca_file=authority.ca_file, broker_port=NOWHERE
    )


@pytest.fixture
def linked(tmp_path: Path, site: Site, ours: LoneSite) -> Gate:
    """A gateway that reaches a broker."""
    return make_gate(
        tmp_path / "g",
        ours,
        identity=site.north,
        ca_file=site.authority.ca_file,
        broker_port=site.broker.port,
    )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with loop_disk(tmp_path) as made:
        yield made


class Office:
    """Listens where the controller would, and acknowledges what it gets."""

    def __init__(self, talker: Talker, ours: LoneSite) -> None:
        self._talker = talker
        self._ours = ours
        self._found: dict[tuple[int, int], Record] = {}
        talker.hear(topics.up(ours.name, NAME, topics.Up.RECORDS))

    def events(self) -> dict[str, str]:
        """Reasons of the records that arrived, each with the detail of the newest."""
        while not self._talker.received.empty():
            epoch, records = self._ours.opened(self._talker.received.get()[1])
            self._found |= {(epoch, seq): record for seq, record in records}
            if records:
                span = (records[0][0], records[-1][0])
                topic = topics.down(self._ours.name, NAME, topics.Down.ACK)
                self._talker.say(topic, self._ours.ack(NAME, epoch, span))
        return {record.reason: record.detail for record in self._found.values()}

    def drains(self, gate: Gate) -> bool:
        """Waits until the gateway knows that everything has arrived."""

        def is_drained() -> bool:
            return bool(self.events()) and gate.state()["journal"]["pending"] == 0

        return wait_until(is_drained, timeout_s=SEEN_S)

    def hears(self, reason: str) -> str:
        """Waits for a record with this reason; returns its detail."""
        assert wait_until(lambda: reason in self.events(), timeout_s=20), self.events()
        return self.events()[reason]


@pytest.fixture
def office(site: Site, ours: LoneSite) -> Iterator[Office]:
    with talker(site.controller, site.authority.ca_file, site.broker.port) as host:
        yield Office(host, ours)


# --- Codes --------------------------------------------------------------------------------------


def test_a_bad_code_is_refused_for_its_reason_and_recorded(gate: Gate, ours: LoneSite) -> None:
    good = ours.badge()
    altered = good[:60] + ("A" if good[60] != "A" else "B") + good[61:]
    shown = {
        "DW1:" + "0" * 137: "malformed",
        good[:-2]: "malformed",
        good + "A": "malformed",
        "DW2:" + "A" * 288: "malformed",
        "DW9:AB": "unknown_version",
        "X" * 520: "too_long",
        "https://example.org/menu": "not_ours",
        "WIFI:S:hall;T:WPA;P:secret;;": "not_ours",
        "考勤 4711": "not_ours",
        altered: "signature_wrong",
        LoneSite(name=SiteId("elsewhere")).badge(): "key_unknown",
        ours.badge(2, key="old"): "key_outside_window",
        ours.badge(3, expires=-1): "expired",
        "DW0" + "0" * 16 + "1": "sticker_check_wrong",
    }
    with running(gate):
        before = gate.state()["journal"]["head"]
        assert {payload: gate.show(payload) for payload in shown} == shown
        assert gate.is_locked_throughout()
        state = gate.state()
        assert state["counters"]["scans"] == len(shown)
        # What the machine itself has to tell meanwhile may stand there, too.
        assert state["journal"]["head"] >= before + len(shown)
        assert state["counters"]["granted"] == 0
        assert gate.show(good) == "granted"
        assert gate.end() == 0
    said = gate.log()
    assert not any(payload in said for payload in shown)
    assert "Traceback" not in said


def test_structured_append_and_binary_symbols_are_refused(gate: Gate, ours: LoneSite) -> None:
    folder = gate.folder / "pictures"
    folder.mkdir()
    parts = segno.make_sequence(ours.badge(), symbol_count=2, error="m")
    symbols = [*parts, segno.make(bytes(range(128, 256)), mode="byte", error="m")]
    for number, symbol in enumerate(symbols):
        _draw(symbol, folder / f"{number}.png")
    gate.replace('kind = "scene"', 'kind = "folder"\npath = "pictures"')
    gate.replace('path = "pictures"', f'path = "{folder}"')
    with running(gate):
        assert wait_until(
            lambda: gate.reasons() == {"structured_append": 2, "not_ours": 1}, timeout_s=10
        ), gate.reasons()
        assert gate.is_locked_throughout()


def _draw(symbol: segno.QRCode, path: Path) -> None:
    symbol.save(str(path), scale=5, border=6)


# --- The disk -----------------------------------------------------------------------------------


def make_sparse(log: Path) -> None:
    """Gives the room that the journal's log holds back to the disk, so that a few scans fill it."""
    hole = ("--punch-hole", "--offset", "32768", "--length", "1015808")
    subprocess.run(["fallocate", *hole, str(log)], check=True)


def test_a_full_disk_refuses_and_recovers_by_itself(
    linked: Gate, ours: LoneSite, office: Office, disk: Disk
) -> None:
    linked.replace(str(linked.data_dir), str(disk.folder / "data"))
    linked.data_dir = disk.folder / "data"
    put_rules(linked, ours)
    with running(linked):
        assert linked.show(ours.badge()) == "granted"
        make_sparse(linked.data_dir / "journal" / "journal.db-wal")
        ballast = disk.fill_up()
        numbers = iter(range(2, 900))
        assert wait_until(
            lambda: linked.show(ours.badge(next(numbers))) == "not_recorded", timeout_s=60
        )
        assert linked.show(ours.badge()) == "not_recorded"
        assert linked.state()["portals"][NAME]["lamps"] == ["red"]
        assert "not_recorded" in linked.log()
        assert "full" in linked.log()
        ballast.unlink()
        assert linked.show(ours.badge(901)) == "granted", linked.log()
        assert office.hears("scans_not_recorded").startswith("2 since ")
        assert office.drains(linked)
        assert linked.end() == 0
    assert "not_recorded" not in office.events()
    assert "gateway_stopped" in office.events()


def test_a_disk_that_turns_read_only_refuses_until_it_is_mended(
    gate: Gate, ours: LoneSite, disk: Disk
) -> None:
    gate.replace(str(gate.data_dir), str(disk.folder / "data"))
    gate.data_dir = disk.folder / "data"
    put_rules(gate, ours)
    os.sync()
    with running(gate):
        assert gate.show(ours.badge()) == "granted"
        head = gate.state()["journal"]["head"]
        try:
            disk.break_down()
        except OSError as err:
            pytest.skip(f"no file system error can be raised here: {err}")
        assert gate.show(ours.badge(2)) == "not_recorded"
        assert gate.show(ours.badge(3)) == "not_recorded"
        assert gate.state()["counters"]["not_recorded"] == 2
        assert gate.end() == 0
    done = run_to_its_end(gate)
    assert (done.returncode, "ead-only" in done.stderr) == (3, True), done.stderr
    disk.mend()
    with running(gate):
        assert gate.show(ours.badge()) == "granted"
        assert gate.state()["journal"]["head"] > head


# --- Damaged files ------------------------------------------------------------------------------


def truncated(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def flipped(path: Path, at: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if at is None else at] ^= 0x10
    path.write_bytes(content)


def sealed_records(database: Path) -> list[bytes]:
    with contextlib.closing(sqlite3.connect(database)) as opened:
        return [sealed for (sealed,) in opened.execute("SELECT sealed FROM records ORDER BY id")]


def without_its_last_page(database: Path) -> None:
    database.write_bytes(database.read_bytes()[:-PAGE_BYTES])


def with_a_flipped_record(database: Path) -> None:
    flipped(database, database.read_bytes().index(sealed_records(database)[6]) + 20)


@pytest.mark.parametrize("damage", [without_its_last_page, with_a_flipped_record])
def test_of_a_damaged_journal_what_can_be_saved_arrives(
    linked: Gate, ours: LoneSite, site: Site, office: Office, damage: Callable[[Path], None]
) -> None:
    port = site.broker.port
    linked.replace(f"port = {port}", f"port = {NOWHERE}")
    with running(linked):
        for number in range(1, 13):
            assert linked.show(ours.badge(number)) == "granted"
        # In order, so that the records lie in the database and not in its log.
        linked.end()
    database = linked.data_dir / "journal" / "journal.db"
    assert len(sealed_records(database)) == 14
    damage(database)
    linked.replace(f"port = {NOWHERE}", f"port = {port}")
    with running(linked):
        assert linked.show(ours.badge(99)) == "granted"
        told = office.hears("journal_damaged")
        assert "granted" in office.events()
        assert office.drains(linked)
    saved = int(told.split(" records saved")[0].rsplit(" ", 1)[1])
    assert saved > 0, told
    assert "notice code=journal_damaged detail=journal: " in linked.log()
    assert (linked.data_dir / "journal" / "journal.db.damaged-1").exists()


def test_damaged_documents_are_reported_and_their_copy_is_used(
    linked: Gate, ours: LoneSite, office: Office
) -> None:
    with running(linked):
        linked.end()
    flipped(linked.data_dir / "documents" / "floors.sealed")
    truncated(linked.data_dir / "documents" / "documents.sealed")
    with running(linked):
        assert linked.show(ours.badge()) == "granted"
        assert "its seal does not hold" in office.hears("documents_damaged")


def test_lost_documents_open_nothing_and_say_what_to_do(gate: Gate) -> None:
    with running(gate):
        gate.end()
    for path in (gate.data_dir / "documents").iterdir():
        flipped(path)
    done = run_to_its_end(gate)
    assert done.returncode == 3
    assert "enrol it again" in done.stderr
    assert "Traceback" not in done.stderr


def test_damaged_rules_are_refused_and_replaced_by_the_brokers(
    linked: Gate, ours: LoneSite, site: Site
) -> None:
    truncated(linked.policy_dir / "bundle.dwe")
    flipped(linked.policy_dir / "status.dwe")
    with running(linked):
        assert linked.show(ours.badge()) == "policy_missing"
        assert "start.unusable what=bundle on disk" in linked.log()
        assert "start.unusable what=status on disk" in linked.log()
        with talker(site.controller, site.authority.ca_file, site.broker.port) as host:
            host.say(topics.policy(ours.name, topics.Policy.BUNDLE), ours.bundle(), retain=True)
            host.say(topics.policy(ours.name, topics.Policy.STATUS), ours.status(), retain=True)
        assert linked.waits_for("policy_version", 1)
        assert linked.waits_for("status_seq", 1)
        assert linked.show(ours.badge(2)) == "granted"


# --- What an installer gets wrong ---------------------------------------------------------------


def test_a_wrong_key_in_the_configuration_is_named_with_its_line(gate: Gate) -> None:
    gate.replace("terminal = 17", "terminals = 17")
    lines = gate.config.read_text().splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "terminals" in text)
    done = run_to_its_end(gate)
    assert done.returncode == 2
    assert f"{gate.config}, line {line}: portal.lock.terminals is not known here" in done.stderr
    assert "kind, terminal, active" in done.stderr


def make_readable(path: Path) -> None:
    path.chmod(0o644)


FILE_TROUBLES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "no record key": ("record.key", Path.unlink, "enrol this gateway"),
    "open record key": ("record.key", make_readable, "chmod 600"),
    "short record key": ("record.key", truncated, "must be 32"),
    "no keyring": ("keyring.dwe", Path.unlink, "enrol this gateway"),
    "damaged keyring": ("keyring.dwe", flipped, "enrol this gateway"),
    "no broker key": ("../ca/north-key.pem", Path.unlink, "enrol this gateway"),
    "open broker key": ("../ca/north-key.pem", make_readable, "chmod 600"),
    "damaged certificate": ("../ca/north.pem", truncated, "broker.cert_file"),
    "no authority": ("../ca/ca.pem", Path.unlink, "broker.ca_file"),
}


@pytest.mark.parametrize("trouble", FILE_TROUBLES)
def test_a_file_that_cannot_be_used_is_named_before_anything_moves(
    gate: Gate, trouble: str
) -> None:
    name, spoil, said = FILE_TROUBLES[trouble]
    path = gate.folder / name
    spoil(path)
    done = run_to_its_end(gate)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert path.name in done.stderr
    assert "Traceback" not in done.stderr
    assert not (gate.data_dir / "control.sock").exists()


def test_the_keyring_of_another_site_is_refused(gate: Gate) -> None:
    (gate.folder / "keyring.dwe").write_bytes(LoneSite(name=SiteId("elsewhere")).keyring())
    done = run_to_its_end(gate)
    assert done.returncode == 2
    assert "keyring of site elsewhere, gateway.site is demo" in done.stderr


def test_a_second_gateway_on_the_same_folder_is_refused(gate: Gate, ours: LoneSite) -> None:
    with running(gate):
        done = run_to_its_end(gate)
        assert done.returncode == 3
        assert "open in another process" in done.stderr
        assert gate.show(ours.badge()) == "granted"


def test_a_control_socket_that_cannot_be_made_is_named(gate: Gate) -> None:
    (gate.data_dir / "control.sock").mkdir()
    done = run_to_its_end(gate)
    assert done.returncode == 3
    assert "control.sock" in done.stderr
    assert "Traceback" not in done.stderr
