"""`doorward-controller backup`: copies of everything, tried restores, and the way back.

Exit status: 0 done and good, 1 refused or failed, 2 wrong usage, 3 some place has no good copy or
a rehearsal did not hold.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from doorward_controller import serving, wiring
from doorward_controller.backup import places, rehearsing, restoring, running
from doorward_controller.backup.restoring import Copy, Fetched
from doorward_controller.cli import log_of_database
from doorward_controller.cli.speaking import AsJson, backend_of, config_of, in_columns, say
from doorward_controller.clock import SystemClock
from doorward_controller.config import BackupTarget, Config
from doorward_controller.domain.backup_state import Lack, PlaceState, Standing
from doorward_controller.errors import BackupError
from doorward_controller.services import backups, erasures
from doorward_controller.services.backups import LogNow, Overview
from doorward_controller.store.backups import Run
from doorward_controller.store.upgrade import upgrade

NOT_GOOD = 3

backup_app = typer.Typer(no_args_is_help=True, help="Copies of everything, and the way back.")

backup_app.command("log")(log_of_database.log)

Place = Annotated[str, typer.Option("--place", help="One of the places in the settings.")]

_LACKS = {
    Lack.NOT_SET_UP: "no place is set: add [[backup.target]] to the settings (docs/backup.md)",
    Lack.NEVER: "a place has no copy yet: doorward-controller backup run",
    Lack.LATE: "a copy is too old: look at the timer, or run: doorward-controller backup run",
    Lack.LOG_LATE: "the database's log is behind: look at the unit doorward-backup-log",
    Lack.FAILED_REHEARSAL: "the last rehearsal failed: look at its words, then make a new copy",
    Lack.ONE_PLACE: "there is one place only: set a second one",
    Lack.NONE_ELSEWHERE: "no place is in another building: set is_elsewhere where one is",
    Lack.UNREHEARSED: "a restore is due to be tried: doorward-controller backup rehearse",
    Lack.UNSHARED_KEY: "the key is on this machine alone: doorward-controller recovery split",
}


@backup_app.command("run")
def run(
    ctx: typer.Context,
    json_: AsJson = False,
    place: Place = "",
    keep_old: Annotated[bool, typer.Option(help="Remove no old copies this time.")] = False,
) -> None:
    """Copy everything to every place; exit 3 when one of them did not get it."""
    backend = backend_of(ctx)
    places.place_of(backend.config, place)
    erasures.complete(backend)
    with _bars() as tell:
        made = running.run(backend, ctx.obj, tell, place, is_pruned=not keep_old)
    backups.look(backend)
    say(json_, {"runs": [asdict(each) for each in made]}, "\n".join(map(_run_line, made)))
    if not all(each.is_good for each in made):
        raise typer.Exit(NOT_GOOD)


@backup_app.command("status")
def status(ctx: typer.Context, json_: AsJson = False) -> None:
    """Say how old each place's last good copy is and what is lacking; exit 3 when one is late."""
    found = backups.overview(backend_of(ctx))
    say(json_, _status_as_json(found), _status_as_text(found))
    if any(each.standing is not Standing.GOOD for each in found.places) or not found.places:
        raise typer.Exit(NOT_GOOD)


@backup_app.command("list")
def list_(ctx: typer.Context, json_: AsJson = False, place: Place = "") -> None:
    """List the copies that are there, asking the places themselves."""
    config = config_of(ctx)
    found, troubles = restoring.copies(config, _targets(config, place))
    rows = [(each.snapshot.id[:8], each.snapshot.time[:19], each.target.name) for each in found]
    for trouble in troubles:
        typer.echo(trouble, err=True)
    copies = [_copy_as_json(each) for each in found]
    say(json_, {"copies": copies, "troubles": troubles}, in_columns(rows, "no copy is there yet"))
    if troubles:
        raise typer.Exit(NOT_GOOD)


