"""`doorward-controller backup log` and the moment that `backup restore --until` names."""

import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from doorward_controller.backup import moments, snapshot
from doorward_controller.backup.gathering import Gathering
from doorward_controller.backup.moments import Moment
from doorward_controller.backup.restoring import Fetched, Tell, Wanted
from doorward_controller.cli.speaking import AsJson, backend_of, say
from doorward_controller.config import Config
from doorward_controller.errors import BackupError

NEWEST = "newest"
NOT_GOOD = 3

Once = Annotated[bool, typer.Option("--once", help="One round, then end; to try it.")]


def log(ctx: typer.Context, json_: AsJson = False, once: Once = False) -> None:
    """Gather PostgreSQL's log and bring it to every place until told to stop (a service).

    With it `backup restore --until` goes back to a moment between two copies.
    """
    backend = backend_of(ctx)
    if not backend.config.backup.log.is_on:
        raise BackupError(
            "the log is not gathered here: set is_on in [backup.log] (docs/backup.md)"
        )
    gathering = Gathering(backend, ctx.obj)
    if not once:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: stopping.set())
        gathering.run(stopping)
        return
    try:
        done = gathering.once()
    finally:
        gathering.end()
    covers = datetime.fromtimestamp(done.covers_utc_s, UTC).isoformat()
    lines = [f"FAILED  {name}: {problem}" for name, problem in done.problems.items()]
    say(
        json_,
        {"covers": covers, "base": done.base is not None, "problems": done.problems},
        "\n".join([f"restorable up to {covers}", *lines]),
    )
    if done.problems:
        raise typer.Exit(NOT_GOOD)


def moment_of(text: str) -> int | None:
    """Returns the second that `--until` names, None for the newest. Raises BackupError."""
    if text == NEWEST:
        return None
    try:
        named = datetime.fromisoformat(text)
    except ValueError as err:
        raise BackupError(
            f"--until is {text!r}; write a moment as 2026-11-22T10:30:00+08:00, or {NEWEST}",
            code="bad_moment",
        ) from err
    if named.tzinfo is None:
        raise BackupError(
            f"--until is {text!r}; add the time zone, as +08:00 or Z", code="bad_moment"
        )
    return int(named.timestamp())


def fetch(
    config: Config, wanted: Wanted, until: str, workshop: Path | None, into: Path, tell: Tell
) -> Fetched:
    """Brings back the moment that is wanted. Raises BackupError."""
    moment = Moment(
        targets=wanted.targets,
        until_utc_s=moment_of(until),
        workshop=(workshop or config.data_dir) / snapshot.WORKSHOP,
    )
    return moments.fetch_moment(config, moment, into, tell)
