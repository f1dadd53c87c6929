"""The stopwatch itself: what it costs to time nothing, and how steady this machine is."""

import hashlib

from bench.report import Report

_BLOCK = bytes(1 << 16)


def run(report: Report) -> None:
    """Measure an empty call, and the same work against itself, whose ratio should be 1."""
    report.time("an empty call", lambda: None, calls=10_000)
    report.compare(
        "SHA-256 of 64 KiB against itself",
        lambda: hashlib.sha256(_BLOCK).digest(),
        lambda: hashlib.sha256(_BLOCK).digest(),
        calls=report.scaled(200, 20),
        base_name="the same again",
        at_most=1.1,
    )
    report.note("A ratio far from 1 here means that the other ratios of this run say little.")
