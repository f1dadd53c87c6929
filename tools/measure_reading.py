"""Measures what the readers bear and writes `hardware/reading-limits.toml`: `make reading-limits`.

For each kind of code: the fewest pixels a module, the largest blur and the longest motion with
which at least 98 of 100 rendered pictures are read, and the next values at which at most half are.
The first leaves room above the 95 that the tables promise, so that other noise does not break them.
"""

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import cv2

from tools.hardware.parts import HARDWARE
from tools.hardware.reading_trials import Trial, share_read

KINDS = ("DW0", "DW1", "DW2")
COUNT, SEED = 100, 71_000
WANTED, LOST = 0.98, 0.5
EASY_MODULE_PX = 4.0
"""Blur and motion are measured on a code that is large enough otherwise."""


def main() -> int:
    """Measures and writes."""
    cv2.setNumThreads(1)
    today = datetime.now(UTC).date()  # the day on which it was measured
    lines = [
        "# Made by `make reading-limits` from rendered pictures and the gateway's own readers.",
        f"measured_on = {today.isoformat()}",
        f"pictures = {COUNT}",
        f"seed = {SEED}",
    ]
    for kind in KINDS:
        lines += ["", "[[code]]", f'kind = "{kind}"']
        for name, values, trial in _sweeps(kind):
            reads, fails = _boundary(values, trial)
            lines += [f"{name} = {reads}", f"{name}_lost = {fails}"]
            print(kind, name, reads, fails, flush=True)
    (HARDWARE / "reading-limits.toml").write_text("\n".join(lines) + "\n", "utf-8")
    return 0


def _sweeps(kind: str) -> Sequence[tuple[str, list[float], Callable[[float], Trial]]]:
    sizes = [round(2.4 - 0.1 * step, 2) for step in range(18)]
    blurs = [round(0.25 + 0.05 * step, 2) for step in range(24)]
    ways = [round(0.8 + 0.1 * step, 2) for step in range(32)]
    return (
        ("module_px", sizes, lambda px: Trial(kind=kind, module_px=px)),
        (
            "defocus_modules",
            blurs,
            lambda way: Trial(kind=kind, module_px=EASY_MODULE_PX, defocus_modules=way),
        ),
        (
            "motion_modules",
            ways,
            lambda way: Trial(kind=kind, module_px=EASY_MODULE_PX, motion_modules=way),
        ),
    )


def _boundary(values: list[float], trial: Callable[[float], Trial]) -> tuple[float, float]:
    """Returns the last value, from easy to hard, that reads, and the first that is lost."""
    reads = values[0]
    still = True
    for value in values:
        share = share_read(trial(value), COUNT, SEED)
        still = still and share >= WANTED
        if still:
            reads = value
        if share <= LOST:
            return reads, value
    raise RuntimeError(f"nothing up to {values[-1]} is too hard")


if __name__ == "__main__":
    sys.exit(main())
