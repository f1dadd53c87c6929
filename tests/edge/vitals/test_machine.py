"""A board's files, laid out as on a Raspberry Pi with card or eMMC, and on this machine."""

import os
from pathlib import Path

import pytest

from doorward.health_metrics import METRICS
from doorward_edge.vitals.machine import Machine
from tests.edge.vitals.test_parsing import MEMINFO, MOUNTINFO, PROC_STAT, STAT


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """Returns the root of a Raspberry Pi with an eMMC, whose data lie on its third partition."""
    root = tmp_path / "root"
    disk = "sys/devices/platform/emmc2bus/mmc_host/mmc0/mmc0:0001/block/mmcblk0"
    files = {
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50000\n",
        "proc/uptime": "350735.47 234388.90\n",
        "proc/meminfo": MEMINFO,
        "proc/stat": PROC_STAT,
        "proc/self/mountinfo": MOUNTINFO.replace("/var/lib/doorward", str(tmp_path / "data")),
        "sys/fs/ext4/mmcblk0p3/errors_count": "2\n",
        f"{disk}/stat": STAT,
        f"{disk}/device/life_time": "0x01 0x02\n",
        f"{disk}/device/pre_eol_info": "0x01\n",
        f"{disk}/mmcblk0p3/partition": "3\n",
        f"{disk}/mmcblk0p3/stat": "0 0 0 0 0 0 0\n",
        "proc/self/fd/0": "",
        "proc/self/fd/1": "",
        "proc/self/task/1/children": "77 78 ",
        "proc/77/smaps_rollup": "00400000-7ffc Rollup\nRss:     900 kB\nPss:     500 kB\n",
        "proc/78/smaps_rollup": "00400000-7ffc Rollup\nRss:     900 kB\nPss:     250 kB\n",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "sys/dev/block").mkdir(parents=True)
    (root / "sys/dev/block/179:3").symlink_to(root / disk / "mmcblk0p3")
    (tmp_path / "data").mkdir()
    return root


def test_a_board_with_an_emmc_tells_everything(board: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "data", board)
    found = machine.figures()
    free = found.pop("disk_free_bytes")
    assert free > 0
    assert found == {
        "temperature_mc": 48_312,
        "uptime_s": 350_735,
        "memory_available_bytes": 601_216 * 1024,
        "file_descriptors": 2,
        "undervoltage_now": 0,
        "frequency_capped_now": 0,
        "throttled_now": 0,
        "soft_temperature_limit_now": 0,
        "undervoltage_seen": 1,
        "frequency_capped_seen": 0,
        "throttled_seen": 1,
        "soft_temperature_limit_seen": 0,
        "storage_read_only": 0,
        "disk_written_bytes": 2610922 * 512,
        "storage_life_used_percent": 20,
        "storage_reserve": 1,
        "filesystem_errors": 2,
    }


def test_the_load_is_told_from_the_second_reading_on(board: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "data", board)
    machine.figures()
    (board / "proc/stat").write_text("cpu  4755 150 1120 163900 321 0 56 0 0 0\n")
    assert machine.figures()["cpu_permille"] == 500


def test_a_card_tells_no_wear_and_what_is_no_pi_no_undervoltage(
    board: Path, tmp_path: Path
) -> None:
    (board / "sys/devices/platform/soc/soc:firmware/get_throttled").unlink()
    for name in ("life_time", "pre_eol_info"):
        next(board.rglob(name)).unlink()
    found = Machine(tmp_path / "data", board).figures()
    assert not {"undervoltage_now", "storage_life_used_percent", "storage_reserve"} & set(found)


def test_a_machine_that_tells_nothing_is_no_error(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "nowhere", tmp_path)
    assert machine.figures() == {}
    assert machine.children() == []
    assert machine.memory_bytes([1]) is None


def test_memory_of_all_processes_is_added_up(board: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "data", board)
    assert machine.children() == [77, 78]
    assert machine.memory_bytes([77, 78, 79]) == 750 * 1024


def test_this_machine_speaks_the_same_language(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    found = machine.figures()
    assert {"uptime_s", "memory_available_bytes", "file_descriptors", "disk_free_bytes"} <= set(
        found
    )
    assert set(found) <= set(METRICS)
    memory = machine.memory_bytes([os.getpid()])
    assert memory is not None
    assert 5_000_000 < memory < 5_000_000_000
