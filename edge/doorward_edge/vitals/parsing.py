"""What the kernel's text files say, as numbers. Every function takes a file's text, nothing else.

What cannot be read that way is None, never zero: a number that is not known must not look well.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

SECTOR_BYTES = 512
"""The unit of `/sys/block/*/stat`, whatever the disk's own sectors measure."""

_WRITTEN_SECTORS = 6
_LIFE_STEP_PERCENT = 10
_LIFE_EXCEEDED = 0x0B


def number(text: str) -> int | None:
    """Returns the whole number in a file of one line, decimal or with ``0x``."""
    try:
        return int(text.strip(), 0)
    except ValueError:
        return None


def throttled(text: str) -> int | None:
    """Returns the bits of `get_throttled`: hexadecimal without a prefix, as the kernel prints."""
    return int(text.strip(), 16) if re.fullmatch(r"\s*[0-9a-fA-F]{1,8}\s*", text) else None


THROTTLED_BITS: Mapping[int, str] = {
    0: "undervoltage_now",
    1: "frequency_capped_now",
    2: "throttled_now",
    3: "soft_temperature_limit_now",
    16: "undervoltage_seen",
    17: "frequency_capped_seen",
    18: "throttled_seen",
    19: "soft_temperature_limit_seen",
}
"""What the firmware of a Raspberry Pi says of supply and heat; from 16 on since boot."""


def throttled_flags(bits: int) -> dict[str, int]:
    """Returns each of the firmware's flags by its metric's name."""
    return {name: bits >> bit & 1 for bit, name in THROTTLED_BITS.items()}


def written_bytes(stat: str) -> int | None:
    """Returns what was written to a disk since boot, from its `stat`."""
    fields = stat.split()
    if len(fields) <= _WRITTEN_SECTORS or not fields[_WRITTEN_SECTORS].isdecimal():
        return None
    return int(fields[_WRITTEN_SECTORS]) * SECTOR_BYTES


def life_used_percent(life_time: str) -> int | None:
    """Returns how far an eMMC has lived, the worse of its two estimates, in steps of ten.

    The device says ``0x01`` for up to 10 %, ``0x0b`` for more than all; ``0x00`` is no estimate.
    """
    steps = [number(word) for word in life_time.split()]
    known = [step for step in steps if step is not None and 0 < step <= _LIFE_EXCEEDED]
    return max(known) * _LIFE_STEP_PERCENT if known else None


def reserve(pre_eol_info: str) -> int | None:
    """Returns how far an eMMC's spare blocks are used: 1 enough, 2 four fifths, 3 hardly any."""
    level = number(pre_eol_info)
    return level if level in {1, 2, 3} else None


def meminfo_bytes(text: str, name: str) -> int | None:
    """Returns a line of `/proc/meminfo` or `/proc/self/smaps_rollup`, which count in KiB."""
    found = re.search(rf"^{re.escape(name)}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


@dataclass(frozen=True, slots=True)
class CpuTime:
    """What all cores did since boot, in ticks."""

    busy: int
    total: int


def cpu_time(stat: str) -> CpuTime | None:
    """Returns the sum line of `/proc/stat`; time given to guests is part of user time already."""
    words = stat.partition("\n")[0].split()
    if len(words) < 6 or words[0] != "cpu" or not all(word.isdecimal() for word in words[1:9]):
        return None
    ticks = [int(word) for word in words[1:9]]
    idle = ticks[3] + ticks[4]
    return CpuTime(busy=sum(ticks) - idle, total=sum(ticks))


def busy_permille(before: CpuTime, now: CpuTime) -> int | None:
    """Returns the share of all cores that was busy between two readings."""
    passed = now.total - before.total
    if passed <= 0:
        return None
    return min(1000, max(0, round(1000 * (now.busy - before.busy) / passed)))


def uptime_s(text: str) -> int | None:
    """Returns how long the board is on, from `/proc/uptime`."""
    try:
        seconds = float(text.split(maxsplit=1)[0])
    except (IndexError, ValueError):
        return None
    return int(seconds) if math.isfinite(seconds) and seconds >= 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """Where a folder's files lie.

    Attributes:
        device: as `/proc/self/mountinfo` numbers it, for example ``179:2``.
        source: for example ``/dev/mmcblk0p2``.
        is_read_only: for this mount, or for all of the file system after an error.
    """

    device: str
    point: str
    kind: str
    source: str
    is_read_only: bool


def mount_of(mountinfo: str, folder: str) -> Mount | None:
    """Returns the mount that holds a folder, from `/proc/self/mountinfo`: the deepest, the last."""
    best: Mount | None = None
    for line in mountinfo.splitlines():
        mount = _mount(line)
        if mount is None or not _holds(mount.point, folder):
            continue
        if best is None or len(mount.point) >= len(best.point):
            best = mount
    return best


def _mount(line: str) -> Mount | None:
    ours, separator, theirs = line.partition(" - ")
    left, right = ours.split(), theirs.split()
    if not separator or len(left) < 6 or len(right) < 3:
        return None
    options = {*left[5].split(","), *right[2].split(",")}
    return Mount(
        device=left[2],
        point=_unescaped(left[4]),
        kind=right[0],
        source=_unescaped(right[1]),
        is_read_only="ro" in options,
    )


def _holds(point: str, folder: str) -> bool:
    return point in {"/", folder} or folder.startswith(f"{point}/")


def _unescaped(text: str) -> str:
    """The kernel writes blanks in names as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
