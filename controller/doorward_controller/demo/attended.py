"""The demonstration for a person: console in this process, people at the gates, until Ctrl-C."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from types import MappingProxyType

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from doorward.times import Clock
from doorward_controller.demo.first_scan import wait_first_scan
from doorward_controller.demo.progress import progress
from doorward_controller.demo.traffic import Traffic
from doorward_controller.demo.world import Say, World, build
from doorward_controller.domain.permissions import Role


def run(
    folder: Path, *, http_port: int, seed: int, clock: Clock, terminal: Console, stop: Event
) -> None:
    """Runs until `stop` is set.

    Raises:
        DoorwardError: something is missing or does not start, or `stop` was set before everything
            ran; nothing is left running.
    """
    say = progress(terminal, clock, stop)
    with running(folder, http_port=http_port, seed=seed, clock=clock, say=say) as world:
        _tell(terminal, world, wait_first_scan(world, stop))
        stop.wait()
        terminal.print("Stopping gateways, controller and broker …")


@contextlib.contextmanager
def running(folder: Path, *, http_port: int, seed: int, clock: Clock, say: Say) -> Iterator[World]:
    """Runs everything, people included, while the body runs. Raises DoorwardError."""
    with contextlib.ExitStack() as stack:
        world = build(folder, http_port=http_port, clock=clock, say=say)
        stack.callback(world.close)
        # The web framework takes a second to import; the gateways start meanwhile.
        from doorward_controller.demo.controller_here import ControllerHere  # noqa: PLC0415
        from doorward_controller.demo.controls import Controls  # noqa: PLC0415

        controller = ControllerHere(world.config, clock)
        stack.callback(controller.stop)
        controls = Controls(world, controller.backend)
        stack.callback(controls.close)
        controller.start(controls)
        say("console: serves")
        world.start_remaining()
        traffic = Traffic(tuple(world.turnstiles.values()), world.setup.codes, seed)
        traffic.start()
        stack.callback(traffic.stop)
        yield world


_DUTIES: Mapping[Role, str] = MappingProxyType(
    {
        Role.ISSUER: "issues and revokes badges; the guided tour is for this one",
        Role.SECURITY: "watches every scan, revokes, releases rules",
        Role.REVIEWER: "approves what security proposes",
        Role.AUDITOR: "reads scans and the audit log, changes nothing",
        Role.ADMIN: "enrols gateways and manages accounts",
    }
)


def _tell(terminal: Console, world: World, first_scan_s: float) -> None:
    http = world.config.http
    accounts = Table.grid(padding=(0, 2))
    for name, role in world.setup.accounts:
        accounts.add_row(f"[b]{name}[/]", _DUTIES[role])
    console = f"http://{http.host}:{http.port}"
    page = Table.grid()
    page.add_row(f"Console    [b cyan]{console}/demo[/]")
    page.add_row(f"Password   [b]{world.setup.password}[/]   for each of these accounts:")
    page.add_row("")
    page.add_row(accounts)
    page.add_row("")
    page.add_row(
        f"First scan in the console {first_scan_s:.1f} s after the start. Stop with Ctrl-C."
    )
    terminal.print(Panel(page, title="Doorward", expand=False))
