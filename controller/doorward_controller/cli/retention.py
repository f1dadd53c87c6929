"""`doorward-controller retention`: how long what is kept, and taking away what is over."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import typer

from doorward_controller.cli.speaking import (
    AsJson,
    DryRun,
    actor_of,
    backend_of,
    in_columns,
    progress,
    say,
)
from doorward_controller.domain.keeping import Hold
from doorward_controller.services import keeping, keeping_runs
from doorward_controller.services.keeping import Keeping

retention_app = typer.Typer(no_args_is_help=True, help="How long what is kept.")


@retention_app.command("show")
def show(ctx: typer.Context, json_: AsJson = False) -> None:
    """Say how long what is kept, what is held, and what went when."""
    backend = backend_of(ctx)
    found = keeping.show(backend, actor_of(backend))
    say(json_, asdict(found), _as_text(found))


@retention_app.command("run")
def run(ctx: typer.Context, dry_run: DryRun = False, json_: AsJson = False) -> None:
    """Take away now what is over; a working controller does it by itself each day."""
    backend = backend_of(ctx)
    actor = actor_of(backend)
    if dry_run:
        counts = {kind.value: n for kind, n in keeping.preview(backend, actor).items()}
        say(json_, {"would_go": counts}, _counted("would go", counts))
        return
    with progress("taken") as tell:
        gone = dict(keeping_runs.run_now(backend, tell, actor.name))
    say(json_, {"gone": gone}, _counted("went", gone))


def _counted(what: str, counts: dict[str, int]) -> str:
    said = ", ".join(f"{kind} {number}" for kind, number in counts.items() if number)
    return f"{what}: {said or 'nothing'}"


def _as_text(found: Keeping) -> str:
    rows: list[list[Any]] = [
        [each.kind.value, f"{each.days} days", f"goes before {_day(each.cut_utc_ms)}"]
        for each in found.kinds
    ]
    lines = [in_columns(rows, "")]
    lines += [f"held: {_hold(hold)}" for hold in found.holds if hold.is_standing]
    if found.running:
        lines.append(f"under way since {_time(found.running.began_utc_ms)}")
    elif found.due_utc_ms is not None:
        lines.append(f"next run: {_time(found.due_utc_ms)}")
    lines += [
        f"{_time(each.ended_utc_ms)} {_counted('went', dict(each.counts))}"
        for each in found.runs[:5]
    ]
    return "\n".join(lines)


def _hold(hold: Hold) -> str:
    what = f"holder {hold.holder_id}" if hold.holder_id else "everything"
    span = f"{_day(hold.from_utc_ms)} to {_day(hold.to_utc_ms)}"
    return f"#{hold.id} {what}, {span}: {hold.reason} ({hold.placed_by})"


def _day(at_utc_ms: int | None) -> str:
    return "..." if at_utc_ms is None else f"{datetime.fromtimestamp(at_utc_ms / 1000, UTC):%F}"


def _time(at_utc_ms: int | None) -> str:
    return "" if at_utc_ms is None else f"{datetime.fromtimestamp(at_utc_ms / 1000, UTC):%F %R}Z"
