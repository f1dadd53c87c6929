"""The simulated disk keeps what a disk promises, and nothing more; SQLite works on it as on one."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from doorward_edge.disk import POSIX, Disk, replace
from tests.simulation.disk import VFS_NAME, PowerCutError, SimulatedDisk
from tests.simulation.vfs import simulated_vfs

# Who is killed closes nothing; newer interpreters complain of each database that was left open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")


@pytest.fixture
def disk() -> Iterator[SimulatedDisk]:
    disks = simulated_vfs().disks
    disks["bench"] = SimulatedDisk("bench")
    yield disks["bench"]
    disks["bench"].end_life()


@pytest.fixture(params=["simulated", "real"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Disk, Path]:
    """Both disks behind the port, and a folder on each."""
    if request.param == "real":
        return POSIX, tmp_path
    simulated = SimulatedDisk("contract")
    return simulated, simulated.root


def test_files_come_and_go(either: tuple[Disk, Path]) -> None:
    disk, folder = either
    disk.make_folder(folder / "sub", 0o700)
    path = folder / "sub" / "one"
    assert not disk.exists(path)
    with pytest.raises(FileNotFoundError):
        disk.read(path)
    disk.write(path, b"first words")
    disk.overwrite(path, b"other")
    assert (disk.read(path), disk.size(path)) == (b"other words", 11)
    assert bytes(disk.map(path)) == b"other words"
    disk.link(path, path.with_name("two"))
    with pytest.raises(FileExistsError):
        disk.link(path, path.with_name("two"))
    disk.rename(path, path.with_name("three"))
    assert disk.names(folder / "sub") == ("three", "two")
    disk.remove(path)
    disk.remove(path.with_name("two"))
    assert disk.names(folder / "sub") == ("three",)
    disk.sync_folder(folder / "sub")


def test_what_is_appended_is_behind_what_was_there(either: tuple[Disk, Path]) -> None:
    disk, folder = either
    disk.make_folder(folder, 0o700)
    path = folder / "log"
    disk.append(path, b"one ", flush=False)
    disk.append(path, b"two", flush=True)
    disk.append(path, b"", flush=True)
    assert disk.read(path) == b"one two"


def test_a_view_stays_as_it_was_when_the_file_is_replaced(either: tuple[Disk, Path]) -> None:
    disk, folder = either
    disk.make_folder(folder, 0o700)
    path = folder / "rules"
    replace(disk, path, b"old")
    view = disk.map(path)
    replace(disk, path, b"new")
    assert (bytes(view), disk.read(path)) == (b"old", b"new")
    assert disk.names(folder) == ("rules",)


def test_room_is_reserved_and_given_back(either: tuple[Disk, Path]) -> None:
    disk, folder = either
    disk.make_folder(folder, 0o700)
    disk.reserve(folder / "reserve", 8192)
    assert disk.size(folder / "reserve") == 8192
    disk.reserve(folder / "reserve", 4096)
    assert disk.size(folder / "reserve") == 4096


def test_a_lock_is_held_by_one(either: tuple[Disk, Path]) -> None:
    disk, folder = either
    disk.make_folder(folder, 0o700)
    unlock = disk.lock(folder / "lock")
    with pytest.raises(BlockingIOError):
        disk.lock(folder / "lock")
    unlock()
    disk.lock(folder / "lock")()


def test_a_replaced_file_is_the_old_or_the_new_at_whatever_step_the_power_goes(
    disk: SimulatedDisk,
) -> None:
    found = set()
    for seed in range(60):
        luck = Random(seed)
        path = disk.root / "policy" / f"rules-{seed}"
        replace(disk, path, b"old" * 1000)
        disk.fail_in = luck.randrange(1, 9)
        try:
            replace(disk, path, b"new" * 1000)
            told = True
        except PowerCutError:
            told = False
        disk.lose_power(luck)
        disk.revive()
        content = disk.read(path)
        assert content in {b"old" * 1000, b"new" * 1000}
        assert content == b"new" * 1000 or not told
        found.add((content[:3], told))
    assert found == {(b"old", False), (b"new", False), (b"new", True)}


def test_what_was_not_flushed_may_be_gone_torn_or_out_of_order(disk: SimulatedDisk) -> None:
    outcomes = set()
    for seed in range(80):
        inode = disk.make(f"/sim/bench/loose/{seed}")
        disk.flush_names("/sim/bench/loose")
        for part in range(3):
            disk.write_at(inode, part * 512, bytes([65 + part]) * 512)
        disk.lose_power(Random(seed))
        disk.revive()
        outcomes.add(bytes(inode.seen[::512]))
    assert {b"", b"A", b"ABC"} <= outcomes
    assert any(b"C" in each and b"B" not in each for each in outcomes)


def connect(disk: SimulatedDisk) -> sqlite3.Connection:
    uri = f"file:{disk.root}/db/test.sqlite3?vfs={VFS_NAME}"
    db = sqlite3.connect(uri, uri=True, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    return db


def test_a_commit_of_sqlite_survives_power_cuts_at_every_step(disk: SimulatedDisk) -> None:
    db = connect(disk)
    db.execute("CREATE TABLE kept (n INTEGER PRIMARY KEY, filler TEXT)")
    committed = 0
    for seed in range(120):
        luck = Random(seed)
        disk.fail_in = luck.randrange(1, 12)
        try:
            for _ in range(3):
                db.execute("INSERT INTO kept VALUES (?, ?)", (committed + 1, "x" * 900))
                committed += 1
            db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.OperationalError:
            assert disk.is_down
        disk.lose_power(luck)
        db.close()
        disk.revive()
        db = connect(disk)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (rows,) = db.execute("SELECT count(*) FROM kept").fetchone()
        # The commit during which the power went may have come through or not.
        assert rows in {committed, committed + 1}
        committed = rows
    assert committed > 50
    db.close()


def test_sqlite_without_flushing_loses_commits_on_this_disk(disk: SimulatedDisk) -> None:
    lost = 0
    for seed in range(20):
        db = connect(disk)
        db.execute("CREATE TABLE kept (n INTEGER)")
        db.execute("PRAGMA synchronous=OFF")
        db.execute("INSERT INTO kept VALUES (1)")
        disk.lose_power(Random(seed))
        db.close()
        disk.revive()
        db = connect(disk)
        lost += db.execute("SELECT 1 FROM kept").fetchone() is None
        db.close()
        disk.put_back(disk.root / "db", {})
    assert 5 < lost < 20


def test_two_connections_see_each_others_commits_and_exclude_each_others_writes(
    disk: SimulatedDisk,
) -> None:
    one, other = connect(disk), connect(disk)
    other.execute("PRAGMA busy_timeout=0")
    one.execute("CREATE TABLE kept (n INTEGER)")
    one.execute("BEGIN IMMEDIATE")
    one.execute("INSERT INTO kept VALUES (1)")
    assert other.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("INSERT INTO kept VALUES (2)")
    one.execute("COMMIT")
    assert other.execute("SELECT count(*) FROM kept").fetchone() == (1,)
    one.close()
    other.close()


def test_a_full_disk_and_a_broken_one_say_so(disk: SimulatedDisk) -> None:
    db = connect(disk)
    db.execute("CREATE TABLE kept (filler TEXT)")
    disk.ballast = disk.free_bytes()
    with pytest.raises(sqlite3.OperationalError, match="full"):
        db.execute("INSERT INTO kept VALUES (?)", ("x" * 20_000,))
    disk.ballast = 0
    disk.errors = 1
    with pytest.raises(sqlite3.OperationalError, match="I/O error"):
        db.execute("INSERT INTO kept VALUES ('y')")
    db.execute("INSERT INTO kept VALUES ('z')")
    assert db.execute("SELECT filler FROM kept").fetchall() == [("z",)]
    db.close()
