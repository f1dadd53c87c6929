"""Says what is being done and for how long; runs programs and keeps what they print."""

import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TextIO

from tools.bootstrapping.failures import SetupError, advice_for

_TICK_S = 0.5
_QUIET_REMINDER_S = 20.0  # without a terminal, one line this often says that we are alive
_SHOWN_LINES = 15
_WAITING = "Waiting for"  # how apt begins its sentence about a held lock


class Progress:
    """Prints one line a step, with its time; on a terminal the time counts while it runs."""

    def __init__(self, out: TextIO, log: Path) -> None:
        self._out = out
        self._log = log
        self._live = out.isatty()

    def say(self, sentence: str) -> None:
        """Print a sentence of its own."""
        print(sentence, file=self._out, flush=True)

    def run(
        self, title: str, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
    ) -> None:
        """Run a program as one step.

        Raises:
            SetupError: if the program cannot be started or ends with another status than 0.
        """
        began_mono_s = time.monotonic()
        if not self._live:
            self.say(f"  {title} ...")
        try:
            status, output = self._run_to_end(title, argv, cwd, env, began_mono_s)
        except OSError as err:
            msg = f"{title}: {argv[0]} could not be started"
            raise SetupError(msg, advice=advice_for(str(err)), output=str(err)) from err
        elapsed_s = time.monotonic() - began_mono_s
        self._end_line(f"  {'done' if status == 0 else 'FAILED'}: {title} ({elapsed_s:.1f} s)")
        if status != 0:
            shown = "\n".join(output.splitlines()[-_SHOWN_LINES:])
            msg = f"{title} failed (status {status} of `{Path(argv[0]).name}`)."
            raise SetupError(msg, advice=advice_for(output), output=shown)

    def _run_to_end(
        self,
        title: str,
        argv: Sequence[str],
        cwd: Path,
        env: Mapping[str, str] | None,
        began_mono_s: float,
    ) -> tuple[int, str]:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with (
            self._log.open("a", encoding="utf-8") as log,
            subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=None if env is None else dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            log.write(f"$ {' '.join(argv)}\n")
            assert process.stdout is not None  # noqa: S101 -- it is a pipe by the line above
            output = self._follow(title, process.stdout, log, began_mono_s)
            return process.wait(), output

    def _follow(self, title: str, stream: IO[bytes], log: TextIO, began_mono_s: float) -> str:
        """Read until the program closes its output; keep the clock on the screen going."""
        parts: list[str] = []
        reminded_mono_s = began_mono_s
        waiting_told = False
        with selectors.DefaultSelector() as selector:
            selector.register(stream, selectors.EVENT_READ)
            while True:
                if selector.select(_TICK_S):
                    chunk = os.read(stream.fileno(), 65536).decode("utf-8", "replace")
                    if not chunk:
                        return "".join(parts)
                    parts.append(chunk)
                    log.write(chunk)
                    if _WAITING in chunk and not waiting_told:
                        waiting_told = True
                        start = chunk.index(_WAITING)
                        self._end_line(f"  {chunk[start:].splitlines()[0].strip()}")
                now_mono_s = time.monotonic()
                if self._live:
                    line = f"\r  {title} ... {now_mono_s - began_mono_s:.0f} s"
                    print(line, end="", file=self._out, flush=True)
                elif now_mono_s - reminded_mono_s >= _QUIET_REMINDER_S:
                    reminded_mono_s = now_mono_s
                    self.say(f"  {title}: still at it after {now_mono_s - began_mono_s:.0f} s")

    def _end_line(self, line: str) -> None:
        self.say(f"\r\x1b[K{line}" if self._live else line)
