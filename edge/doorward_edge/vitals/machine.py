"""Reads the board's and the process's own figures. Thin: what the files mean says `parsing`.

Nothing here raises for a file that is missing: a board tells what it can, the rest is left out.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from doorward_edge.vitals import firmware, parsing
from doorward_edge.vitals.parsing import CpuTime, Mount

_THERMAL = "sys/class/thermal/thermal_zone0/temp"
_THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
_MAILBOX = "dev/vcio"


class Machine:
    """The figures of the machine that this process runs on. Used by one thread."""

    def __init__(self, data_dir: Path, root: Path = Path("/")) -> None:
        """Takes where the gateway keeps its data.

        Args:
            data_dir: its disk is the one that is looked at.
            root: where `/proc`, `/sys` and `/dev` lie; tests put samples there.
        """
        self._data_dir = data_dir
        self._root = root
        self._cpu: CpuTime | None = None

    def figures(self) -> dict[str, int]:
        """Returns what board, disk and process say, by the metrics' names."""
        found: dict[str, int | None] = {
            "temperature_mc": self._number(_THERMAL),
            "uptime_s": parsing.uptime_s(self._text("proc/uptime")),
            "memory_available_bytes": parsing.meminfo_bytes(
                self._text("proc/meminfo"), "MemAvailable"
            ),
            "cpu_permille": self._load(),
            "file_descriptors": self._file_descriptors(),
            **self._power(),
            **self._storage(),
        }
        return {name: value for name, value in found.items() if value is not None and value >= 0}

    def memory_bytes(self, pids: Iterable[int]) -> int | None:
        """Returns the memory of processes, what they share counted once; some milliseconds each."""
        sizes = [self._own_memory(pid) for pid in pids]
        known = [size for size in sizes if size is not None]
        return sum(known) if known else None

    def children(self) -> list[int]:
        """Returns the process ids of this process's children."""
        found: list[int] = []
        try:
            tasks = list((self._root / "proc/self/task").iterdir())
        except OSError:
            return found
        for task in tasks:
            words = self._text(f"proc/self/task/{task.name}/children").split()
            found += [int(word) for word in words if word.isdecimal()]
        return found

    # --- Parts ----------------------------------------------------------------------------------

    def _power(self) -> Mapping[str, int]:
        bits = firmware.ask(self._root / _MAILBOX)
        if bits is None:
            bits = parsing.throttled(self._text(_THROTTLED))
        return {} if bits is None else parsing.throttled_flags(bits)

    def _storage(self) -> Mapping[str, int | None]:
        found: dict[str, int | None] = {"disk_free_bytes": self._free_bytes()}
        folder = str(self._data_dir.absolute())
        mount = parsing.mount_of(self._text("proc/self/mountinfo"), folder)
        if mount is None:
            return found
        found["storage_read_only"] = int(mount.is_read_only)
        found |= self._disk(mount)
        if mount.kind == "ext4":
            name = Path(mount.source).name
            found["filesystem_errors"] = self._number(f"sys/fs/ext4/{name}/errors_count")
        return found

    def _disk(self, mount: Mount) -> Mapping[str, int | None]:
        """Returns what the whole disk says; the partition's own folder lies inside of it."""
        partition = self._root / "sys/dev/block" / mount.device
        if not partition.exists():
            return {}
        part = partition.resolve()
        disk = part.parent if (part / "partition").exists() else part
        return {
            "disk_written_bytes": parsing.written_bytes(_read(disk / "stat")),
            "storage_life_used_percent": parsing.life_used_percent(
                _read(disk / "device" / "life_time")
            ),
            "storage_reserve": parsing.reserve(_read(disk / "device" / "pre_eol_info")),
        }

    def _free_bytes(self) -> int | None:
        try:
            return shutil.disk_usage(self._data_dir).free
        except OSError:
            return None

    def _load(self) -> int | None:
        before, now = self._cpu, parsing.cpu_time(self._text("proc/stat"))
        self._cpu = now
        return parsing.busy_permille(before, now) if before and now else None

    def _file_descriptors(self) -> int | None:
        try:
            return len(os.listdir(self._root / "proc/self/fd"))  # noqa: PTH208  # names alone
        except OSError:
            return None

    def _own_memory(self, pid: int) -> int | None:
        return parsing.meminfo_bytes(self._text(f"proc/{pid}/smaps_rollup"), "Pss")

    def _number(self, name: str) -> int | None:
        return parsing.number(self._text(name))

    def _text(self, name: str) -> str:
        return _read(self._root / name)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
