"""`doorward-edge secure`: locks every lock, for when the gateway does not run."""

from pathlib import Path

import typer

from doorward_edge.adapters.gpio_gpiozero import PinError, board_pins, open_lock
from doorward_edge.cli.options import DEFAULT_CONFIG
from doorward_edge.config import ConfigError, load_config


def secure(config: Path = typer.Option(DEFAULT_CONFIG, help="The gateway's edge.toml.")) -> None:
    """Locks every lock and lets go of it again; the service manager runs it after the gateway.

    A gateway that is killed within a pulse cannot lock, and some kernels keep an output's level.

    Exit status: 0 all are locked, 1 one could not be, 2 wrong configuration.
    """
    try:
        locks = [(p.id, p.lock) for p in load_config(config).portals if p.lock is not None]
        pins = board_pins() if locks else None
    except ConfigError as err:
        typer.echo(f"doorward-edge: {err}", err=True)
        raise typer.Exit(2) from err
    except (ImportError, OSError) as err:
        typer.echo(
            f"doorward-edge: no lock was locked: the pins of this board cannot be used: {err}",
            err=True,
        )
        raise typer.Exit(1) from err
    has_failed = False
    for portal, line in locks:
        try:
            open_lock(line, factory=pins).close()
        except (PinError, OSError, ValueError) as err:
            typer.echo(f"doorward-edge: lock of {portal}: {err}", err=True)
            has_failed = True
    if pins is not None:
        pins.close()
    if has_failed:
        raise typer.Exit(1)
