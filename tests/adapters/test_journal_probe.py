"""The journal is asked whether it writes: on the disk, without a record, in every state."""

import os
import threading
from pathlib import Path

import pytest

from doorward_edge.adapters.journal_sqlite.store import Store
from doorward_edge.ports import JournalError, JournalUnavailableError
from tests.adapters.journal_case import fill, open_at


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def test_a_probe_changes_what_lies_on_the_disk_and_records_nothing(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    fill(journal, 1, 3)
    before, spans = written(tmp_path), journal.spans()
    journal.probe()
    assert written(tmp_path) != before
    assert journal.spans() == spans
    journal.close()


def test_a_probe_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = open_at(tmp_path)
    held, began = threading.Event(), threading.Event()
    probe = Store.probe

    def slow(store: Store) -> None:
        began.set()
        held.wait(30)
        probe(store)

    monkeypatch.setattr(Store, "probe", slow)
    waiting = threading.Thread(target=journal.probe)
    waiting.start()
    assert began.wait(30)
    assert waiting.is_alive()
    held.set()
    waiting.join(30)
    assert not waiting.is_alive()
    journal.close()


def test_thousands_of_probes_take_no_room(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    before = sum(path.stat().st_size for path in tmp_path.iterdir())
    for _ in range(2_000):
        journal.probe()
    after = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert after - before < 512 * 1024
    fill(journal, 1, 2)
    journal.close()
    again = open_at(tmp_path)
    assert sum(last for _, last in again.spans()[-1].pending) == 2
    again.close()


def test_a_closed_journal_does_not_write(tmp_path: Path) -> None:
    journal = open_at(tmp_path)
    journal.close()
    with pytest.raises(JournalUnavailableError):
        journal.probe()


def test_a_probe_that_the_disk_refuses_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_at(tmp_path)

    def refused(_store: Store) -> None:
        raise JournalUnavailableError(f"{os.strerror(30)}")

    monkeypatch.setattr(Store, "probe", refused)
    with pytest.raises(JournalError, match="Read-only"):
        journal.probe()
    monkeypatch.undo()
    journal.probe()
    journal.close()
