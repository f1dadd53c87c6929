"""`doorward-edge run` and `doorward-edge simulate`: the gateway itself."""

import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import typer

from doorward.errors import DoorwardError
from doorward_edge.adapters.watchdog_systemd import SystemdWatchdog
from doorward_edge.cli.options import DEFAULT_CONFIG
from doorward_edge.config import CameraKind, ConfigError, EdgeConfig, load_config
from doorward_edge.enrolling.enrolment import Step
from doorward_edge.enrolling_wiring import enrol_by_camera, is_enrolled
from doorward_edge.line_socket import LineSocket
from doorward_edge.wiring import Assembled, assemble

log = logging.getLogger(__name__)

EXIT_CONFIG = 2
EXIT_CANNOT_START = 3
EXIT_FAILED = 4
EXIT_RESTART = 5


def run(config: Path = typer.Option(DEFAULT_CONFIG, help="The gateway's edge.toml.")) -> None:
    """Runs the gateway on this board until it is stopped.

    Exit status: 0 stopped as asked, 2 wrong configuration, 3 cannot start, 4 failed while running,
    5 ended so that it is begun anew.
    """
    if not is_enrolled(config):
        _wait_for_identity(config)
    loaded = _load(config)
    if any(camera.kind is CameraKind.SCENE for camera in loaded.cameras):
        _give_up(
            f"{config}: camera.kind scene is rendered; use `doorward-edge simulate`", EXIT_CONFIG
        )
    _run(_assembled(loaded, config, simulated=False), lambda: None)


def simulate(
    config: Path = typer.Option(DEFAULT_CONFIG, help="The gateway's edge.toml."),
) -> None:
    """Runs the same gateway with a rendered or replayed camera and with recorded pins.

    It listens on control.sock in its data folder: one JSON object a line, each answered by one;
    "do" is show, clear, fail, state, pins, drive or input. On standard output it says when it is
    ready.
    """
    # The renderer is heavy, and a real gateway never needs it.
    from doorward_edge.cli.simulation import control_handlers  # noqa: PLC0415

    assembled = _assembled(_load(config), config, simulated=True)
    path = assembled.config.data_dir / "control.sock"
    try:
        control = LineSocket(path, control_handlers(assembled))
    except OSError as err:
        assembled.gateway.close()
        _give_up(f"{path}: {err}", EXIT_CANNOT_START)
    control.start()
    try:
        _run(assembled, lambda: _say_ready(assembled))
    finally:
        control.close()


def _wait_for_identity(config: Path) -> None:
    """A gateway that was never enrolled asks for its claim by lamp, and reads it by its camera."""
    _begin_log()
    watchdog = SystemdWatchdog(os.environ.get("NOTIFY_SOCKET"))

    def tell(step: Step) -> None:
        # Whoever watches the log compares as well as who has a screen.
        log.warning("enrol.%s said=%s code=%s", step.event, step.said, step.code or "-")

    try:
        if not enrol_by_camera(config, tell, watchdog):
            raise typer.Exit(0)
    except (ConfigError, DoorwardError, OSError, ValueError) as err:
        _give_up(f"cannot be enrolled: {err}", EXIT_CANNOT_START)


def _load(path: Path) -> EdgeConfig:
    try:
        return load_config(path)
    except ConfigError as err:
        hint = "" if path.exists() else "; name another one with --config FILE"
        _give_up(f"{err}{hint}", EXIT_CONFIG)


def _assembled(config: EdgeConfig, file: Path, *, simulated: bool) -> Assembled:
    _begin_log()
    try:
        return assemble(config, simulated=simulated, file=file)
    except ConfigError as err:
        _give_up(str(err), EXIT_CONFIG)
    except (DoorwardError, OSError) as err:
        _give_up(f"cannot start: {err}", EXIT_CANNOT_START)


def _begin_log() -> None:
    # The system's journal puts its own time before each line.
    when = "" if "JOURNAL_STREAM" in os.environ else "%(asctime)s "
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format=f"{when}%(levelname)s %(name)s %(message)s"
    )


def _run(assembled: Assembled, on_ready: Callable[[], None]) -> None:
    def stop(_number: int, _frame: Any) -> None:  # noqa: ANN401  # what signal hands over
        assembled.gateway.stop()

    # SIGHUP, too: a terminal that is closed must not end a gateway in the middle of a pulse.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    if not assembled.gateway.run(on_ready):
        raise typer.Exit(EXIT_FAILED)
    if assembled.restarter.is_asked:
        raise typer.Exit(EXIT_RESTART)


def _say_ready(assembled: Assembled) -> None:
    said = {"event": "ready", "gateway": assembled.config.gateway}
    print(json.dumps(said), flush=True)


def _give_up(message: str, status: int) -> NoReturn:
    typer.echo(f"doorward-edge: {message}", err=True)
    raise typer.Exit(status)