@backup_app.command("check")
def check(
    ctx: typer.Context,
    json_: AsJson = False,
    place: Place = "",
    share: Annotated[float, typer.Option(min=0.01, max=1.0, help="Of the stored data.")] = 0.1,
) -> None:
    """Read a share of what is stored and all that ties it together; exit 3 when a place is bad."""
    config = config_of(ctx)
    results = {}
    for target in _targets(config, place):
        try:
            places.repository_of(config, target).check(share)
            results[target.name] = ""
        except BackupError as err:
            results[target.name] = err.message
    lines = [f"{name}: {problem or 'good'}" for name, problem in results.items()]
    say(json_, {"places": results}, "\n".join(lines))
    if any(results.values()):
        raise typer.Exit(NOT_GOOD)


@backup_app.command("rehearse")
def rehearse(
    ctx: typer.Context,
    json_: AsJson = False,
    place: Place = "",
    when_due: Annotated[
        bool, typer.Option("--when-due", help="Only if the last one is too long ago.")
    ] = False,
) -> None:
    """Try a restore and compare; by default from the place that waited longest. Exit 3: it failed.

    Nothing in use is touched. What was found is kept as evidence.
    """
    backend = backend_of(ctx)
    found = backups.overview(backend)
    if when_due and not {Lack.UNREHEARSED, Lack.FAILED_REHEARSAL} & set(found.lacks):
        say(json_, {"due": False}, "the last rehearsal is recent and held")
        return
    target = places.place_of(backend.config, place or _longest_unrehearsed(found))
    made = rehearsing.rehearse(backend, target, _tell)
    text = (
        f"held: the copy of {_when(made.copied_at_utc_s)} at {made.place} is whole:"
        f" {made.rows} rows in {made.tables} tables, {made.audit_entries} audit entries followed,"
        f" {made.records_compared} of {made.records_of} records compared"
        if made.held
        else f"FAILED at {made.place}: {made.problem}"
    )
    say(json_, asdict(made), text)
    if not made.held:
        raise typer.Exit(NOT_GOOD)


