"""The two Python environments: `.tools/uv` holds the pinned uv, `.venv` holds Doorward."""

import hashlib
import json
import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools.bootstrapping.failures import SetupError
from tools.bootstrapping.interpreters import Interpreter
from tools.bootstrapping.mirrors import parse_pip_settings, pip_environment, uv_environment
from tools.bootstrapping.progress import Progress

PROJECTS = (".", "edge", "controller")
STAMP_VERSION = 1  # raise it when the way an environment is made changes
TEST_LOCK = "tools/test-only.lock"
ANSIBLE_LOCK = "tools/provision.lock"
_STAMP = "doorward-stamp"
_FREE_BYTES_WANTED = 1_200_000_000  # a full .venv with its download cache, measured at 1.0 GB


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A checkout of Doorward and where its environments lie."""

    root: Path

    @property
    def venv(self) -> Path:
        """The environment in which everything runs."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The Python of that environment."""
        return self.venv / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """Says from which inputs `.venv` was made; absent while it is being changed."""
        return self.venv / "doorward-stamp.json"

    @property
    def tools(self) -> Path:
        """Where uv, the log and the lock of the bootstrap lie."""
        return self.root / ".tools"

    @property
    def test_packages(self) -> Path:
        """Where packages lie that tests look at and that no environment has."""
        return self.tools / "test-only"

    @property
    def ansible(self) -> Path:
        """The environment that holds Ansible and nothing of Doorward."""
        return self.tools / "ansible"

    def has_ansible(self) -> bool:
        """Whether it is what `tools/provision.lock` names, and was made at this place."""
        try:
            stamp = (self.ansible / _STAMP).read_text(encoding="utf-8")
        except OSError:
            return False
        return stamp == self.ansible_stamp()

    def ansible_stamp(self) -> str:
        """Return what stands in its stamp: scripts carry their full path."""
        return f"{self.root} {hashlib.sha256(self._read(ANSIBLE_LOCK)).hexdigest()}"

    def has_test_packages(self) -> bool:
        """Whether they are what `tools/test-only.lock` names."""
        try:
            return (self.test_packages / _STAMP).read_text(encoding="utf-8") == self.test_lock()
        except OSError:
            return False

    def test_lock(self) -> str:
        """Return the lock's own content: it is short."""
        return self._read(TEST_LOCK).decode()

    def inputs(self, *, system_site: bool) -> str:
        """Return a digest of everything from which `.venv` is made, its place included."""
        digest = hashlib.sha256(f"{STAMP_VERSION} {self.root} {system_site}".encode())
        for name in ("requirements.lock", "tools/installer.lock"):
            digest.update(self._read(name))
        for project in PROJECTS:
            settings = tomllib.loads(self._read(f"{project}/pyproject.toml").decode())
            # The settings of linters change often and change nothing about what is installed.
            parts = [settings.get("build-system"), settings["project"]]
            parts.append(settings.get("tool", {}).get("hatch"))
            digest.update(json.dumps(parts, sort_keys=True).encode())
        return digest.hexdigest()

    def is_ready(self, *, system_site: bool) -> bool:
        """Whether `.venv` is whole and made from these very inputs."""
        try:
            stamp = json.loads(self.stamp.read_bytes())
        except (OSError, ValueError):
            return False
        return bool(
            stamp.get("inputs") == self.inputs(system_site=system_site) and self.python.exists()
        )

    def _read(self, name: str) -> bytes:
        try:
            return (self.root / name).read_bytes()
        except OSError as err:
            msg = f"{name} cannot be read: {err.strerror}."
            raise SetupError(msg, advice="Is this checkout complete? `git status` shows.") from err


def make_ready(
    workspace: Workspace, interpreter: Interpreter, progress: Progress, *, system_site: bool
) -> None:
    """Build or mend `.venv` so that it holds exactly what the lock names, and Doorward itself.

    Raises:
        SetupError: if there is too little room or a step fails.
    """
    _check_room(workspace.root)
    uv = _pinned_uv(workspace, interpreter, progress)
    env = uv_environment(_pip_settings(uv.with_name("python")), os.environ)
    workspace.stamp.unlink(missing_ok=True)

    def run_uv(title: str, *arguments: str) -> None:
        progress.run(title, [str(uv), *arguments], cwd=workspace.root, env=env)

    if not _is_usable(workspace, interpreter, system_site=system_site):
        version = ".".join(map(str, interpreter.version))
        extra = ["--system-site-packages"] if system_site else []
        title = f"creating .venv with Python {version} of {interpreter.path}"
        run_uv(title, "venv", "--clear", "--quiet", "--python", interpreter.path, *extra, ".venv")
    target = ("--python", str(workspace.python))
    count = workspace.root.joinpath("requirements.lock").read_text().count("==")
    run_uv(
        f"installing {count} locked Python packages",
        *("pip", "sync", *target, "--require-hashes", "--compile-bytecode"),
        # Every file is pinned by its hash, so it does not matter which of several indexes has it.
        *("--index-strategy", "unsafe-best-match", "requirements.lock"),
    )
    editables = [part for project in PROJECTS for part in ("--editable", f"./{project}")]
    run_uv(
        "installing Doorward itself (kit, gateway, controller) from this checkout",
        *("pip", "install", *target, "--no-deps", "--no-build-isolation", "--no-index"),
        *editables,
    )
    stamp = {"inputs": workspace.inputs(system_site=system_site), "python": interpreter.version}
    workspace.stamp.write_text(json.dumps(stamp) + "\n", encoding="utf-8")


