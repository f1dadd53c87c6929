"""Damaged journals: every confirmed record is there under its number, or is reported as lost."""

import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from doorward.ids import Epoch
from doorward.ranges import contains, count
from doorward.records import Record
from doorward.times import UtcSeconds
from doorward_edge.adapters.journal_sqlite import SqliteJournal
from doorward_edge.adapters.journal_sqlite.rows import PAGE_BYTES
from tests.adapters.journal_case import fill, open_at, pending, record

ROOT = Path(__file__).resolve().parents[2]
NOTICED = {"journal_damaged", "journal_end_torn"}
RECORDS = 400
ACKNOWLEDGED = 40


@dataclass(frozen=True)
class Crashed:
    """A folder as a process left it that was killed, and what it had confirmed."""

    folder: Path
    epoch: Epoch


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Crashed:
    """Half of the records are in the database, the other half only in the log."""
    folder = tmp_path_factory.mktemp("crashed")
    journal = open_at(folder / "live")
    fill(journal, 1, ACKNOWLEDGED)
    epoch = journal.spans()[0].epoch
    journal.settle(epoch, ((1, ACKNOWLEDGED),), (), UtcSeconds(1_760_000_000))
    for n in range(ACKNOWLEDGED + 1, RECORDS + 1):
        assert journal.append(record(n)).wait(10)
    shutil.copytree(folder / "live", folder / "left")
    journal.close()
    return Crashed(folder / "left", epoch)


def check(journal: SqliteJournal, crashed: Crashed) -> bool:
    """Checks that nothing confirmed vanished without a report. Returns whether it was damaged."""
    notices = [notice for notice in journal.take_notices() if notice.code in NOTICED]
    found = pending(journal)
    by_epoch = {span.epoch: span for span in journal.spans()}
    span = by_epoch.get(crashed.epoch)
    if span is None:
        # The first pages are gone, and with them whose keys the records in the log need.
        assert "0 records saved" in notices[0].detail
        assert not found
        return True
    reported = count(span.lost)
    for seq in range(ACKNOWLEDGED + 1, RECORDS + 1):
        got = found.get((crashed.epoch, seq))
        if got is None:
            assert notices, f"record {seq} is missing without a word"
            # Beyond the newest number that is still known nobody can count.
            assert contains(span.lost, seq) or seq > span.head or "unreadable" in notices[0].detail
        else:
            assert got == record(seq)
    if notices:
        is_torn = notices[0].code == "journal_end_torn"
        assert is_torn or f"{reported} lost" in notices[0].detail
        assert not is_torn or span.head >= RECORDS - 1, "more than the last write is missing"
        newest = journal.spans()[-1]
        assert newest.epoch != crashed.epoch, "a damaged epoch must not go on"
        receipt = journal.append(record(1)).wait(10)
        assert receipt is not None
        assert (receipt.epoch, receipt.seq) == (newest.epoch, 1)
    else:
        receipt = journal.append(record(RECORDS + 1)).wait(10)
        assert receipt is not None
        assert (receipt.epoch, receipt.seq) == (crashed.epoch, RECORDS + 1)
    return bool(notices)


def reopen_with(crashed: Crashed, folder: Path, name: str, data: bytes) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(crashed.folder, folder)
    (folder / name).write_bytes(data)
    journal = open_at(folder)
    try:
        damaged = check(journal, crashed)
    finally:
        journal.close()
    if damaged and name != "journal.state":
        kept = [path.read_bytes() for path in folder.glob("journal.db.damaged-*")]
        torn = [path.read_bytes() for path in folder.glob("journal.torn-*")]
        assert data in kept or any(frames in data for frames in torn)
    again = open_at(folder)
    assert again.take_notices() == (), "what was saved must open as sound"
    again.close()
    return damaged


def test_a_killed_journal_opens_with_everything(crashed: Crashed, tmp_path: Path) -> None:
    for name in ("journal.db", "journal.db-wal"):
        data = (crashed.folder / name).read_bytes()
        assert not reopen_with(crashed, tmp_path / "copy", name, data)


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal"])
def test_a_flipped_bit_loses_at_most_what_it_hit(
    name: str, crashed: Crashed, tmp_path: Path
) -> None:
    chance = random.Random(name)
    data = (crashed.folder / name).read_bytes()
    used = len(data.rstrip(b"\0"))
    unnoticed = 0
    for _ in range(40):
        flipped = bytearray(data)
        flipped[chance.randrange(used)] ^= 1 << chance.randrange(8)
        unnoticed += not reopen_with(crashed, tmp_path / "copy", name, bytes(flipped))
    assert unnoticed < 40


def test_every_byte_of_the_logs_header_and_first_frame_is_guarded(
    crashed: Crashed, tmp_path: Path
) -> None:
    data = (crashed.folder / "journal.db-wal").read_bytes()
    for at in range(0, 56, 3):
        flipped = bytearray(data)
        flipped[at] ^= 0x10
        noticed = reopen_with(crashed, tmp_path / "copy", "journal.db-wal", bytes(flipped))
        assert noticed or 12 <= at < 16, f"byte {at}"


