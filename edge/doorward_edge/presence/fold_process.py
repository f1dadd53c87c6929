"""Folds the log of presence into its snapshot, in a process of its own that is in nobody's way.

The gateway starts it with `fold_in_process`; it reads what to do as one JSON object on its standard
input, where the key is not shown to those who list processes.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from doorward.ids import Epoch, GatewayId, SiteId
from doorward.times import Clock, ClockTrust, Instant, MonoMs, UtcMs
from doorward_edge.adapters.presence_files import PresenceFiles
from doorward_edge.child_process import die_with_parent
from doorward_edge.presence.folding import Identity, fold

LONGEST_S = 300.0
NICENESS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldInProcess:
    """Starts the process and waits for it; a `keeper.Fold`."""

    folder: Path
    key: bytes = field(repr=False)
    site: SiteId
    gateway: GatewayId
    clock: Clock
    forget_s: Callable[[], int]

    def __call__(self, through: int) -> None:
        """Raises OSError: it did not end well; the old snapshot and the log stay."""
        now = self.clock.now()
        wanted = {
            "parent": os.getpid(),
            "folder": str(self.folder),
            "key": self.key.hex(),
            "site": self.site,
            "gateway": self.gateway,
            "through": through,
            "forget_s": self.forget_s(),
            "utc_ms": now.utc_ms,
            "trust": now.trust.value,
        }
        try:
            ended = subprocess.run(  # noqa: S603  # this program itself
                [sys.executable, "-m", __name__],
                input=json.dumps(wanted).encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=LONGEST_S,
                check=False,
            )
        except subprocess.TimeoutExpired as err:
            raise OSError(f"a snapshot of presence took longer than {LONGEST_S:.0f} s") from err
        if ended.returncode:
            said = ended.stderr.decode(errors="replace").strip().splitlines()
            why = said[-1] if said else f"status {ended.returncode}"
            raise OSError(f"a snapshot of presence failed: {why}")


def main() -> None:
    """Does what standard input asks for."""
    wanted = json.load(sys.stdin)
    die_with_parent(wanted["parent"])
    os.nice(NICENESS)
    identity = Identity(
        site=SiteId(wanted["site"]),
        gateway=GatewayId(wanted["gateway"]),
        epoch=Epoch(1),
        forget_s=wanted["forget_s"],
    )
    now = Instant(
        utc_ms=UtcMs(wanted["utc_ms"]), mono_ms=MonoMs(0), trust=ClockTrust(wanted["trust"])
    )
    files = PresenceFiles(Path(wanted["folder"]), bytes.fromhex(wanted["key"]))
    damage = fold(files, identity, wanted["through"], now)
    if damage:
        sys.stderr.write(f"{damage}\n")


if __name__ == "__main__":
    main()