@backup_app.command("restore")
def restore(
    ctx: typer.Context,
    json_: AsJson = False,
    place: Place = "",
    copy: Annotated[str, typer.Option("--copy", help="Its number; else the newest.")] = "",
    until: Annotated[
        str,
        typer.Option(
            help="A moment, as 2026-11-22T10:30:00Z, or `newest`: from the database's log instead."
        ),
    ] = "",
    workshop: Annotated[
        Path | None,
        typer.Option(help="Where the log is played back; needs twice the database's room."),
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="Only bring it here, and put nothing in place.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Bring the newest whole copy back and put it in place; what is there is moved aside.

    The controller must be stopped. Other places are tried when one is damaged or away.
    """
    config = config_of(ctx)
    wanted = restoring.Wanted(targets=_targets(config, place), copy=copy)

    def fetch(folder: Path) -> Fetched:
        if until:
            return log_of_database.fetch(config, wanted, until, workshop, folder, _tell)
        return restoring.fetch(config, wanted, folder, _tell)

    if into is not None:
        fetched = fetch(into.absolute())
        say(
            json_,
            _fetched_as_json(fetched),
            f"brought to {fetched.folder}; nothing was put in place",
        )
        return
    with serving.alone(config):
        _restore_in_place(ctx, config, fetch, json_, yes)


def _restore_in_place(
    ctx: typer.Context, config: Config, fetch: Callable[[Path], Fetched], json_: bool, yes: bool
) -> None:
    with restoring.scratch(config) as folder:
        fetched = fetch(folder)
        _confirm(config, fetched, yes)
        now_s = SystemClock().now().utc_s
        aside = restoring.put_in_place(config, fetched, now_s)
        put, left = restoring.put_back_elsewhere(fetched)
    store = wiring.open_store(config)
    upgrade(store)
    store.close()
    backend = backend_of(ctx)
    erased = backups.note_restored(
        backend,
        place=fetched.copy.target.name,
        snapshot=fetched.copy.snapshot.id,
        erased=fetched.erased,
    )
    value = _fetched_as_json(fetched) | {
        "aside": str(aside or ""),
        "erased_again": erased,
        "put": [str(each) for each in put],
        "left": [str(each) for each in left],
    }
    say(json_, value, _restored_text(fetched, value))


def _restored_text(fetched: Fetched, value: dict[str, object]) -> str:
    made = _when(fetched.manifest.made_at_utc_s)
    lines = [f"restored: everything is as it was at {made}"]
    lines += [f"not taken: {each}" for each in fetched.passed_by]
    if value["aside"]:
        lines.append(f"what was there before is in {value['aside']}")
    if value["erased_again"]:
        lines.append(
            f"people erased again, because they were after the copy: {value['erased_again']}"
        )
    lines += [f"left as it is, because it was there: {each}" for each in value["left"]]  # type: ignore[attr-defined]
    lines += [
        "next:",
        "  1. start the controller; gateways send again what it lacks, of the last 7 days",
        f"  2. revoke anew what was revoked after {made}: nobody else remembers",
        "  3. doorward-controller backup run",
    ]
    return "\n".join(lines)


def _confirm(config: Config, fetched: Fetched, yes: bool) -> None:
    if yes:
        return
    made = _when(fetched.manifest.made_at_utc_s)
    typer.echo(
        f"Everything of site {config.site} will be as it was at {made}. What is there now is moved"
        f" aside within {config.data_dir}.",
        err=True,
    )
    if typer.prompt("Type the site's name to go on", err=True) != config.site:
        raise BackupError("nothing was changed", code="not_confirmed")


def _targets(config: Config, place: str) -> list[BackupTarget]:
    chosen = places.place_of(config, place)
    return [chosen] if place else list(config.backup.target)


def _longest_unrehearsed(found: Overview) -> str:
    def waited(state: PlaceState) -> int:
        return state.rehearsed_at_utc_s or 0

    states = [each.state for each in found.places]
    return min(states, key=waited).name if states else ""


def _run_line(made: Run) -> str:
    if not made.is_good:
        return f"FAILED  {made.place}: {made.problem}"
    size, added = made.size_bytes / 2**20, made.added_bytes / 2**20
    text = f"good    {made.place}: {size:.1f} MB, {added:.1f} MB of it new"
    return f"{text}; but {made.problem}" if made.problem else text


def _status_as_json(found: Overview) -> dict[str, object]:
    return {
        "places": [asdict(each.state) | {"standing": each.standing.value} for each in found.places],
        "lacks": [each.value for each in found.lacks],
        "log": [asdict(each) for each in found.log],
        "key_shared": asdict(found.sharing) if found.sharing else None,
    }


def _status_as_text(found: Overview) -> str:
    rows = [
        (
            each.standing.value,
            each.state.name,
            _when(each.state.good_at_utc_s) if each.state.good_at_utc_s else "-",
            "elsewhere" if each.state.is_elsewhere else "",
        )
        for each in found.places
    ]
    rows += [_log_row(each) for each in found.log]
    lacking = "\n".join(f"- {_LACKS[each]}" for each in found.lacks)
    return "\n".join(filter(None, (in_columns(rows, ""), lacking)))


def _log_row(each: LogNow) -> tuple[str, str, str, str]:
    until = f"the log, up to {_when(each.covers_utc_s)}" if each.covers_utc_s else "no log yet"
    return ("late" if each.is_late else "good", each.place, until, each.problem)


def _fetched_as_json(fetched: Fetched) -> dict[str, object]:
    return {
        **_copy_as_json(fetched.copy),
        "folder": str(fetched.folder),
        "made_at_utc_s": fetched.manifest.made_at_utc_s,
        "rows": sum(fetched.manifest.rows.values()),
        "passed_by": list(fetched.passed_by),
    }


def _copy_as_json(copy: Copy) -> dict[str, object]:
    return {"copy": copy.snapshot.id, "time": copy.snapshot.time, "place": copy.target.name}


def _when(at_utc_s: int) -> str:
    return f"{datetime.fromtimestamp(at_utc_s, UTC):%Y-%m-%d %H:%M} UTC"


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        typer.echo(what, err=True)


@contextlib.contextmanager
def _bars() -> Iterator[Callable[[str, int, int | None], None]]:
    """One bar for the database and one for each place, where somebody looks."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _what, _done, _of: None
        return
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as bar:

        def tell(what: str, done: int, of: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=None)
            bar.update(tasks[what], completed=done, total=of)

        yield tell
