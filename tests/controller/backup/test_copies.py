"""Copies by the real restic, of both databases: made, rehearsed, damaged, and brought back."""

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_controller import wiring
from doorward_controller.backup import places, rehearsing, restoring, snapshot
from doorward_controller.backup.database import copy_database
from doorward_controller.backup.restoring import Wanted
from doorward_controller.errors import BackupError
from doorward_controller.services import backups, erasures, holders
from doorward_controller.services.backend import Backend
from doorward_controller.services.holders import HolderFields
from doorward_controller.services.key_vault import WRAPPING_KEY_FILE
from doorward_controller.store import backups as rows
from doorward_controller.store.backups import Run
from doorward_controller.store.schema import audit_log, records
from tests.controller.backup.conftest import RECORDS, take_in
from tests.controller.conftest import ISSUER, StandingClock
from tests.controller.test_audit_edits import drop_triggers
from tests.fakes.controller_link import FakeLink
from tests.fakes.journal_gateway import JournalGateway

Runs = Callable[[], tuple[Run, ...]]


ON_SQLITE = pytest.mark.parametrize("site_url", ["sqlite"], indirect=True)
"""For what does not depend on the database."""


def quiet(_what: str) -> None:
    """Nobody looks."""


def stored(backend: Backend) -> list[int]:
    with backend.store.read() as connection:
        return list(connection.execute(sa.select(records.c.seq).order_by(records.c.seq)).scalars())


def rehearse(backend: Backend, place: str = "near") -> str:
    """Returns what was wrong, or nothing."""
    made = rehearsing.rehearse(backend, places.place_of(backend.config, place), quiet)
    assert made.held is not bool(made.problem)
    return made.problem


def damage(folder: Path) -> int:
    """Flips a bit in the middle of every pack of a repository; returns how many there are."""
    packs = [path for path in (folder / "data").rglob("*") if path.is_file()]
    for path in packs:
        path.chmod(0o600)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    return len(packs)


def test_a_copy_goes_to_both_places_and_holds_in_a_rehearsal(
    kept: Backend, gateway: JournalGateway, run: Runs
) -> None:
    made = run()
    assert [(each.place, each.is_good, each.problem) for each in made] == [
        ("near", True, ""),
        ("far", True, ""),
    ]
    assert not snapshot.staging(kept.config).exists(), "nothing readable is left lying about"
    assert rehearse(kept) == ""
    with kept.store.read() as connection:
        (held,) = rows.rehearsals(connection, limit=5)
    assert held.held
    assert held.records_of == RECORDS
    assert held.records_compared >= RECORDS // 10
    assert held.rows >= RECORDS
    assert held.audit_entries > 0


@ON_SQLITE
def test_the_key_is_in_no_copy(
    kept: Backend, gateway: JournalGateway, run: Runs, tmp_path: Path
) -> None:
    run()
    fetched = restoring.fetch(
        kept.config, Wanted(targets=kept.config.backup.target), tmp_path / "here", quiet
    )
    names = {path.name for path in fetched.folder.rglob("*")}
    assert "issue.key" in names
    assert WRAPPING_KEY_FILE not in names
    key = (kept.config.data_dir / "keys" / WRAPPING_KEY_FILE).read_bytes()
    assert not any(key in path.read_bytes() for path in fetched.folder.rglob("*") if path.is_file())


@ON_SQLITE
def test_what_one_place_refuses_the_other_one_still_gets(
    kept: Backend, gateway: JournalGateway, run: Runs, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "near")
    (tmp_path / "near").write_text("a file where a folder should be")
    near, far = run()
    assert (near.is_good, far.is_good) == (False, True)
    assert "near" in near.problem
    assert [each.standing for each in backups.overview(kept).places] == ["never", "good"]


