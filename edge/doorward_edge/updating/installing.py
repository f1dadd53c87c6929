"""A release's file to a folder that runs: unpacked with care, installed without a network."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

from doorward.errors import DoorwardError
from doorward.software import MAX_FILES, Release

MANIFEST, REQUIREMENTS, WHEELS = "MANIFEST.json", "requirements.txt", "wheels"
ROOM_FACTOR = 6
"""A release's file, its wheels and what they become take so many times the file: 4.8 measured."""

SPARE_BYTES = 64 * 2**20
INSTALL_S = 900
"""A Pi Zero 2 W with a slow card takes minutes."""
_NAME = re.compile(r"MANIFEST\.json|requirements\.txt|sbom\.cdx\.json|wheels/[A-Za-z0-9._+-]+\.whl")

Run = Callable[[Sequence[str], float], None]
"""Runs a program and waits so many seconds. Raises InstallError."""


class InstallError(DoorwardError):
    """A release cannot be installed here; nothing that runs was touched."""


def unpack(file: Path, into: Path, release: Release) -> None:
    """Unpacks a release's file into an empty folder.

    Raises:
        InstallError: it is not what it is signed as, or holds what no release holds.
        OSError: the disk does not take it.
    """
    try:
        with tarfile.open(file, "r:") as archive:
            for number, entry in enumerate(archive):
                if number >= MAX_FILES or not entry.isreg() or not _NAME.fullmatch(entry.name):
                    raise InstallError(f"the release holds {entry.name[:80]!r}, which is no part")
                _bring_out(archive, entry, into)
        said = json.loads((into / MANIFEST).read_bytes())
        told = Release.from_plain(said)
    except (tarfile.TarError, FileNotFoundError, FileExistsError, ValueError) as err:
        raise InstallError(f"the release's file cannot be unpacked: {err}") from err
    if (told.part, told.version, told.platform) != (
        release.part,
        release.version,
        release.platform,
    ):
        raise InstallError(f"the file says that it is {told.path}, signed was {release.path}")
    _check_wheels(into, said)


def install(folder: Path, run: Run, *, python: str | None = None) -> None:
    """Makes an environment of an unpacked release in its own folder, without a network.

    Args:
        folder: holds the unpacked release; the environment is made around it.
        run: runs a program.
        python: the system's interpreter; by default that of this program.

    Raises:
        InstallError: it cannot be made, or its program does not begin.
    """
    interpreter = python or _system_python()
    run([interpreter, "-m", "venv", "--system-site-packages", str(folder)], INSTALL_S)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
    pip += ["--no-index", "--no-deps", "--require-hashes", "--no-cache-dir"]
    pip += ["--disable-pip-version-check", "--ignore-installed", "--no-warn-script-location"]
    pip += ["--find-links", str(folder / WHEELS), "--requirement", str(folder / REQUIREMENTS)]
    run(pip, INSTALL_S)
    run([str(folder / "bin" / "doorward-edge"), "--help"], 120)


def relocate(folder: Path, final: Path) -> None:
    """Has the scripts of an environment name the folder that it will have. Raises OSError."""
    here, there = str(folder).encode(), str(final).encode()
    for path in (folder / "bin").iterdir():
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        if here in content:
            path.write_bytes(content.replace(here, there))
    config = folder / "pyvenv.cfg"
    config.write_bytes(config.read_bytes().replace(here, there))


def run_program(argv: Sequence[str], timeout_s: float) -> None:
    """Runs a program, apart from our own environment. Raises InstallError with its last words."""
    try:
        done = subprocess.run(  # noqa: S603  # fixed programs, of a release that was signed
            argv,
            check=False,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"},
        )
    except (subprocess.TimeoutExpired, OSError) as err:
        raise InstallError(f"{Path(argv[0]).name}: {err}") from err
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["it said nothing"]
        raise InstallError(f"{' '.join(Path(a).name for a in argv[:4])}: {said[0][:300]}")


def _bring_out(archive: tarfile.TarFile, entry: tarfile.TarInfo, into: Path) -> None:
    """Writes one regular file, whose name was looked at.

    Not `archive.extract(filter=...)`: Python 3.11.2, which Debian 12 has, does not know it.
    """
    content = archive.extractfile(entry)
    if content is None:
        raise InstallError(f"the release holds {entry.name[:80]!r}, which is no file")
    path = into / entry.name
    path.parent.mkdir(parents=True, exist_ok=True)
    with content, path.open("xb") as file:
        shutil.copyfileobj(content, file)


def _system_python() -> str:
    """Returns the interpreter from which this program's own environment was made."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _check_wheels(folder: Path, manifest: object) -> None:
    rows = manifest.get("wheels") if isinstance(manifest, dict) else None
    try:
        wanted = {row["file"]: row["sha256"] for row in rows or ()}
    except (TypeError, KeyError) as err:
        raise InstallError(f"{MANIFEST} does not list the wheels") from err
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / WHEELS).glob("*.whl")
    }
    if not found or found != wanted:
        odd = sorted(found.keys() ^ wanted.keys()) or ["a wheel of another hash"]
        raise InstallError(f"the wheels are not those that {MANIFEST} lists: {odd[0]}")
