"""Programs that only one task needs, each in an environment of its own from a lock with hashes."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def program(name: str, *, environment: str) -> Path:
    """Returns a program of `.tools/ENVIRONMENT`, which is made as `tools/ENVIRONMENT.lock` says."""
    folder = ROOT / ".tools" / environment
    lock = ROOT / "tools" / f"{environment}.lock"
    stamp = folder / "doorward-stamp"
    if not stamp.is_file() or stamp.read_text("utf-8") != lock.read_text("utf-8"):
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = ("install", "--quiet", "--require-hashes", "-r", str(lock))
        subprocess.run([str(folder / "bin" / "pip"), *install], check=True)
        stamp.write_text(lock.read_text("utf-8"), "utf-8")
    return folder / "bin" / name
