"""Checkpoints of SQLite: they wait for no writer, no writer for them, and the log begins again."""

import shutil
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_controller.errors import StoreUnavailableError
from doorward_controller.store import session
from doorward_controller.store.checkpoints import Checkpoints
from doorward_controller.store.session import Store

DEADLINE_S = 10.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.sqlite3"


def open_notes(path: Path) -> Store:
    store = Store(f"sqlite:///{path}")
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS notes (body BLOB)")
    return store


def write(store: Store, notes: int = 1) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO notes VALUES (?)", [(bytes(4000),)] * notes)


def notes_without_log(path: Path) -> int:
    """How many notes the database file alone has, as a copy without its log would."""
    copy = path.with_name("copy.sqlite3")
    shutil.copyfile(path, copy)
    engine = sa.create_engine(f"sqlite:///{copy}")
    with engine.connect() as connection:
        found = int(connection.scalar(sa.text("SELECT count(*) FROM notes")) or 0)
    engine.dispose()
    return found


def test_what_was_committed_moves_into_the_database_file(path: Path) -> None:
    store = open_notes(path)
    store.checkpoint()
    write(store)
    assert notes_without_log(path) == 0
    store.checkpoint()
    assert notes_without_log(path) == 1
    store.close()


def test_a_checkpoint_does_not_wait_for_an_open_transaction(path: Path) -> None:
    store = open_notes(path)
    with store.write() as connection:
        connection.exec_driver_sql("INSERT INTO notes VALUES (x'00')")
        store.checkpoint()
    store.checkpoint()
    assert notes_without_log(path) == 1
    store.close()


def test_a_long_log_begins_again_though_writers_never_rest(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_LONG_LOG_PAGES", 100)
    store = open_notes(path)
    checkpoints = Checkpoints(store, interval_s=0.001)
    checkpoints.start()
    written = 4_000
    for _ in range(written // 4):
        write(store, notes=4)
    checkpoints.stop()
    log_bytes = path.with_name(f"{path.name}-wal").stat().st_size
    assert log_bytes < written * 4096 / 2
    store.close()


def test_the_thread_goes_on_after_a_disk_that_refused() -> None:
    twice = threading.Event()

    class Refusing(Store):
        asked = 0

        def checkpoint(self) -> None:
            self.asked += 1
            if self.asked == 1:
                raise StoreUnavailableError("disk full")
            twice.set()

    checkpoints = Checkpoints(Refusing("sqlite://"), interval_s=0.001)
    checkpoints.start()
    assert twice.wait(DEADLINE_S)
    checkpoints.stop()