def test_the_newest_record_in_the_log_is_guarded_too(crashed: Crashed, tmp_path: Path) -> None:
    """SQLite would forget it without a word and give its number out again."""
    data = (crashed.folder / "journal.db-wal").read_bytes()
    size = 24 + PAGE_BYTES
    salts = data[16:24]
    frames = [at for at in range(32, len(data) - size, size) if data[at + 8 : at + 16] == salts]
    for offset in (0, 5, 8, 11, 12, 15, 16, 23, 24, 24 + PAGE_BYTES - 1):
        flipped = bytearray(data)
        flipped[frames[-1] + offset] ^= 1
        assert reopen_with(crashed, tmp_path / "copy", "journal.db-wal", bytes(flipped)), offset


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal"])
def test_a_truncated_file_is_noticed_at_every_length(
    name: str, crashed: Crashed, tmp_path: Path
) -> None:
    data = (crashed.folder / name).read_bytes()
    chance = random.Random(name)
    cuts = {0, 1, 16, 31, 32, 100, 4096, len(data) // 2, len(data) - PAGE_BYTES, len(data) - 1}
    for cut in sorted(cuts | {chance.randrange(len(data)) for _ in range(12)}):
        noticed = reopen_with(crashed, tmp_path / "copy", name, data[:cut])
        # A page cut off the database may be whole in the log; `check` saw that all is there.
        assert noticed or name == "journal.db", f"cut at {cut}"


@pytest.mark.parametrize("state", [b"", b"?", b"open 99999999\n", b"0pen 1048576\n"])
def test_an_unreadable_state_is_taken_for_damage(
    state: bytes, crashed: Crashed, tmp_path: Path
) -> None:
    noticed = reopen_with(crashed, tmp_path / "copy", "journal.state", state)
    assert noticed == (state != b"")


def test_a_vanished_log_is_noticed(crashed: Crashed, tmp_path: Path) -> None:
    shutil.copytree(crashed.folder, tmp_path / "copy")
    (tmp_path / "copy" / "journal.db-wal").unlink()
    journal = open_at(tmp_path / "copy")
    (notice,) = journal.take_notices()
    assert notice.code == "journal_damaged"
    assert "log is missing" in notice.detail
    journal.close()


def test_a_vanished_database_begins_a_new_epoch_and_is_told(
    crashed: Crashed, tmp_path: Path
) -> None:
    shutil.copytree(crashed.folder, tmp_path / "copy")
    (tmp_path / "copy" / "journal.db").unlink()
    journal = open_at(tmp_path / "copy")
    assert "journal_missing" in {notice.code for notice in journal.take_notices()}
    assert journal.spans()[-1].epoch != crashed.epoch
    fill(journal, 1, 1)
    journal.close()


def test_saving_that_is_killed_at_any_file_operation_is_taken_up_again(
    crashed: Crashed, tmp_path: Path
) -> None:
    data = bytearray((crashed.folder / "journal.db").read_bytes())
    data[PAGE_BYTES * 3 : PAGE_BYTES * 4] = os.urandom(PAGE_BYTES)
    script = """
import os, sys
from pathlib import Path
left = int(sys.argv[2])
def counted(real):
    def call(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return real(*args, **kwargs)
    return call
for name in ("link", "unlink", "replace", "fsync"):
    setattr(os, name, counted(getattr(os, name)))
from tests.adapters.journal_case import open_at
open_at(Path(sys.argv[1])).close()
"""
    for steps in range(0, 80, 3):
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(crashed.folder, folder)
        (folder / "journal.db").write_bytes(bytes(data))
        command = [sys.executable, "-c", script, str(folder), str(steps)]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        journal = open_at(folder)
        assert len([1 for _, seq in pending(journal) if seq > ACKNOWLEDGED]) >= RECORDS - 80
        journal.close()
        if status == 0:
            break
    else:
        pytest.fail("the script never came to its end")
    assert steps > 10


def confirmed_by_killed_writer(folder: Path, lines: int) -> list[tuple[Epoch, int, int]]:
    """Runs a process that appends and prints what was confirmed, and kills it."""
    script = """
import sys
from pathlib import Path
from tests.adapters.journal_case import open_at, record
journal = open_at(Path(sys.argv[1]))
for n in range(1, 100000):
    tickets = [journal.append(record(n * 10 + k)) for k in range(1 + n % 3)]
    for k, ticket in enumerate(tickets):
        receipt = ticket.wait(30)
        print(receipt.epoch, receipt.seq, n * 10 + k, flush=True)
"""
    command = [sys.executable, "-c", script, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
    whole = [line.split() for line in told if line.endswith("\n")]
    return [(Epoch(int(epoch)), int(seq), int(n)) for epoch, seq, n in whole]


def test_every_confirmed_record_survives_kill_9_again_and_again(tmp_path: Path) -> None:
    confirmed: dict[tuple[Epoch, int], int] = {}
    for turn in range(8):
        for epoch, seq, n in confirmed_by_killed_writer(tmp_path, 5 + turn * 120):
            assert (epoch, seq) not in confirmed, "a number was given out twice"
            confirmed[epoch, seq] = n
        assert not list(tmp_path.glob("*damaged*"))
    journal = open_at(tmp_path)
    assert {notice.code for notice in journal.take_notices()} <= {"journal_end_torn"}
    found: dict[tuple[Epoch, int], Record] = pending(journal)
    for number, n in confirmed.items():
        assert found[number] == record(n)
    journal.close()
