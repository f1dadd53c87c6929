"""Steps about the machine: what `check` finds, how fast the disk takes a record, the watchdog."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from doorward.times import Clock
from doorward_edge.bench_test.results import Step, failed, passed
from doorward_edge.findings import Finding

ROUNDS = 64
RECORD_BYTES = 4096
SLOWEST_MS = 150
"""So long a door waits for its record; a slower disk makes every scan late."""
_WATCHDOG = "sys/class/watchdog/watchdog0"


def as_steps(findings: Iterable[Finding]) -> Iterator[Step]:
    """Yields what `doorward-edge check` says, but for the list of terminals."""
    for finding in findings:
        name = f"check {finding.name}"
        if finding.name.startswith("terminal "):
            continue
        if finding.is_well:
            yield passed(name, finding.said, finding.said)
        else:
            mend = f"; mend: {finding.mend}" if finding.mend else ""
            mend_zh = f"；处理：{finding.mend}" if finding.mend else ""
            yield failed(name, f"{finding.said}{mend}", f"{finding.said}{mend_zh}")


def try_storage(folder: Path, clock: Clock) -> Step:
    """Writes small files that must be on the disk before it goes on, as the journal does."""
    name, path = "storage", folder / "bench-test.tmp"
    took_ms: list[int] = []
    try:
        with path.open("wb") as file:
            for _ in range(ROUNDS):
                began_ms = clock.now().mono_ms
                file.write(os.urandom(RECORD_BYTES))
                file.flush()
                os.fsync(file.fileno())
                took_ms.append(clock.now().mono_ms - began_ms)
    except OSError as err:
        said = f"{folder}: {err.strerror or err}"
        return failed(name, said, said)
    finally:
        path.unlink(missing_ok=True)
    slowest, mean = max(took_ms), sum(took_ms) / len(took_ms)
    en = f"4 KiB are on the disk after {mean:.1f} ms, the slowest of {ROUNDS} after {slowest} ms"
    zh = f"4 KiB 记录平均 {mean:.1f} 毫秒落盘，{ROUNDS} 次中最慢 {slowest} 毫秒"
    if slowest > SLOWEST_MS:
        return failed(
            name,
            f"{en}; a door waits {SLOWEST_MS} ms at most: take another card",
            f"{zh}；门最多等待 {SLOWEST_MS} 毫秒：请更换存储卡",
            mean_ms=mean,
            slowest_ms=slowest,
        )
    return passed(name, en, zh, mean_ms=mean, slowest_ms=slowest)


def try_watchdog(root: Path = Path("/")) -> Step:
    """Looks whether there is a watchdog that resets a machine that stands still."""
    name, folder = "watchdog", root / _WATCHDOG
    identity, timeout = _read(folder / "identity"), _read(folder / "timeout")
    if not identity:
        return failed(
            name,
            "no hardware watchdog: a gateway that stands still stays so; mend: add "
            "dtparam=watchdog=on to /boot/firmware/config.txt and RuntimeWatchdogSec=15 to "
            "/etc/systemd/system.conf",
            "没有硬件看门狗：死机后不会自动复位；处理：在 /boot/firmware/config.txt 加入 "
            "dtparam=watchdog=on，在 /etc/systemd/system.conf 设置 RuntimeWatchdogSec=15",
        )
    return passed(name, f"{identity}, {timeout or '?'} s", f"{identity}，{timeout or '?'} 秒")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""
