"""Build the release of this checkout: `make release ARGS="--platform cp311-aarch64"`.

Writes `dist/release/doorward-PART-VERSION-PLATFORM.tar`, one for each part and platform asked for.
The same commit gives the same bytes, wherever it is built (docs/updates.md).
"""

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from doorward.software import Part, Release, Version
from tools.bootstrapping.environment import Workspace
from tools.releasing.bundle import read_wheels, write_bundle
from tools.releasing.closure import BuildError, Platform, closure, parse_lock
from tools.releasing.wheels import build_own, fetch_locked

ROOT = Path(__file__).resolve().parent.parent
OWN = {
    Part.GATEWAY: ("doorward", "doorward-edge"),
    Part.CONTROLLER: ("doorward", "doorward-controller"),
}
PLATFORMS = ("cp311-aarch64", "cp311-x86_64")
PIP = (str(Workspace(root=ROOT).tools / "uv" / "bin" / "python"), "-m", "pip")


def build(part: Part, version: str, platform: Platform, notes: dict[str, str], into: Path) -> Path:
    """Builds one release's file and returns where it is. Raises BuildError."""
    parsed = Version.parse(version)
    release = Release(
        part=part,
        version=parsed,
        platform=str(platform),
        floor=Version(parsed.major, 0, 0),
        notes=notes,
    )
    locked = parse_lock((ROOT / "requirements.lock").read_text(encoding="utf-8"), platform)
    epoch_s = _epoch_s()
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=".building-") as scratch:
        wheels = Path(scratch) / "wheels"
        wheels.mkdir()
        build_own(OWN[part], version, wheels, Path(scratch), epoch_s)
        fetch_locked(closure(OWN[part][-1], locked, platform), platform, wheels, PIP)
        path = into / Path(release.path).name
        write_bundle(release, read_wheels(wheels), epoch_s, path)
    return path


def main(arguments: list[str]) -> int:
    """Builds what is asked for; prints each file with its hash."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--part", choices=list(Part), action="append")
    parser.add_argument("--platform", action="append", help=f"default: {', '.join(PLATFORMS)}")
    parser.add_argument("--version", default=_version(), help="for rehearsals; default: this one")
    parser.add_argument("--note", action="append", default=[], help="as en=What is new")
    parser.add_argument("--into", type=Path, default=ROOT / "dist" / "release")
    asked = parser.parse_args(arguments)
    notes = dict(note.split("=", 1) for note in asked.note)
    try:
        for part in [Part(name) for name in asked.part or Part]:
            for name in asked.platform or PLATFORMS:
                path = build(part, asked.version, Platform.parse(name), notes, asked.into)
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                print(f"{path}  {path.stat().st_size // 2**20} MiB  sha256:{digest}", flush=True)
    except (BuildError, ValueError) as err:
        print(f"make release: {err}", file=sys.stderr)
        return 1
    return 0


def _version() -> str:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'(?m)^version = "([^"]+)"$', text)
    return found[1] if found else ""


def _epoch_s() -> int:
    """When the commit was made: the one time that every build of it knows."""
    argv = ["git", "log", "-1", "--format=%ct"]
    return int(subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
