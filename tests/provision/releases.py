"""Releases for machines of these tests, as `make release` builds them from this checkout."""

import hashlib
import subprocess
import sys
from pathlib import Path

from doorward.software import Part
from tests.provision.tree import KEPT, ROOT

_SOURCES = ("doorward", "edge", "controller", "requirements.lock", "pyproject.toml", "tools")
_BUILD_S = 600.0


def built(part: Part, version: str, platform: str) -> Path:
    """Returns the folder with the file of a release; the same sources are built once."""
    folder = KEPT / "releases" / _digest()
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


def _digest() -> str:
    """Tells one state of the sources from another."""
    whole = hashlib.sha256()
    for name in _SOURCES:
        top = ROOT / name
        files = [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file())
        for file in files:
            if "__pycache__" not in file.parts:
                whole.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
    return whole.hexdigest()[:16]
