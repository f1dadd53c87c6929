"""A whole gateway at work: `python -m bench.gateway_at_work EDGE_TOML SECONDS`, as JSON.

Processor time is what the kernel counted for all of the gateway's processes; memory counts a page
of a file that several have mapped once.
"""

import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from bench.gateway_memory import memory_of
from doorward_edge.config import load_config
from doorward_edge.wiring import Assembled, assemble

WARM_UP_S = 6.0
FIRST_FRAMES = 20
START_S = 60.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the gateway had done at one moment."""

    at_s: float
    cpu_s: float
    scans: int
    granted: int
    late: int
    frames: int


def main() -> None:
    """Run a gateway, look twice, and print what it did in between."""
    path, seconds = Path(sys.argv[1]), float(sys.argv[2])
    assembled = assemble(load_config(path), simulated=True)
    told: dict[str, object] = {}

    def look_twice() -> None:
        _wait_for_frames(assembled)
        time.sleep(WARM_UP_S)
        before = _see(assembled)
        time.sleep(seconds)
        after = _see(assembled)
        together, _ = memory_of(("self", *_children()))
        told.update(
            {
                "seconds": after.at_s - before.at_s,
                "cpu_s": after.cpu_s - before.cpu_s,
                "memory_kib": together,
                "processes": 1 + len(_children()),
                "before": asdict(before),
                "after": asdict(after),
            }
        )

    def watch() -> None:
        try:
            look_twice()
        finally:
            # Whatever went wrong: a gateway that nobody stops is measured for ever.
            assembled.gateway.stop()

    assembled.gateway.run(lambda: threading.Thread(target=watch, daemon=True).start())
    print(json.dumps(told))


def _wait_for_frames(assembled: Assembled) -> None:
    """Waits until every camera gives pictures: what has not begun yet takes no memory."""
    until_s = time.monotonic() + START_S
    while any(eye.stats().get("frames", 0) < FIRST_FRAMES for eye in assembled.eyes):
        if time.monotonic() > until_s:
            raise RuntimeError(f"a camera gave fewer than {FIRST_FRAMES} frames in {START_S:g} s")
        time.sleep(0.1)


def _see(assembled: Assembled) -> Seen:
    counters = assembled.counters
    return Seen(
        at_s=time.monotonic(),
        cpu_s=sum(_cpu_s(pid) for pid in ("self", *_children())),
        scans=counters.scans,
        granted=counters.granted,
        late=counters.late,
        frames=sum(eye.stats().get("frames", 0) for eye in assembled.eyes),
    )


def _cpu_s(pid: str) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def _children() -> list[str]:
    return [str(child.pid) for child in psutil.Process().children()]


if __name__ == "__main__":
    main()
