"""What a whole gateway costs: `python -m bench.gateway_memory EDGE_TOML`, as JSON, memory in KiB.

The gateway is put together as `doorward-edge run` does it, decoder child included, with recorded
pins in place of the board's; it looks at its camera for some seconds and then counts.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

# paho loads dnspython where it is; the controller's mail addresses bring it, a gateway has none.
sys.modules["dns"] = None  # type: ignore[assignment]

from doorward_edge.config import load_config  # noqa: E402
from doorward_edge.wiring import assemble  # noqa: E402

LOOK_S = 4.0


def main() -> None:
    """Print seconds until the gateway works, and the memory of its processes."""
    began = time.perf_counter()
    assembled = assemble(load_config(Path(sys.argv[1])), simulated=True)
    told: dict[str, object] = {"version": assembled.keeper.applied.bundle}

    def count() -> None:
        told["ready_s"] = time.perf_counter() - began
        threading.Timer(LOOK_S, finish).start()

    def finish() -> None:
        processes = ("self", *_children())
        told["processes"] = len(processes)
        told["together"], told["each"] = memory_of(processes)
        assembled.gateway.stop()

    assembled.gateway.run(count)
    print(json.dumps(told))


def _children() -> list[str]:
    tasks = Path("/proc/self/task").iterdir()
    return [pid for task in tasks for pid in (task / "children").read_text("ascii").split()]


def memory_of(pids: tuple[str, ...]) -> tuple[int, int]:
    """Resident memory with a file's pages counted once for all processes, and once for each.

    Not the kernel's PSS: that divides by every process on the machine that uses the same libraries.
    """
    together = each = 0
    files: dict[tuple[str, str], int] = {}
    for pid in pids:
        for place, resident in _mappings(Path(f"/proc/{pid}/smaps").read_text("ascii")):
            each += resident
            if place is None:
                together += resident
            else:
                files[place] = max(files.get(place, 0), resident)
    return together + sum(files.values()), each


def _mappings(text: str) -> Iterator[tuple[tuple[str, str] | None, int]]:
    """Yields inode and offset of a mapped file, or None for private memory, and resident KiB."""
    place: tuple[str, str] | None = None
    for line in text.splitlines():
        words = line.split()
        if "-" in words[0] and len(words) >= 5:
            place = (words[4], words[2]) if words[4] != "0" else None
        elif words[0] == "Rss:":
            yield place, int(words[1])


if __name__ == "__main__":
    main()
