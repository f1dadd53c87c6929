"""Runs the controller: in this process beside the demonstration, or as a process of its own."""

import shutil
import sys
from pathlib import Path
from typing import Protocol

from doorward_controller.broker.child import Child, ChildSpec
from doorward_controller.demo.errors import DemoError

STOP_S = 8.0


class ControllerHost(Protocol):
    """A controller that can be started, stopped and killed."""

    def start(self) -> None:
        """Starts it; does not wait until it serves."""
        ...

    def stop(self) -> None:
        """Ends it in order."""
        ...

    def kill(self) -> None:
        """Ends it as a power cut would."""
        ...


class ControllerProcess:
    """`doorward-controller serve` as a child."""

    def __init__(self, config_file: Path, log_dir: Path) -> None:
        """Raises DemoError when the program is not installed."""
        command = (*controller_command(), "--config", str(config_file), "serve")
        self._child = Child(ChildSpec(name="controller", command=command, output_dir=log_dir))

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    @property
    def last_errors(self) -> str:
        """The last lines that it wrote to its standard error."""
        return self._child.last_errors()

    def start(self) -> None:
        """Starts the process."""
        self._child.start()

    def stop(self) -> None:
        """Asks it to end."""
        self._child.stop(STOP_S)

    def kill(self) -> None:
        """Kills it with SIGKILL."""
        self._child.kill()


def controller_command() -> tuple[str, ...]:
    """Returns our own program. Raises DemoError when it is not installed."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("doorward-controller", path=beside) or shutil.which("doorward-controller")
    if found is None:
        raise DemoError("doorward-controller is not installed; run: make demo")
    return (found,)
