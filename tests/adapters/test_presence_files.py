"""The sealed files of presence: what was flushed is there after whatever happened."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doorward_edge.adapters.presence_files import MAX_TORN_BYTES, SNAPSHOT, PresenceFiles
from doorward_edge.disk import POSIX, Disk
from tests.simulation.disk import PowerCutError, SimulatedDisk

KEY = bytes(range(32))


def open_files(folder: Path, disk: Disk = POSIX) -> PresenceFiles:
    """As a start of the gateway does: looks first, then writes."""
    files = PresenceFiles(folder, KEY, disk)
    files.load()
    return files


def begun(folder: Path, disk: Disk = POSIX) -> PresenceFiles:
    files = open_files(folder, disk)
    files.save(b"snapshot", 0)
    return files


def kept(folder: Path, disk: Disk = POSIX) -> list[bytes]:
    found = PresenceFiles(folder, KEY, disk).load()
    assert (found.snapshot, found.damage, found.is_first) == (b"snapshot", "", False)
    return list(found.entries)


def test_nothing_was_kept_at_the_first_start(tmp_path: Path) -> None:
    found = PresenceFiles(tmp_path / "presence", KEY).load()
    assert (found.is_first, found.snapshot, found.entries, found.damage) == (True, None, (), "")


def test_what_was_appended_is_found_in_order_over_starts(tmp_path: Path) -> None:
    files = begun(tmp_path / "p")
    files.append([b"one", b"two"], flush=False)
    files.append([b"three"], flush=True)
    again = open_files(tmp_path / "p")
    again.append([b"four"], flush=False)
    assert kept(tmp_path / "p") == [b"one", b"two", b"three", b"four"]
    assert len(list((tmp_path / "p").glob("log-*"))) == 2, "no start writes behind another's end"


def test_nothing_can_be_read_on_the_card(tmp_path: Path) -> None:
    files = begun(tmp_path / "p")
    files.append([b"somebody is inside"], flush=True)
    content = b"".join(path.read_bytes() for path in (tmp_path / "p").iterdir())
    assert b"somebody" not in content
    assert b"snapshot" not in content
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "p").iterdir()} == {0}
    other = PresenceFiles(tmp_path / "p", bytes(32)).load()
    assert (other.snapshot, other.entries) == (None, ())
    assert other.damage == f"{SNAPSHOT}: its seal does not hold"


def test_snapshot_replaces_the_parts_that_it_holds_and_no_later_ones(tmp_path: Path) -> None:
    files = begun(tmp_path / "p")
    files.append([b"old"], flush=False)
    part = files.end_part()
    assert files.log_bytes() == 0
    files.append([b"new"], flush=False)
    PresenceFiles(tmp_path / "p", KEY).save(b"snapshot", part)
    assert kept(tmp_path / "p") == [b"new"]
    assert files.log_bytes() > 0


def test_log_of_earlier_starts_counts_as_log(tmp_path: Path) -> None:
    files = begun(tmp_path / "p")
    files.append([b"old" * 1000], flush=False)
    assert open_files(tmp_path / "p").log_bytes() == files.log_bytes() > 3000


@given(cut=st.integers(0, 200), flip=st.none() | st.integers(0, 200))
def test_torn_end_costs_what_is_behind_it_and_nothing_before(cut: int, flip: int | None) -> None:
    disk = SimulatedDisk("torn")
    folder = disk.root / "p"
    files = begun(folder, disk)
    ends = [0]
    for number in range(5):
        files.append([bytes([number]) * 10], flush=True)
        ends.append(disk.size(folder / "log-1.sealed"))
    data = bytearray(disk.read(folder / "log-1.sealed"))
    del data[len(data) - min(cut, len(data)) :]
    whole = max(n for n, end in enumerate(ends) if end <= len(data))
    if flip is not None and flip < len(data):
        data[flip] ^= 0x10
        whole = min(whole, max(n for n, end in enumerate(ends) if end <= flip))
    disk.write(folder / "log-1.sealed", bytes(data))
    assert kept(folder, disk) == [bytes([number]) * 10 for number in range(whole)]


def test_more_than_a_torn_end_is_damage(tmp_path: Path) -> None:
    files = begun(tmp_path / "p")
    files.append([b"first"], flush=True)
    for _ in range(3):
        files.append([bytes(MAX_TORN_BYTES // 2)], flush=True)
    path = tmp_path / "p" / "log-1.sealed"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    found = PresenceFiles(tmp_path / "p", KEY).load()
    assert found.entries == (b"first",)
    assert found.damage.endswith("bytes cannot be read")


@pytest.mark.parametrize(
    ("lost", "said"),
    [(SNAPSHOT, f"{SNAPSHOT} is missing"), ("log-1.sealed", "part 1 of the log is missing")],
)
def test_missing_file_is_damage(tmp_path: Path, lost: str, said: str) -> None:
    files = begun(tmp_path / "p")
    for entry in (b"one", b"two"):
        files.append([entry], flush=True)
        files.end_part()
    (tmp_path / "p" / lost).unlink()
    found = PresenceFiles(tmp_path / "p", KEY).load()
    assert (found.damage, found.is_first) == (said, False)
    assert found.entries[-1] == b"two"


def test_after_a_failure_the_log_goes_on_and_nothing_is_missed() -> None:
    disk = SimulatedDisk("failing")
    files = begun(disk.root / "p", disk)
    files.append([b"one"], flush=True)
    for errors in (1, 2, 1):
        disk.errors = errors
        with pytest.raises(OSError, match="Input"):
            files.append([b"two"], flush=True)
    files.append([b"two"], flush=True)
    entries = kept(disk.root / "p", disk)
    assert (entries[0], set(entries[1:])) == (b"one", {b"two"})


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32), fail_in=st.integers(1, 60))
def test_what_was_flushed_outlives_a_power_cut_at_any_step(seed: int, fail_in: int) -> None:
    luck = Random(seed)
    disk = SimulatedDisk("cut")
    folder = disk.root / "p"
    files = begun(folder, disk)
    said, flushed, in_snapshot = 0, 0, 0
    disk.fail_in = fail_in
    try:
        while True:
            is_flush = luck.random() < 0.3
            said += 1
            files.append([said.to_bytes(4)], flush=is_flush)
            if is_flush:
                flushed = said
            elif luck.random() < 0.1:
                files.flush()
                flushed = said
            elif luck.random() < 0.2:
                part = files.end_part()
                flushed = said
                PresenceFiles(folder, KEY, disk).save(said.to_bytes(8), part)
                in_snapshot = said
    except PowerCutError:
        pass
    disk.lose_power(luck)
    disk.revive()
    found = PresenceFiles(folder, KEY, disk).load()
    assert found.damage == ""
    assert found.snapshot is not None
    held = 0 if found.snapshot == b"snapshot" else int.from_bytes(found.snapshot)
    assert held in {in_snapshot, said}
    numbers = [int.from_bytes(entry) for entry in found.entries]
    assert numbers == list(range(held + 1, held + 1 + len(numbers)))
    assert held + len(numbers) >= flushed
