"""A child process that cannot outlive us, with its output in files."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from doorward_controller.broker.waiting import wait_until

# The kernel sends the parent-death signal when the *thread* that forked ends. Web servers fork from
# threads that come and go, so every child is forked by this one, which lives as long as we do.
_FORKER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forker")

_TAIL_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """What to start.

    Attributes:
        name: for people and for the names of the output files.
        command: program and arguments.
        output_dir: `{name}.out` and `{name}.err` are written here; a restart appends.
        environment: added to our own.
    """

    name: str
    command: tuple[str, ...]
    output_dir: Path
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def out_file(self) -> Path:
        """What the child wrote to its standard output."""
        return self.output_dir / f"{self.name}.out"

    @property
    def err_file(self) -> Path:
        """What the child wrote to its standard error."""
        return self.output_dir / f"{self.name}.err"


class Child:
    """One process: started, asked to stop, or killed. Not restarted by itself."""

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self._process: subprocess.Popen[bytes] | None = None
        self._out_from = 0

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self.is_running() else None

    @property
    def exit_code(self) -> int | None:
        """How the last run ended; negative for a signal, None while it runs or before the start."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Starts the process.

        Raises:
            OSError: the program or the folder is not there.
            RuntimeError: it runs already.
        """
        if self.is_running():
            raise RuntimeError(f"{self.spec.name} runs already with process id {self.pid}")
        self.spec.output_dir.mkdir(parents=True, exist_ok=True)
        self._out_from = self.spec.out_file.stat().st_size if self.spec.out_file.exists() else 0
        self._process = _FORKER.submit(_fork, self.spec).result()

    def is_running(self) -> bool:
        """Says whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def output(self) -> str:
        """Returns what this run wrote to its standard output so far."""
        return self._read_output(self._out_from)

    def all_output(self) -> str:
        """Returns what all runs wrote to their standard output."""
        return self._read_output(0)

    def last_errors(self) -> str:
        """Returns the last lines of its standard error, for a message to a person."""
        try:
            text = self.spec.err_file.read_text(errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def _read_output(self, begin: int) -> str:
        with contextlib.suppress(FileNotFoundError), self.spec.out_file.open("rb") as file:
            file.seek(begin)
            return file.read().decode(errors="replace")
        return ""

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal if the process is alive."""
        if self._process is not None and self.is_running():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Asks it to end; kills it after `timeout_s`. Returns whether it ended by itself."""
        self.signal(signal.SIGTERM)
        ended = wait_until(lambda: not self.is_running(), timeout_s=timeout_s)
        if not ended:
            self.kill()
        return ended

    def kill(self) -> None:
        """Ends it as a power cut would: SIGKILL, nothing is flushed."""
        if self._process is not None:
            self.signal(signal.SIGKILL)
            self._process.wait()


def stop_all(children: Sequence[Child], timeout_s: float = 5.0) -> None:
    """Asks all to end at the same time, then waits for each."""
    for child in children:
        child.signal(signal.SIGTERM)
    for child in children:
        child.stop(timeout_s)


def _fork(spec: ChildSpec) -> subprocess.Popen[bytes]:
    with spec.out_file.open("ab") as out, spec.err_file.open("ab") as err:
        return subprocess.Popen(  # noqa: S603 (commands are built by us)
            (*_dies_with_us(), *spec.command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            env={**os.environ, **dict(spec.environment)},
            # Ctrl-C in the terminal reaches us alone; we stop the children in order.
            start_new_session=True,
        )


def _dies_with_us() -> tuple[str, ...]:
    # setpriv (util-linux) sets PR_SET_PDEATHSIG and then becomes the program under the same process
    # id. Who kills us in the few milliseconds before it has done so leaves that child behind.
    # Elsewhere than on Linux the children are stopped by `stop` alone.
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
