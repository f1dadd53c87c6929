"""Which locked packages a part of the product needs on a platform, told without a network.

What our own parts need is read where they say it, as it was committed: what an environment that was
made earlier knows of them may be old. Of all others the wheels' own metadata say what needs what;
`requirements.lock` says which version that is. What is asked for and not locked stops the build.
"""

import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.markers import Environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = {"doorward": ".", "doorward-edge": "edge", "doorward-controller": "controller"}
OURS = frozenset(PROJECTS)
_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?: ; (?P<marker>.+?))?(?: \\)?$")


class BuildError(Exception):
    """A release cannot be built; the sentence says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """Interpreter and machine that a release is for.

    Attributes:
        python: as `3.11`.
        machine: as `aarch64`.
    """

    python: str
    machine: str

    @classmethod
    def parse(cls, text: str) -> "Platform":
        """Returns the platform of a name as `cp311-aarch64`. Raises BuildError."""
        found = re.fullmatch(r"cp3(\d{1,2})-(aarch64|x86_64)", text)
        if found is None:
            raise BuildError(f"platform is {text!r}, must be as cp311-aarch64 or cp311-x86_64")
        return cls(python=f"3.{found[1]}", machine=found[2])

    def __str__(self) -> str:
        """Returns its name."""
        return f"cp{self.python.replace('.', '')}-{self.machine}"

    @property
    def environment(self) -> Environment:
        """What the markers of requirements are asked about."""
        return Environment(
            implementation_name="cpython",
            implementation_version=f"{self.python}.0",
            os_name="posix",
            platform_machine=self.machine,
            platform_python_implementation="CPython",
            platform_release="",
            platform_system="Linux",
            platform_version="",
            python_full_version=f"{self.python}.0",
            python_version=self.python,
            sys_platform="linux",
        )

    def holds(self, requirement: Requirement, extra: str = "") -> bool:
        """Whether a requirement is for this platform."""
        if requirement.marker is None:
            return True
        asked = {name: str(value) for name, value in self.environment.items()}
        return requirement.marker.evaluate(asked | {"extra": extra})


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """One package of the lock."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def requirement(self) -> str:
        """The line by which an installer takes exactly this."""
        hashes = "".join(f" \\\n    --hash={each}" for each in self.hashes)
        return f"{self.name}=={self.version}{hashes}\n"


def parse_lock(text: str, platform: Platform) -> Mapping[str, Locked]:
    """Returns what is locked for a platform, by canonical name."""
    found: dict[str, Locked] = {}
    for block in re.split(r"\n(?=\S)", text):
        first, *rest = block.splitlines() or [""]
        entry = _ENTRY.match(first)
        if entry is None:
            continue
        marker = f"; {entry['marker']}" if entry["marker"] else ""
        if not platform.holds(Requirement(f"{entry['name']}{marker}")):
            continue
        hashes = re.findall(r"--hash=(sha256:[0-9a-f]{64})", "\n".join(rest))
        name = canonicalize_name(entry["name"])
        found[name] = Locked(name=name, version=entry["version"], hashes=tuple(hashes))
    return found


def closure(root: str, locked: Mapping[str, Locked], platform: Platform) -> tuple[Locked, ...]:
    """Returns the packages that `root` needs, ascending by name, without our own.

    Raises:
        BuildError: one of them is not locked, or not installed here, so that its needs are unknown.
    """
    seen: set[tuple[str, str]] = set()
    open_ = [(root, "")]
    while open_:
        name, extra = open_.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for requirement in _requirements(name):
            if platform.holds(requirement, extra):
                needed = canonicalize_name(requirement.name)
                open_ += [(needed, each) for each in ("", *sorted(requirement.extras))]
    names = {name for name, _ in seen} - OURS
    if missing := sorted(names - locked.keys()):
        raise BuildError(f"{', '.join(missing)}: needed and not in requirements.lock; `make lock`")
    return tuple(locked[name] for name in sorted(names))


def committed(project: str) -> tuple[str, ...]:
    """Returns what a project of ours asks for, as of the newest commit. Raises BuildError."""
    path = (Path(project) / "pyproject.toml").as_posix()
    argv = ["git", "show", f"HEAD:{path}"]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"{path}: {done.stderr.strip()}")
    return tuple(tomllib.loads(done.stdout)["project"].get("dependencies", ()))


def _requirements(name: str) -> list[Requirement]:
    if name in OURS:
        return [Requirement(text) for text in committed(PROJECTS[name])]
    try:
        return [Requirement(text) for text in requires(name) or ()]
    except PackageNotFoundError as err:
        raise BuildError(f"{name} is not installed here, so what it needs is unknown") from err
