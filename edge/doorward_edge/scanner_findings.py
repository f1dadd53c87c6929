"""What `doorward-edge check` says of scanners: whether each is there and may be read."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from doorward_edge.config import EdgeConfig, ScannerKind, ScannerSection
from doorward_edge.findings import Finding

_GROUPS = {ScannerKind.KEYBOARD: "input", ScannerKind.SERIAL: "dialout"}
_LISTS = {ScannerKind.KEYBOARD: "/dev/input/by-id/", ScannerKind.SERIAL: "/dev/serial/by-id/"}
_NEEDED = {ScannerKind.KEYBOARD: os.R_OK, ScannerKind.SERIAL: os.R_OK | os.W_OK}


def examine_scanners(config: EdgeConfig) -> Iterator[Finding]:
    """Yields a finding for each scanner. None is opened: the gateway may be reading it."""
    for scanner in config.scanners:
        yield _examine(scanner)


def _examine(scanner: ScannerSection) -> Finding:
    name, path = f"scanner {scanner.name}", Path(scanner.device)
    try:
        is_device = stat.S_ISCHR(path.stat().st_mode)
    except OSError as err:
        return Finding(
            name=name,
            is_well=False,
            said=f"{path}: {err.strerror}",
            mend=f"plug it in, and name it as `ls {_LISTS[scanner.kind]}` does",
        )
    if not is_device:
        return Finding(
            name=name,
            is_well=False,
            said=f"{path} is no device",
            mend=f"set scanner.device to one of `ls {_LISTS[scanner.kind]}`",
        )
    if not os.access(path, _NEEDED[scanner.kind]):
        group = _GROUPS[scanner.kind]
        return Finding(
            name=name,
            is_well=False,
            said=f"{path} may not be read by this user",
            mend=f"sudo usermod -aG {group} <user>, then sign in anew; the service: "
            f"SupplementaryGroups={group}",
        )
    return Finding(name=name, is_well=True, said=f"{scanner.kind}, {path}")
