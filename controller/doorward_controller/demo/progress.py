"""What a person who waits is told, with the seconds since the start of this process."""

from threading import Event

import psutil  # type: ignore[import-untyped]
from rich.console import Console
from rich.markup import escape

from doorward.times import Clock
from doorward_controller.demo.errors import StoppedError
from doorward_controller.demo.world import Say


def since_process_start_s(clock: Clock) -> float:
    """Returns the seconds since the system started this process, the first of all."""
    started_s = float(psutil.Process().create_time())
    return round(clock.now().utc_ms / 1000 - started_s, 2)


def progress(terminal: Console, clock: Clock, stop: Event) -> Say:
    """Returns what prints a step with its time.

    Every step is also where a run that was asked to end does so: it raises StoppedError.
    """

    def say(text: str) -> None:
        if stop.is_set():
            raise StoppedError
        terminal.print(f"[dim]{since_process_start_s(clock):6.1f} s[/]  {escape(text)}")

    return say
