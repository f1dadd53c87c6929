"""The gateway's documents on real files: sealed, replaced whole, floors that never sink."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from doorward.messages import Applied
from doorward.times import UtcSeconds
from doorward_edge.adapters.documents_tinydb import TinyDocuments
from doorward_edge.adapters.documents_tinydb.documents import MAINTENANCE_ENTRIES
from doorward_edge.ports import DocumentsDamagedError, DocumentsError, MaintenanceEntry

ROOT = Path(__file__).resolve().parents[2]
KEY = bytes(range(32))
AT = UtcSeconds(1_760_000_000)
FILES = ("documents.sealed", "floors.sealed", "documents.sealed.previous", "floors.sealed.previous")


def entry(n: int) -> MaintenanceEntry:
    return MaintenanceEntry(at=UtcSeconds(AT + n), what="lens cleaned", who="17", detail=f"{n}")


def test_everything_is_there_again_after_a_restart(tmp_path: Path) -> None:
    documents = TinyDocuments.open(tmp_path, KEY)
    assert (documents.identity(), documents.applied(), documents.floors()) == (
        {},
        Applied(),
        Applied(),
    )
    documents.set_identity({"gateway": "gate-1", "site": "plant"})
    documents.set_identity({"gateway": "gate-2"})
    documents.set_applied(Applied(bundle=4, status=7))
    documents.add_maintenance(entry(1))
    documents.add_maintenance(entry(2))
    documents = TinyDocuments.open(tmp_path, KEY)
    assert documents.identity() == {"gateway": "gate-2"}
    assert documents.applied() == documents.floors() == Applied(bundle=4, status=7)
    assert documents.maintenance() == (entry(1), entry(2))
    assert documents.take_notices() == ()


def test_floors_never_sink(tmp_path: Path) -> None:
    documents = TinyDocuments.open(tmp_path, KEY)
    documents.raise_floors(Applied(bundle=9, status=2, keyring=1))
    documents.raise_floors(Applied(bundle=3, status=5))
    assert documents.floors() == Applied(bundle=9, status=5, keyring=1)
    documents.set_applied(Applied(bundle=1))
    assert documents.applied() == Applied(bundle=1)
    assert TinyDocuments.open(tmp_path, KEY).floors() == Applied(bundle=9, status=5, keyring=1)


def test_what_is_noted_under_a_name_outlives_a_restart_and_is_replaced_whole(
    tmp_path: Path,
) -> None:
    documents = TinyDocuments.open(tmp_path, KEY)
    assert documents.notes("commands") == {}
    documents.set_notes("commands", {"floor": 7, "entries": [["open-1", True]]})
    documents.set_notes("postures", {"north": "closed"})
    documents.set_notes("commands", {"floor": 9})
    documents = TinyDocuments.open(tmp_path, KEY)
    assert documents.notes("commands") == {"floor": 9}
    assert documents.notes("postures") == {"north": "closed"}


def test_the_maintenance_journal_keeps_the_newest(tmp_path: Path) -> None:
    documents = TinyDocuments.open(tmp_path, KEY)
    for n in range(MAINTENANCE_ENTRIES + 3):
        documents.add_maintenance(entry(n))
    kept = documents.maintenance()
    assert (len(kept), kept[0], kept[-1]) == (
        MAINTENANCE_ENTRIES,
        entry(3),
        entry(MAINTENANCE_ENTRIES + 2),
    )


def test_nothing_readable_lies_on_the_card(tmp_path: Path) -> None:
    documents = TinyDocuments.open(tmp_path, KEY)
    documents.set_identity({"gateway": "must-not-be-found"})
    assert b"must-not" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


@pytest.fixture
def used(tmp_path: Path) -> Path:
    documents = TinyDocuments.open(tmp_path / "used", KEY)
    documents.set_identity({"gateway": "gate-1"})
    documents.set_applied(Applied(bundle=8, status=70, keyring=2, config=1))
    documents.set_identity({"gateway": "gate-2"})
    return tmp_path / "used"


FLOORS = Applied(bundle=8, status=70, keyring=2, config=1)


def test_every_flipped_bit_of_the_current_file_is_noticed_and_the_previous_is_used(
    used: Path, tmp_path: Path
) -> None:
    data = (used / "documents.sealed").read_bytes()
    for bit in range(0, len(data) * 8, 7):
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(used, folder)
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        (folder / "documents.sealed").write_bytes(flipped)
        documents = TinyDocuments.open(folder, KEY)
        assert documents.identity() == {"gateway": "gate-1"}
        assert documents.floors() == FLOORS
        (notice,) = documents.take_notices()
        assert notice.code == "documents_damaged"
        assert (folder / "documents.sealed.damaged-1").read_bytes() == bytes(flipped)


@pytest.mark.parametrize("cut", [0, 3, 4, 16, 31, -1])
@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_never_lowers_a_floor(name: str, cut: int, used: Path) -> None:
    data = (used / name).read_bytes()
    (used / name).write_bytes(data[:cut])
    assert TinyDocuments.open(used, KEY).floors() == FLOORS
    again = TinyDocuments.open(used, KEY)
    assert again.floors() == FLOORS
    assert again.take_notices() == () or name.endswith("previous")


@pytest.mark.parametrize("lost", ["documents", "floors"])
def test_with_both_generations_of_one_file_lost_the_floors_come_from_the_other(
    lost: str, used: Path
) -> None:
    for path in used.glob(f"{lost}.sealed*"):
        path.write_bytes(b"nonsense")
    documents = TinyDocuments.open(used, KEY)
    assert documents.floors() == FLOORS
    (notice,) = documents.take_notices()
    assert notice.code == "documents_lost"
    assert documents.identity() == ({} if lost == "documents" else {"gateway": "gate-2"})


def test_with_every_floor_lost_nothing_is_opened_now_or_later(used: Path) -> None:
    for path in used.iterdir():
        path.write_bytes(b"nonsense")
    for _ in range(2):
        with pytest.raises(DocumentsDamagedError, match="enrol it again"):
            TinyDocuments.open(used, KEY)


def test_with_another_key_nothing_is_opened(used: Path) -> None:
    with pytest.raises(DocumentsDamagedError, match="with this key"):
        TinyDocuments.open(used, bytes(32))
    with pytest.raises(DocumentsError, match="31 bytes"):
        TinyDocuments.open(used, bytes(31))


def test_a_write_that_fails_leaves_the_old_state(used: Path) -> None:
    documents = TinyDocuments.open(used, KEY)
    (used / "documents.sealed.tmp").mkdir()
    with pytest.raises(DocumentsError, match="cannot be written"):
        documents.set_identity({"gateway": "gate-3"})
    assert documents.identity() == {"gateway": "gate-2"}
    (used / "documents.sealed.tmp").rmdir()
    documents.set_identity({"gateway": "gate-4"})
    assert TinyDocuments.open(used, KEY).identity() == {"gateway": "gate-4"}


def test_a_write_that_is_killed_at_any_step_leaves_old_or_new(used: Path, tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from doorward_edge.adapters.documents_tinydb import TinyDocuments
from doorward.messages import Applied
documents = TinyDocuments.open(Path(sys.argv[1]), bytes(range(32)))
left = int(sys.argv[2])
def counted(real):
    def call(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return real(*args, **kwargs)
    return call
for name in ("open", "link", "unlink", "replace", "fsync"):
    setattr(os, name, counted(getattr(os, name)))
documents.raise_floors(Applied(bundle=9))
documents.set_identity({"gateway": "gate-3"})
"""
    seen = set()
    for steps in range(80):
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(used, folder)
        command = [sys.executable, "-c", script, str(folder), str(steps)]
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        documents = TinyDocuments.open(folder, KEY)
        seen.add((documents.floors().bundle, documents.identity()["gateway"]))
        assert documents.floors().status == 70
        assert documents.take_notices() == ()
        if status == 0:
            break
    assert status == 0
    assert seen == {(8, "gate-2"), (9, "gate-2"), (9, "gate-3")}
