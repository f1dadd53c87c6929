"""Releases for machines of these tests, as `make release` builds them from this checkout."""

import hashlib
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from doorward.software import Part
from tests.provision.tree import KEPT, ROOT

_COMMITTED = (
    *("doorward", "edge", "controller", "hardware/boards"),
    *("pyproject.toml", "requirements.lock"),
)
"""What releases are built of, as of the newest commit (`tools/releasing/wheels.py`)."""
_BUILDERS = ("tools/make_release.py", "tools/releasing")
_BUILD_S = 600.0


def built(part: Part, version: str, platform: str) -> Path:
    """Returns the folder with the file of a release; the same sources are built once."""
    kept = KEPT / "releases"
    folder = kept / _digest()
    for old in kept.glob("*"):
        if old != folder:
            shutil.rmtree(old)
    file = folder / f"doorward-{part}-{version}-{platform}.tar"
    if not file.exists():
        argv = ["--part", part, "--version", version, "--platform", platform]
        subprocess.run(
            [sys.executable, "-m", "tools.make_release", *argv, "--into", str(folder)],
            cwd=ROOT,
            check=True,
            timeout=_BUILD_S,
            stdout=subprocess.DEVNULL,
        )
    return folder


@cache
def _digest() -> str:
    """Tells one state of the sources from another; within one run it is the same."""
    asked = ["git", "rev-parse", *(f"HEAD:{path}" for path in _COMMITTED)]
    trees = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True).stdout
    whole = hashlib.sha256(trees)
    for name in _BUILDERS:
        top = ROOT / name
        for file in [top] if top.is_file() else sorted(top.glob("*.py")):
            whole.update(file.read_bytes())
    return whole.hexdigest()[:16]
