"""`doorward-controller demo`: for a person who watches, or unattended."""

import contextlib
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from doorward.errors import DoorwardError
from doorward_controller.clock import SystemClock
from doorward_controller.demo.errors import DemoError, StoppedError

demo_app = typer.Typer(add_completion=False)

KEEP_DIR = Path("var/demo")
DEFAULT_PORT = 8080


@demo_app.command()
def demo(
    *,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="Where the console listens on 127.0.0.1; 0 takes a free port."
        ),
    ] = DEFAULT_PORT,
    keep: Annotated[
        bool, typer.Option("--keep", help=f"Keep databases, journals and logs in {KEEP_DIR}/.")
    ] = False,
    headless: Annotated[
        bool, typer.Option("--headless", help="Play every scenario unattended, count, and end.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --headless: print one JSON object.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=0, help="With --headless: people walk for at least so long.")
    ] = 30.0,
    seed: Annotated[int, typer.Option(help="Of the people and of the moments of failure.")] = 1,
) -> None:
    """Run broker, controller and three simulated gateways on this machine."""
    if as_json and not headless:
        raise typer.BadParameter("only the unattended run counts: add --headless")
    terminal = Console(stderr=True, highlight=False, soft_wrap=True)
    stop = Event()
    _end_when_asked(stop)
    try:
        with _folder(terminal, keep=keep) as folder:
            if headless:
                raise typer.Exit(
                    _unattended(folder, port, seconds, seed, terminal, stop, as_json=as_json)
                )
            _attended(folder, port, seed, terminal, stop)
        terminal.print("Stopped; no process is left behind.")
    except (StoppedError, KeyboardInterrupt):
        terminal.print("Stopped; no process is left behind.")
        raise typer.Exit(130 if headless else 0) from None
    except (DoorwardError, OSError) as err:
        terminal.print(f"[red]The demo cannot go on:[/] {escape(str(err))}")
        raise typer.Exit(1) from err


def _unattended(
    folder: Path,
    port: int,
    seconds: float,
    seed: int,
    terminal: Console,
    stop: Event,
    *,
    as_json: bool,
) -> int:
    # A person may run it beside the demo that they watch, so it takes a port of its own.
    from doorward_controller.demo import unattended  # noqa: PLC0415 (a second of imports)
    from doorward_controller.demo.progress import progress  # noqa: PLC0415

    clock = SystemClock()
    chosen = free_port(0 if port == DEFAULT_PORT else port)
    report = unattended.run(
        folder,
        http_port=chosen,
        seconds=seconds,
        seed=seed,
        clock=clock,
        say=progress(terminal, clock, stop),
        stop=stop,
    )
    if as_json:
        typer.echo(report.to_json())
    else:
        report.print_to(Console())
    return 1 if report.problems else 0


def _attended(folder: Path, port: int, seed: int, terminal: Console, stop: Event) -> None:
    from doorward_controller.demo import attended  # noqa: PLC0415 (a second of imports)

    chosen = free_port(port)
    attended.run(
        folder, http_port=chosen, seed=seed, clock=SystemClock(), terminal=terminal, stop=stop
    )


def free_port(wanted: int) -> int:
    """Returns `wanted`, or any free port for 0. Raises DemoError when it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as err:
            raise DemoError(
                f"port {wanted} is taken, perhaps by a demonstration that runs already. "
                f'Choose another one: make demo ARGS="--port {wanted + 1 if wanted < 65535 else 0}"'
            ) from err
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _folder(terminal: Console, *, keep: bool) -> Iterator[Path]:
    """Gives an empty folder; its name is short, because sockets in it have names of 107 bytes."""
    if not keep:
        with tempfile.TemporaryDirectory(prefix="doorward-", ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    folder = KEEP_DIR.absolute()
    if folder.exists():
        earlier = folder.with_name("demo-before")
        shutil.rmtree(earlier, ignore_errors=True)
        folder.rename(earlier)
        terminal.print(f"The data of the run before is now in {earlier}")
    folder.mkdir(parents=True)
    yield folder
    terminal.print(f"Databases, journals and logs are in {folder}")


def _end_when_asked(stop: Event) -> None:
    """Ends in order at the first Ctrl-C or SIGTERM, at once at the second."""

    def end(_number: int, _frame: FrameType | None) -> None:
        # An exception from here could land in the middle of an import, which may swallow it.
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
