"""`doorward-controller order`: work orders, listed."""

from dataclasses import asdict
from typing import Annotated

import typer

from doorward_controller.cli.speaking import AsJson, actor_of, backend_of, in_columns, say
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.work_orders import OrderState
from doorward_controller.queries import work_orders
from doorward_controller.queries.work_orders import OrderFilter
from doorward_controller.services.acting import check_read

order_app = typer.Typer(no_args_is_help=True, help="Work orders.")


@order_app.command("list")
def listed(
    ctx: typer.Context,
    state: OrderState | None = None,
    gateway: str = "",
    open_: Annotated[bool, typer.Option("--open", help="Only those that are not over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    json_: AsJson = False,
) -> None:
    """List work orders, the newest first."""
    backend = backend_of(ctx)
    check_read(backend, actor_of(backend), Action.READ_MAINTENANCE)
    wanted = OrderFilter(state=state.value if state else "", gateway=gateway, is_open=open_)
    rows = work_orders.page(backend.store, wanted, limit=limit).items
    lines = [
        (row.id, row.state.value, row.priority, row.gateway, row.assignee or "-", row.title)
        for row in rows
    ]
    say(json_, {"orders": [asdict(row) for row in rows]}, in_columns(lines, "no work order"))
