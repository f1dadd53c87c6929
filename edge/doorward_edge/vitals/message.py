"""How the gateway is, as it tells the controller."""

import platform
from collections.abc import Mapping
from pathlib import Path

from doorward.messages import Health
from doorward.times import Instant, UtcSeconds
from doorward_edge.courier import pending_records
from doorward_edge.pipeline import Counters
from doorward_edge.ports import Journal

_NO_NUMBERS: Mapping[str, int] = {}


def health_message(
    *,
    boot_id: str,
    now: Instant,
    journal: Journal,
    counters: Counters,
    decoder: Mapping[str, int],
    camera: str,
    uplink: Mapping[str, int] = _NO_NUMBERS,
    vitals: Mapping[str, int] = _NO_NUMBERS,
) -> Health:
    """Returns the newest numbers, all since this process started."""
    use = journal.use()
    return Health(
        at=UtcSeconds(now.utc_s),
        boot_id=boot_id,
        journal={
            "pending": pending_records(journal.spans()),
            "used_bytes": use.used_bytes,
            "capacity_bytes": use.capacity_bytes,
            "alarm": int(use.is_alarming),
        },
        counters=counters.totals(),
        decoder=decoder,
        camera=camera,
        clock=now.trust.name.lower(),
        uplink=uplink,
        vitals=vitals,
    )


def board_name() -> str:
    """Returns the board's own name where it has one, else the kind of machine."""
    try:
        return Path("/proc/device-tree/model").read_text("utf-8").strip("\0 \n")
    except OSError:
        return platform.machine()
