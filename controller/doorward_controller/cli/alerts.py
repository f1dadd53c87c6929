"""`doorward-controller alert`: what needs somebody, and that somebody has seen it."""

from dataclasses import asdict
from typing import Annotated

import typer

from doorward_controller.cli.speaking import AsJson, actor_of, backend_of, in_columns, say
from doorward_controller.domain.alert_texts import Tongue, title_of
from doorward_controller.domain.permissions import Action, allows
from doorward_controller.queries import alerts
from doorward_controller.queries.alerts import AlertFilter
from doorward_controller.services import alert_handling
from doorward_controller.services.acting import check_read

alert_app = typer.Typer(no_args_is_help=True, help="Alerts.")

Numbers = Annotated[list[int], typer.Argument(min=1, help="Their numbers.")]


@alert_app.command("list")
def listed(
    ctx: typer.Context,
    state: Annotated[str, typer.Option(help="live, open, acknowledged, resolved or all.")] = "live",
    severity: Annotated[str, typer.Option(help="notice, warning or alarm.")] = "",
    gateway: str = "",
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    json_: AsJson = False,
) -> None:
    """List alerts, the newest first."""
    backend = backend_of(ctx)
    actor = actor_of(backend)
    check_read(backend, actor, Action.READ_FLEET)
    wanted = AlertFilter(
        state=None if state == "all" else state,
        severity=severity or None,
        gateway=gateway or None,
        with_discreet=allows(actor, alert_handling.SEES_DISCREET),
    )
    rows = alerts.page(backend.store, wanted, limit=limit).items
    lines = [
        (row.id, row.severity.value, row.state.value, row.fact.place,
         title_of(row.fact, Tongue.ENGLISH))
        for row in rows
    ]  # fmt: skip
    say(json_, {"alerts": [asdict(row) for row in rows]}, in_columns(lines, "no alert"))


@alert_app.command("acknowledge")
def acknowledge(ctx: typer.Context, numbers: Numbers, json_: AsJson = False) -> None:
    """Say that somebody looks after them: nobody further is told."""
    backend = backend_of(ctx)
    actor = actor_of(backend)
    for number in numbers:
        alert_handling.acknowledge(backend, actor, number)
    say(json_, {"acknowledged": numbers}, f"{len(numbers)} acknowledged")


@alert_app.command("resolve")
def resolve(ctx: typer.Context, numbers: Numbers, note: str = "", json_: AsJson = False) -> None:
    """Say that they are over."""
    backend = backend_of(ctx)
    actor = actor_of(backend)
    for number in numbers:
        alert_handling.resolve(backend, actor, number, note)
    say(json_, {"resolved": numbers}, f"{len(numbers)} resolved")
