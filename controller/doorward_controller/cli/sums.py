"""`doorward-controller sums`: are the sums beside the records what the records are?

Exit status of `compare`: 0 they are, 3 they are not, 1 could not be compared, 2 wrong usage.
"""

from dataclasses import asdict
from datetime import UTC, datetime

import typer

from doorward_controller.cli.speaking import AsJson, backend_of, progress, say
from doorward_controller.services import sum_keeping
from doorward_controller.services.sum_keeping import Compared

DIFFERENT = 3

sums_app = typer.Typer(no_args_is_help=True, help="Sums of records, for charts and searches.")


@sums_app.command("compare")
def compare(ctx: typer.Context, json_: AsJson = False) -> None:
    """Count every record and compare; exit 3 when a sum is wrong. Intake goes on meanwhile."""
    with progress("fortnights") as tell:
        found = sum_keeping.compare(backend_of(ctx), tell)
    say(json_, asdict(found), _as_text(found))
    if found.wrong:
        raise typer.Exit(DIFFERENT)


@sums_app.command("recount")
def recount(ctx: typer.Context, json_: AsJson = False) -> None:
    """Make every sum anew from the records, a fortnight at a time. Intake goes on meanwhile."""
    with progress("fortnights") as tell:
        number = sum_keeping.recount(backend_of(ctx), tell)
    say(json_, {"fortnights": number}, f"the sums were made anew (fortnights: {number})")


def _as_text(found: Compared) -> str:
    if not found.wrong:
        return f"the sums are what the records are (fortnights compared: {found.fortnights})"
    begins = ", ".join(f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}" for at in found.wrong_begins)
    return (
        f"{found.wrong} sums are not what the records are, in the fortnights that begin on"
        f" {begins}; run `doorward-controller sums recount`"
    )
