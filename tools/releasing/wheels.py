"""The wheels of a release: our own, built from the sources, and the locked ones, brought here."""

import io
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from tools.releasing.closure import OURS, PROJECTS, ROOT, BuildError, Locked, Platform

LINKED = "hardware/boards"
"""The gateway's package has the boards' data by a link to there."""
GLIBC = ("2_17", "2_27", "2_28", "2_31", "2_34", "2_35", "2_36")
"""What wheels may ask of the C library: Debian 12 and Raspberry Pi OS Bookworm have 2.36."""


def build_own(names: Sequence[str], version: str, into: Path, scratch: Path, epoch_s: int) -> None:
    """Builds our distributions as that version, from the newest commit.

    Raises:
        BuildError: a build failed; its last lines are in the sentence.
    """
    for name in names:
        sources = scratch / "sources" / name
        _copy(PROJECTS[name], name.replace("-", "_"), sources)
        tree = sources / PROJECTS[name]
        project = tree / "pyproject.toml"
        text = project.read_text(encoding="utf-8")
        project.write_text(_versioned(text, version), encoding="utf-8")
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch_s), "PYTHONHASHSEED": "0"}
        _run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)], tree, env
        )


def fetch_locked(
    packages: Sequence[Locked], platform: Platform, into: Path, pip: Sequence[str]
) -> None:
    """Brings the locked wheels for a platform here; each is checked by its hash. Raises BuildError.

    Args:
        packages: what is wanted, exactly.
        platform: for which machine.
        into: the folder for them.
        pip: how pip is called.
    """
    wanted = into.parent / "wanted.txt"
    wanted.write_text("".join(each.requirement for each in packages), encoding="utf-8")
    tags = [f"manylinux_{glibc}_{platform.machine}" for glibc in GLIBC]
    tags += [f"manylinux2014_{platform.machine}", f"linux_{platform.machine}"]
    argv = [*pip, "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    argv += ["--disable-pip-version-check", "--no-cache-dir", "--dest", str(into)]
    argv += ["--implementation", "cp", "--abi", f"cp{platform.python.replace('.', '')}"]
    argv += ["--abi", "abi3", "--abi", "none", "--python-version", platform.python]
    argv += [part for tag in tags for part in ("--platform", tag)]
    _run([*argv, "--requirement", str(wanted)], into, dict(os.environ))


def _copy(project: str, package: str, tree: Path) -> None:
    """Takes the sources as they were committed: what lies beside them is no part of a release."""
    paths = [str(Path(project) / "pyproject.toml"), str(Path(project) / package), LINKED]
    archive = subprocess.run(
        ["git", "archive", "--format=tar", "HEAD", "--", *paths],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as sources:
        sources.extractall(tree, filter="data")


def _versioned(text: str, version: str) -> str:
    """Returns a project with that version, and with our own other parts held to it."""
    text, found = re.subn(r'(?m)^version = "[^"]+"$', f'version = "{version}"', text, count=1)
    if not found:
        raise BuildError("pyproject.toml: has no version")
    # The workspace is for development; a wheel is built alone.
    text = re.sub(r"(?ms)^\[tool\.uv.*?(?=^\[|\Z)", "", text)
    for name in OURS:
        text = text.replace(f'    "{name}",\n', f'    "{name}=={version}",\n', 1)
    return text


def _run(argv: Sequence[str], folder: Path, env: dict[str, str]) -> None:
    done = subprocess.run(argv, cwd=folder, env=env, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-12:])
        raise BuildError(f"{' '.join(argv[:4])} … failed:\n{said}")
