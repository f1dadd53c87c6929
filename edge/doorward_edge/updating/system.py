"""The real things around the updater: systemd, the clocks, the interpreter, one run at a time."""

import contextlib
import fcntl
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from doorward.errors import DoorwardError
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.updating.catalogue import Catalogue, Found
from doorward_edge.updating.exchange import boot_id
from doorward_edge.updating.fetching import RepositoryFetcher
from doorward_edge.updating.folders import Programs
from doorward_edge.updating.installing import WHEELS, install, relocate, run_program, unpack
from doorward_edge.updating.settings import Settings
from doorward_edge.updating.updater import Around

RESTART_S = 150
"""Longer than the unit may take to begin."""


class BusyError(DoorwardError):
    """Another updater is at work."""


class SystemdUnit:
    """The gateway's unit."""

    def __init__(self, name: str) -> None:
        """Takes its name."""
        self._name = name

    def restart(self) -> None:
        """Starts it anew; returns when it says that it is ready. Raises OSError."""
        argv = ["systemctl", "--no-ask-password", "restart", self._name]
        try:
            done = subprocess.run(  # noqa: S603  # a fixed command
                argv,
                check=False,
                capture_output=True,
                text=True,
                timeout=RESTART_S,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as err:
            raise TimeoutError(f"systemctl gave no answer in {RESTART_S} s") from err
        if done.returncode:
            raise ChildProcessError(done.stderr.strip()[:200] or f"status {done.returncode}")


class PipInstaller:
    """Makes environments with the system's interpreter."""

    def unpack(self, file: Path, into: Path, found: Found) -> None:
        """Unpacks a release's file. Raises InstallError or OSError."""
        unpack(file, into, found.release)

    def install(self, folder: Path, final: Path) -> None:
        """Makes it run, in the folder that it will have. Raises InstallError or OSError."""
        install(folder, run_program)
        relocate(folder, final)
        shutil.rmtree(folder / WHEELS)


def machine_platform() -> str:
    """Returns the platform that releases for this machine are built for."""
    return f"cp{sys.version_info.major}{sys.version_info.minor}-{platform.machine()}"


def around_of(settings: Settings) -> Around:
    """Returns what the updater works with on this machine. Raises OSError."""
    clock = SystemClock(settings.clock)
    state_dir = Path(settings.state_dir)
    state_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    fetcher = RepositoryFetcher(settings.ca_file, lambda: clock.now().mono_ms / 1000)
    return Around(
        programs=Programs(root=Path(settings.programs)),
        releases=Catalogue(
            url=settings.repository_url,
            root=Path(settings.root_file),
            state_dir=state_dir,
            fetcher=fetcher,
            platform=machine_platform(),
        ),
        service=SystemdUnit(settings.unit),
        installer=PipInstaller(),
        clock=clock,
        state_dir=state_dir,
        exchange_dir=Path(settings.exchange_dir),
        boot_id=boot_id(),
        local_hour=lambda: time.localtime(clock.now().utc_s).tm_hour,
        pause=_pause,
        quiet_s=settings.quiet_s,
        hours=settings.window,
    )


@contextlib.contextmanager
def alone(state_dir: Path) -> Iterator[None]:
    """Lets one updater work at a time. Raises BusyError."""
    state_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise BusyError("an updater is at work already; see `update status`") from err
        yield
    finally:
        os.close(descriptor)


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)
