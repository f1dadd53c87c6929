"""One simulated gateway: its files, its process, its control line; started again when it dies."""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from doorward_controller.broker.child import Child, ChildSpec
from doorward_controller.broker.waiting import wait_until
from doorward_controller.demo.cable import Cable
from doorward_controller.demo.control_socket import ControlError, ControlSocket
from doorward_controller.demo.errors import DemoError

READY_S = 30.0
STOP_S = 5.0
_HOPELESS_RESTARTS = 2
RESTART_AFTER_S = 1.0
"""As systemd would with RestartSec=1: long enough for a person to see that it is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFiles:
    """Where a gateway's configuration and data lie."""

    config_file: Path
    data_dir: Path
    log_dir: Path

    @property
    def control_path(self) -> Path:
        """The Unix socket of the simulation."""
        return self.data_dir / "control.sock"


class GatewayProcess:
    """Runs `doorward-edge simulate` and keeps it running until it is stopped."""

    def __init__(
        self, name: str, files: GatewayFiles, cable: Cable, program: tuple[str, ...] | None = None
    ) -> None:
        """`program` is the installed `doorward-edge` unless another is given. Raises DemoError."""
        self.name = name
        self.files = files
        self.cable = cable
        self.control = ControlSocket(files.control_path)
        self._child = Child(
            ChildSpec(
                name=name,
                command=(
                    *(program or edge_command()),
                    "simulate",
                    "--config",
                    str(files.config_file),
                ),
                output_dir=files.log_dir,
            )
        )
        self._lock = Lock()
        self._ended = Event()
        self._watcher: Thread | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    @property
    def was_started(self) -> bool:
        """Says whether `start` was called."""
        return self._watcher is not None

    @property
    def is_running(self) -> bool:
        """Says whether the process is alive; it may not be ready yet."""
        return self._child.is_running()

    def start(self) -> None:
        """Starts the process and watches it; does not wait until it is ready."""
        self._child.start()
        self._watcher = Thread(target=self._watch, name=f"watch-{self.name}", daemon=True)
        self._watcher.start()

    def wait_ready(self, timeout_s: float = READY_S) -> None:
        """Returns when it reads codes. Raises DemoError when it does not come up."""
        if wait_until(self.is_ready, timeout_s=timeout_s, stop=self._ended):
            return
        raise DemoError(
            f"gateway {self.name} was not ready within {timeout_s:.0f} s; "
            f"{self._child.spec.err_file} ends with:\n{self._child.last_errors()}"
        )

    def is_ready(self) -> bool:
        """Says whether this run of the process has announced that it reads codes."""
        return self.is_running and any(_is_ready(x) for x in self._child.output().splitlines())

    def raise_if_it_cannot_start(self) -> None:
        """Raises DemoError when it ended again and again and never was ready."""
        never_ready = not any(map(_is_ready, self._child.all_output().splitlines()))
        if self.restarts >= _HOPELESS_RESTARTS and never_ready:
            raise DemoError(
                f"gateway {self.name} does not start; {self._child.spec.err_file} ends with:\n"
                f"{self._child.last_errors()}"
            )

    def state(self) -> dict[str, Any] | None:
        """Returns its own account of itself; None while nobody answers."""
        try:
            return self.control.state() if self.is_running else None
        except ControlError:
            return None

    def kill(self) -> None:
        """Kills it with SIGKILL; the watcher starts it again."""
        with self._lock:
            self._child.kill()

    def stop(self) -> None:
        """Asks it to end and does not start it again."""
        self._ended.set()
        with self._lock:
            self._child.stop(STOP_S)
        self._join()

    def power_off(self) -> None:
        """Kills it and does not start it again; it has no time to record that it ends."""
        self._ended.set()
        with self._lock:
            self._child.kill()
        self._join()

    def _join(self) -> None:
        if self._watcher is not None:
            self._watcher.join(STOP_S)

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            if self.is_running or self._ended.wait(RESTART_AFTER_S):
                continue
            with self._lock:
                if not self._ended.is_set() and not self.is_running:
                    self._child.start()
                    self.restarts += 1


def edge_command() -> tuple[str, ...]:
    """Returns the gateway program beside our own. Raises DemoError when it is not installed."""
    found = shutil.which("doorward-edge", path=str(Path(sys.executable).parent)) or shutil.which(
        "doorward-edge"
    )
    if found is None:
        raise DemoError("doorward-edge is not installed beside doorward-controller; run: make demo")
    return (found,)


def _is_ready(line: str) -> bool:
    try:
        said = json.loads(line)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("event") == "ready"
