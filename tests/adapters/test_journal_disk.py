"""The journal on a disk of its own: full, read-only, gone. Needs root for a loop device."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from doorward_edge.adapters.documents_tinydb import TinyDocuments
from doorward_edge.ports import (
    DocumentsError,
    JournalError,
    JournalFullError,
    JournalUnavailableError,
)
from tests.adapters.journal_case import CAPACITY, fill, open_at, pending, record

DISK_BYTES = 24 * 1024 * 1024


@dataclass(frozen=True)
class Disk:
    """A mounted ext4 of 24 MiB."""

    folder: Path
    device: str

    def remount(self, mode: str) -> None:
        run("mount", "-o", f"remount,{mode}", str(self.folder))

    def fill_up(self) -> Path:
        """Writes a file until nothing fits any more."""
        ballast = self.folder / "ballast"
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue
        return ballast

    def written_bytes(self) -> int:
        """Bytes that reached the device."""
        stat = Path(f"/sys/block/{Path(self.device).name}/stat").read_text().split()
        return int(stat[6]) * 512

    def flushes(self) -> int:
        """Flushes that the device was asked for."""
        stat = Path(f"/sys/block/{Path(self.device).name}/stat").read_text().split()
        return int(stat[15])


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.returncode, f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0 or not (shutil.which("losetup") and shutil.which("mkfs.ext4")):
        pytest.skip("a loop device needs root, losetup and mkfs.ext4")
    image, folder = tmp_path / "disk.img", tmp_path / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    try:
        run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
        device = run("losetup", "--find", "--show", str(image))
    except OSError as err:
        pytest.skip(f"no loop device here: {err}")
    try:
        run("mount", device, str(folder))
    except OSError as err:
        run("losetup", "-d", device)
        pytest.skip(f"no mount here: {err}")
    yield Disk(folder, device)
    run("umount", "-l", str(folder))
    run("losetup", "-d", device)


def test_a_disk_that_others_fill_up_does_not_take_the_journals_room(disk: Disk) -> None:
    journal = open_at(disk.folder / "journal")
    fill(journal, 1, 10)
    disk.fill_up()
    tickets = [journal.append(record(n, "x" * 400)) for n in range(8000)]
    assert all(ticket.wait(60) for ticket in tickets), "the room was reserved"
    assert len(pending(journal)) == 8010
    assert journal.use().used_bytes > 4 * 1024 * 1024
    journal.close()


def test_a_full_disk_fails_appends_with_a_reason_and_loses_nothing(disk: Disk) -> None:
    disk_journal = disk.folder / "journal"
    journal = open_at(disk_journal, 200 * 1024 * 1024)  # more than there is: nothing is reserved
    assert "journal_not_reserved" in {notice.code for notice in journal.take_notices()}
    ballast = disk.fill_up()
    confirmed, refused = 0, 0
    for base in range(0, 20_000, 50):
        for ticket in [journal.append(record(base + n, "x" * 400)) for n in range(50)]:
            try:
                assert ticket.wait(60)
                confirmed += 1
            except JournalFullError:
                refused += 1
        if refused:
            break
    assert refused
    assert len(pending(journal)) == confirmed
    ballast.unlink()
    fill(journal, 1, 100)
    assert len(pending(journal)) == confirmed + 100
    journal.close()
    journal = open_at(disk_journal, 200 * 1024 * 1024)
    assert "journal_damaged" not in {notice.code for notice in journal.take_notices()}
    assert len(pending(journal)) == confirmed + 100
    journal.close()


def test_a_journal_on_a_read_only_disk_is_refused_with_a_reason(disk: Disk) -> None:
    folder = disk.folder / "journal"
    journal = open_at(folder)
    fill(journal, 1, 10)
    journal.close()
    disk.remount("ro")
    with pytest.raises(JournalUnavailableError, match="Read-only file system"):
        open_at(folder)
    with pytest.raises(DocumentsError):
        TinyDocuments.open(disk.folder / "documents", bytes(32))
    disk.remount("rw")
    journal = open_at(folder)
    assert len(pending(journal)) == 10
    journal.close()


def test_a_disk_that_turns_read_only_fails_appends_and_loses_nothing(
    disk: Disk, tmp_path: Path
) -> None:
    folder = disk.folder / "journal"
    journal = open_at(folder)
    fill(journal, 1, 10)
    try:
        # What the kernel does with a card that has errors, whatever is open on it.
        disk.remount("errors=remount-ro")
        trigger = Path(f"/sys/fs/ext4/{Path(disk.device).name}/trigger_fs_error")
        trigger.write_text("1")
    except OSError as err:
        journal.close()
        pytest.skip(f"no file system error can be raised here: {err}")
    with pytest.raises(JournalError):
        journal.append(record(11)).wait(30)
    with pytest.raises(JournalError):
        journal.close()
    left = tmp_path / "left"
    shutil.copytree(folder, left)  # what the next boot finds
    journal = open_at(left)
    assert len(pending(journal)) >= 10
    fill(journal, 12, 5)
    journal.close()


def test_a_record_wears_the_card_little_however_long_the_journal(disk: Disk) -> None:
    journal = open_at(disk.folder / "journal", CAPACITY)
    figures = []
    for length in (0, 15_000):
        fill(journal, 0, length)
        os.sync()
        written, flushes = disk.written_bytes(), disk.flushes()
        for n in range(600):
            assert journal.append(record(n, "x" * 60)).wait(30)
        figures.append(((disk.written_bytes() - written) / 600, (disk.flushes() - flushes) / 600))
    journal.close()
    (empty_bytes, empty_flushes), (long_bytes, long_flushes) = figures
    assert empty_bytes <= 12_000
    assert long_bytes <= 12_000
    assert long_bytes <= 1.5 * empty_bytes
    assert empty_flushes <= 1.5
    assert long_flushes <= 1.5