@ON_SQLITE
def test_a_place_without_a_young_copy_raises_an_alert_that_a_copy_ends(
    kept: Backend, gateway: JournalGateway, run: Runs, clock: StandingClock
) -> None:
    assert backups.look(kept) == 2, "both places have none"
    assert backups.look(kept) == 0, "told once"
    run()
    assert backups.look(kept) == 2
    clock.pass_s(27 * 3600)
    assert backups.look(kept) == 2


@ON_SQLITE
def test_a_damaged_chunk_is_found_and_the_other_place_restores(
    kept: Backend, gateway: JournalGateway, run: Runs, tmp_path: Path
) -> None:
    run()
    assert damage(tmp_path / "far")
    with pytest.raises(BackupError):
        places.repository_of(kept.config, places.place_of(kept.config, "far")).check(1.0)
    assert rehearse(kept, "far")
    assert rehearse(kept, "near") == ""
    fetched = restoring.fetch(
        kept.config, Wanted(targets=kept.config.backup.target), tmp_path / "here", quiet
    )
    assert fetched.copy.target.name == "near"
    assert "far" in "".join(fetched.passed_by)


@ON_SQLITE
def test_with_every_copy_damaged_each_is_named_and_nothing_is_changed(
    kept: Backend, gateway: JournalGateway, run: Runs, tmp_path: Path
) -> None:
    run()
    damage(tmp_path / "far")
    damage(tmp_path / "near")
    with pytest.raises(BackupError, match=r"nothing could be restored: .*near.*") as caught:
        restoring.fetch(
            kept.config, Wanted(targets=kept.config.backup.target), tmp_path / "here", quiet
        )
    assert "far" in caught.value.message
    assert stored(kept) == list(range(1, RECORDS + 1))


@ON_SQLITE
def test_a_record_that_was_changed_after_the_copy_shows_in_the_rehearsal(
    kept: Backend, gateway: JournalGateway, run: Runs
) -> None:
    run()
    with kept.store.write() as connection:
        connection.execute(sa.update(records).values(chain=bytes(32)))
    assert "is another one in the copy" in rehearse(kept)


@ON_SQLITE
def test_an_audit_log_that_was_edited_before_the_copy_shows_in_the_rehearsal(
    kept: Backend, gateway: JournalGateway, run: Runs
) -> None:
    with kept.store.write() as connection:
        drop_triggers(connection)
        first = sa.select(sa.func.min(audit_log.c.id)).scalar_subquery()
        connection.execute(
            sa.update(audit_log).where(audit_log.c.id == first).values(actor="somebody else")
        )
    run()
    assert "the audit log in the copy" in rehearse(kept)


@ON_SQLITE
def test_another_key_opens_nothing_and_says_so(
    kept: Backend, gateway: JournalGateway, run: Runs
) -> None:
    run()
    path = kept.config.data_dir / "keys" / WRAPPING_KEY_FILE
    path.write_bytes(bytes(32))
    assert "wrong password" in rehearse(kept)
    path.unlink()
    assert "recovery join" in rehearse(kept)


