"""`doorward-edge renew`: the next certificate, when two thirds of the life of this one are over."""

import json
from dataclasses import asdict
from pathlib import Path

import typer

from doorward.times import ClockTrust
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.cli.options import DEFAULT_CONFIG
from doorward_edge.config import ConfigError, EdgeConfig, load_config
from doorward_edge.enrolling.broker_check import problem_with
from doorward_edge.enrolling.folder import BusyError, IdentityFolder
from doorward_edge.enrolling.renewal import Outcome, Renewal
from doorward_edge.enrolling.renewal import renew as renew_at

EXIT_REFUSED, EXIT_USAGE, EXIT_LATER = 1, 2, 3
_STATUS = {
    Outcome.NOT_DUE: 0,
    Outcome.RENEWED: 0,
    Outcome.LATER: EXIT_LATER,
    Outcome.REFUSED: EXIT_REFUSED,
    Outcome.ENDED: EXIT_REFUSED,
}


def renew(
    config: Path = typer.Option(DEFAULT_CONFIG, help="The gateway's edge.toml."),
    force: bool = typer.Option(False, "--force", help="Also before it is time."),
    json_output: bool = typer.Option(False, "--json", help="The outcome as one JSON object."),
) -> None:
    """Replaces this gateway's certificate when it is time; a timer runs this.

    The new one is tried at the broker before it counts. A gateway that runs shows it at its next
    connection; nothing is interrupted.

    Exit status: 0 renewed, or not due yet; 1 refused, or run out; 2 wrong configuration; 3 not now.
    """
    done = _renewed(config, force=force)
    if json_output:
        print(json.dumps(asdict(done), ensure_ascii=False))
    else:
        typer.echo(
            f"{done.outcome.replace('_', ' ')}: {done.said}", err=bool(_STATUS[done.outcome])
        )
    raise typer.Exit(_STATUS[done.outcome])


def _renewed(config: Path, *, force: bool) -> Renewal:
    try:
        loaded = load_config(config)
        folder = _folder_of(loaded, config)
        now = SystemClock(loaded.clock.source).now()
        if now.trust is ClockTrust.UNKNOWN and not force:
            said = "the clock was never synchronised, so nobody knows whether it is time"
            return Renewal(outcome=Outcome.LATER, said=said, not_after_utc_s=0)
        with folder.alone():
            done = renew_at(folder, now.utc_s, force=force, try_broker=problem_with)
            folder.give_to_owner()
            return done
    except ConfigError as err:
        typer.echo(f"doorward-edge: {err}", err=True)
        raise typer.Exit(EXIT_USAGE) from err
    except BusyError as err:
        return Renewal(outcome=Outcome.LATER, said=str(err), not_after_utc_s=0)
    except (OSError, ValueError, KeyError, TypeError) as err:
        said = f"the identity cannot be used: {err}"
        return Renewal(outcome=Outcome.REFUSED, said=said, not_after_utc_s=0)


def _folder_of(loaded: EdgeConfig, config: Path) -> IdentityFolder:
    if loaded.identity is None:
        raise ConfigError(f"{config} has no [identity]: renew its files as they were made")
    return IdentityFolder(loaded.identity)
