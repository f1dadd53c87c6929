"""The journal on a disk of its own: full, read-only, gone. Needs root for a loop device."""

import os
import shutil
from collections.abc import Iterator
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
from tests.fakes.loop_disk import Disk, loop_disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with loop_disk(tmp_path) as made:
        yield made


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
        disk.break_down()
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