def add_test_packages(workspace: Workspace, interpreter: Interpreter, progress: Progress) -> None:
    """Fetch what `tools/test-only.lock` names, alone, into a folder that no environment sees.

    What such a package needs beside itself cannot be had here (a camera's libraries); tests put
    stand-ins in its place.

    Raises:
        SetupError: if a step fails.
    """
    uv = _pinned_uv(workspace, interpreter, progress)
    shutil.rmtree(workspace.test_packages, ignore_errors=True)
    progress.run(
        "fetching packages that only tests look at (picamera2)",
        [
            *(str(uv), "pip", "install", "--python", str(workspace.python), "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:"),
            *("--index-strategy", "unsafe-best-match"),
            *("--target", str(workspace.test_packages), "--requirement", TEST_LOCK),
        ],
        cwd=workspace.root,
        env=uv_environment(_pip_settings(uv.with_name("python")), os.environ),
    )
    stamp = workspace.test_packages / _STAMP
    stamp.write_text(workspace.test_lock(), encoding="utf-8")


def add_ansible(workspace: Workspace, interpreter: Interpreter, progress: Progress) -> None:
    """Make the environment of Ansible, apart from `.venv`: plain tests do without it.

    Raises:
        SetupError: if a step fails.
    """
    uv = str(_pinned_uv(workspace, interpreter, progress))
    env = uv_environment(_pip_settings(Path(uv).with_name("python")), os.environ)
    folder = str(workspace.ansible)
    make = [uv, "venv", "--clear", "--quiet", "--python", interpreter.path, folder]
    progress.run("creating an environment for Ansible", make, cwd=workspace.root, env=env)
    progress.run(
        "installing Ansible and its linter",
        [
            *(uv, "pip", "sync", "--python", f"{folder}/bin/python", "--require-hashes"),
            *("--index-strategy", "unsafe-best-match", ANSIBLE_LOCK),
        ],
        cwd=workspace.root,
        env=env,
    )
    (workspace.ansible / _STAMP).write_text(workspace.ansible_stamp(), encoding="utf-8")


def _check_room(root: Path) -> None:
    free_bytes = shutil.disk_usage(root).free
    if free_bytes < _FREE_BYTES_WANTED and not (root / ".venv").exists():
        msg = (
            f"{root} has {free_bytes / 1e9:.1f} GB free;"
            f" {_FREE_BYTES_WANTED / 1e9:.1f} GB are needed."
        )
        raise SetupError(msg, advice="Free some space and run the same command again.")


def _pinned_uv(workspace: Workspace, interpreter: Interpreter, progress: Progress) -> Path:
    """Return the uv that `tools/installer.lock` names, installed by pip with its hash checked."""
    folder = workspace.tools / "uv"
    lock = workspace.root / "tools" / "installer.lock"
    uv = folder / "bin" / "uv"
    stamp = folder / _STAMP
    made_from = f"{workspace.root} {hashlib.sha256(lock.read_bytes()).hexdigest()}"
    if uv.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == made_from:
        return uv
    root = workspace.root
    argv = [interpreter.path, "-m", "venv", "--clear", str(folder)]
    progress.run("creating an environment for the installer (.tools/uv)", argv, cwd=root)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    flags = ["install", "--quiet", "--require-hashes", "--only-binary", ":all:"]
    title = "installing uv, the installer of Python packages"
    env = pip_environment(_pip_settings(folder / "bin" / "python"), os.environ)
    progress.run(title, [*pip, *flags, "--requirement", str(lock)], cwd=root, env=env)
    stamp.write_text(made_from, encoding="utf-8")
    return uv


def _pip_settings(python: Path) -> dict[str, str]:
    argv = [str(python), "-m", "pip", "config", "list"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    return parse_pip_settings(done.stdout)


def _is_usable(workspace: Workspace, interpreter: Interpreter, *, system_site: bool) -> bool:
    """Whether the `.venv` that is there can be kept and only needs other packages.

    Raises:
        SetupError: if `.venv` is something else than a Python environment.
    """
    if not workspace.venv.exists():
        return False
    settings = workspace.venv / "pyvenv.cfg"
    if not settings.exists():
        msg = f"{workspace.venv} exists and is not a Python environment."
        raise SetupError(msg, advice="Move it away and run the same command again.")
    lines = settings.read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("=") for line in lines]
    found = {key.strip(): value.strip() for key, _, value in pairs}
    version = ".".join(map(str, interpreter.version))
    made_with = found.get("version_info", found.get("version", ""))
    return (
        workspace.python.exists()
        and made_with.startswith(version)
        and (found.get("include-system-site-packages") == "true") == system_site
        and _scripts_point_here(workspace)
    )


def _scripts_point_here(workspace: Workspace) -> bool:
    """Whether the environment was made at this very place: scripts carry its full path."""
    activate = workspace.venv / "bin" / "activate"
    return activate.exists() and str(workspace.venv) in activate.read_text(encoding="utf-8")