def test_after_a_restore_everything_is_as_it_was_and_the_old_is_kept(
    kept: Backend,
    gateway: JournalGateway,
    run: Runs,
    link: FakeLink,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    run()
    gateway.append_scans(5)
    take_in(kept, link, gateway, RECORDS + 1, RECORDS + 5)
    assert len(stored(kept)) == RECORDS + 5
    config = kept.config
    if not kept.store.is_sqlite:
        empty = request.getfixturevalue("postgres").make_database("template0")
        url = request.getfixturevalue("postgres").url(empty)
        config = config.model_copy(update={"database": type(config.database)(url=url)})
    fetched = restoring.fetch(
        config, Wanted(targets=config.backup.target), tmp_path / "here", quiet
    )
    kept.store.close()
    aside = restoring.put_in_place(config, fetched, kept.clock.now().utc_s)
    again = wiring.open_backend(config, clock=kept.clock, publisher=link)
    assert stored(again) == list(range(1, RECORDS + 1))
    assert aside is not None
    assert (aside / "keys" / "issue.key").exists()
    if kept.store.is_sqlite:
        assert (aside / "controller.sqlite3").exists()
    # The gateway is asked for what is lacking, and brings it: nothing twice.
    take_in(again, link, gateway, RECORDS - 4, RECORDS + 5)
    assert stored(again) == list(range(1, RECORDS + 6))
    again.store.close()


@pytest.mark.parametrize("site_url", ["postgresql"], indirect=True)
def test_a_database_in_use_is_never_filled_over(
    kept: Backend, gateway: JournalGateway, run: Runs, tmp_path: Path
) -> None:
    run()
    fetched = restoring.fetch(
        kept.config, Wanted(targets=kept.config.backup.target), tmp_path / "here", quiet
    )
    with pytest.raises(BackupError, match="is not empty"):
        restoring.put_in_place(kept.config, fetched, 0)
    assert len(stored(kept)) == RECORDS


@ON_SQLITE
def test_whoever_was_erased_after_the_copy_stays_erased(
    kept: Backend, gateway: JournalGateway, run: Runs, link: FakeLink, tmp_path: Path
) -> None:
    gone = holders.add_holder(kept, ISSUER, HolderFields(name="Zhang Wei"))
    stays = holders.add_holder(kept, ISSUER, HolderFields(name="Li Na"))
    run()
    holders.erase_holder(kept, ISSUER, gone, "asked for it")
    assert gone in erasures.read(erasures.file_of(kept.config).read_bytes())
    fetched = restoring.fetch(
        kept.config, Wanted(targets=kept.config.backup.target), tmp_path / "here", quiet
    )
    kept.store.close()
    restoring.put_in_place(kept.config, fetched, kept.clock.now().utc_s)
    again = wiring.open_backend(kept.config, clock=kept.clock, publisher=link)
    read = holders.read_holders(again, ISSUER, [gone, stays])
    assert read[gone] is not None, "the copy knew him"
    erased = backups.note_restored(again, place="near", snapshot="x", erased=fetched.erased)
    assert erased == 1
    read = holders.read_holders(again, ISSUER, [gone, stays])
    assert read[gone] is None
    assert read[stays] is not None
    again.store.close()


def test_a_copy_of_sqlite_is_of_one_moment_while_others_write(tmp_path: Path) -> None:
    path = tmp_path / "busy.sqlite3"
    stop = threading.Event()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE a (n INTEGER PRIMARY KEY, filler BLOB)")
        db.execute("CREATE TABLE b (n INTEGER PRIMARY KEY)")
        db.executemany("INSERT INTO a VALUES (?, ?)", ((n, bytes(2000)) for n in range(9_000)))
        db.execute("INSERT INTO b SELECT n FROM a")

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as db:
            number = 9_000
            while not stop.is_set():
                db.execute("BEGIN IMMEDIATE")
                db.execute("INSERT INTO a VALUES (?, ?)", (number, bytes(2000)))
                db.execute("INSERT INTO b VALUES (?)", (number,))
                db.execute("COMMIT")
                number += 1

    writer = threading.Thread(target=write)
    writer.start()
    told: list[int] = []
    try:
        copy_database(f"sqlite:///{path}", tmp_path, lambda done, _of: told.append(done))
    finally:
        stop.set()
        writer.join()
    with closing(sqlite3.connect(tmp_path / "database.sqlite3")) as copy:
        (a,) = copy.execute("SELECT count(*) FROM a").fetchone()
        (b,) = copy.execute("SELECT count(*) FROM b").fetchone()
    with closing(sqlite3.connect(path)) as db:
        (later,) = db.execute("SELECT count(*) FROM a").fetchone()
    assert a == b, "both tables are of the same moment"
    assert a < later, "others wrote meanwhile, and did not wait"
    assert len(told) > 1
    assert told == sorted(told), "it never began again"
