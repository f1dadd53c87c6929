"""Control groups of machines: each has its own, in every hierarchy that systemd uses."""

import os
from pathlib import Path

_TOPS = tuple(Path("/sys/fs/cgroup", name) for name in ("", "unified", "systemd"))


def group_tops() -> list[Path]:
    """Returns the hierarchies of this machine: one, or two where old and new are mixed."""
    return [top for top in _TOPS if (top / "cgroup.procs").exists()]


def remove_group(group: Path) -> None:
    """Removes a group without processes, and those below it. Raises OSError."""
    for folder, _, _ in os.walk(group, topdown=False):
        Path(folder).rmdir()
