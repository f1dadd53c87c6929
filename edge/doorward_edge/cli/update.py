"""`doorward-edge update`: fetch, try, confirm and take back releases (docs/updates.md).

`apply` is what the timer calls, as root. Exit status: 0 nothing is left to do or it waits, 1 it
failed in the words on standard error.
"""

import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from doorward.errors import DoorwardError
from doorward.software import UpdateState, Version
from doorward_edge.updating.record import Record
from doorward_edge.updating.settings import Settings, load_settings

if TYPE_CHECKING:
    from doorward_edge.updating.updater import Updater

DEFAULT_SETTINGS = Path("/etc/doorward/update.toml")
SETTINGS = typer.Option(DEFAULT_SETTINGS, "--config", help="The updater's own settings.")

update = typer.Typer(no_args_is_help=True, help="Updates of this gateway's software.")


@update.command("check")
def check(
    version: str = typer.Argument("", help="Whether this release is signed for this machine."),
    config: Path = SETTINGS,
) -> None:
    """Asks the repository, checks everything that is signed, installs nothing."""
    from doorward_edge.updating.system import around_of  # noqa: PLC0415  # needed for real only

    def act(settings: Settings) -> str:
        releases = around_of(settings).releases
        releases.refresh()
        if not version:
            return "what is served is signed by enough of the keys that are trusted"
        found = releases.find(Version.parse(version))
        return f"{found.target.path}: {found.target.length} bytes, signed"

    typer.echo(_in_words(config, act))


@update.command("apply")
def apply(config: Path = SETTINGS) -> None:
    """Does whatever is due: what was ordered, or what was cut off; the timer calls this."""
    _run(config, lambda updater: updater.run())


@update.command("confirm")
def confirm(config: Path = SETTINGS) -> None:
    """Confirms the release on trial at once, on your word."""
    _run(config, lambda updater: updater.confirm())


@update.command("return")
def take_back(config: Path = SETTINGS) -> None:
    """Returns to the release before this one."""
    _run(config, lambda updater: updater.take_back("somebody at the gateway took it back"))


@update.command("status")
def status(
    config: Path = SETTINGS,
    json_output: bool = typer.Option(False, "--json", help="One JSON object."),
) -> None:
    """Says which release runs, which is kept, and where an update stands."""
    from doorward_edge.updating.system import around_of  # noqa: PLC0415
    from doorward_edge.updating.updater import Updater  # noqa: PLC0415

    def act(settings: Settings) -> str:
        record = Updater(around_of(settings)).record
        if json_output:
            return json.dumps(record.report.to_plain(), ensure_ascii=False)
        return _text(record)

    typer.echo(_in_words(config, act))


def _run(config: Path, do: Callable[["Updater"], Record]) -> None:
    from doorward_edge.updating.system import alone, around_of  # noqa: PLC0415
    from doorward_edge.updating.updater import Updater  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(message)s")

    def act(settings: Settings) -> str:
        with alone(Path(settings.state_dir)):
            return _text(do(Updater(around_of(settings))))

    typer.echo(_in_words(config, act))


def _in_words(config: Path, act: Callable[[Settings], str]) -> str:
    try:
        return act(load_settings(config))
    except DoorwardError as err:
        said = str(err)
    except OSError as err:
        said = f"{err.filename or 'the disk'}: {err.strerror or err}"
    typer.echo(f"doorward-edge update: {said}", err=True)
    raise typer.Exit(1)


def _text(record: Record) -> str:
    kept = f"; {record.previous} is kept" if record.previous else ""
    lines = [f"{record.confirmed or 'no release'} is confirmed{kept}"]
    if record.state is not UpdateState.IDLE:
        lines.append(f"{record.target}: {record.state.value.replace('_', ' ')}")
    elif record.outcome_version:
        lines.append(f"last: {record.outcome_version} {record.outcome.value}")
    return "\n".join([*lines, *([record.detail] if record.detail else [])])
