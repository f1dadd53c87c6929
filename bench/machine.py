"""On what the measurements were taken: without this a number means nothing."""

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def describe() -> dict[str, Any]:
    """Return what is known about this machine and this checkout; unknown things are left out."""
    known: dict[str, Any] = {
        "processor": _processor(),
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "memory_mib": _memory_mib(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "changed_files": _changed_files(),
    }
    return {name: value for name, value in known.items() if value not in (None, "")}


def _processor() -> str:
    # A Pi says "Model" once, at the end; a PC says "model name" for each processor.
    found = ""
    for line in _lines("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "Model"}:
            found = value.strip()
    return found or platform.processor()


def _memory_mib() -> int | None:
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return None


def _changed_files() -> int | None:
    listed = _git("status", "--porcelain")
    return None if listed is None else len(listed.splitlines())


def _git(*arguments: str) -> str | None:
    try:
        argv = ["git", *arguments]
        done = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
