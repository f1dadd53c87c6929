"""`doorward-controller roll-out`: begin, follow, hold and end roll-outs.

A running server makes the steps; without one nothing happens, and nothing is lost.
"""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from doorward.commands import CommandName
from doorward_controller import wiring
from doorward_controller.cli.speaking import (
    AsJson,
    DryRun,
    actor_of,
    backend_of,
    config_of,
    say,
)
from doorward_controller.domain.roll_out_order import (
    ROLLABLE,
    CommandOrder,
    ConfigurationOrder,
    Order,
    Selection,
)
from doorward_controller.domain.setting_lines import LinesError, parse_lines
from doorward_controller.errors import ConfigError, NotFoundError
from doorward_controller.queries import roll_outs
from doorward_controller.queries.roll_outs import RollOutInFull
from doorward_controller.services import rolling_out
from doorward_controller.services.rolling_out import NewRollOut

HOUR_S = 3600

roll_out_app = typer.Typer(no_args_is_help=True, help="Roll-outs to many gateways, in waves.")


@roll_out_app.command("start")
def start(
    ctx: typer.Context,
    title: str,
    command: Annotated[
        CommandName | None, typer.Option(help=f"One of {', '.join(ROLLABLE)}.")
    ] = None,
    settings: Annotated[
        Path | None, typer.Option(help="A file with one `name = value` in a line.")
    ] = None,
    release: Annotated[
        str | None, typer.Option(help='A release, as 0.2.0; "before" for the one before.')
    ] = None,
    restart: Annotated[bool, typer.Option(help="So that settings count at once.")] = True,
    zone: Annotated[str, typer.Option(help="Only gateways with a portal there.")] = "",
    pattern: Annotated[str, typer.Option(help="Of the gateway's or a portal's name.")] = "",
    gateway: Annotated[list[str] | None, typer.Option(help="Chosen; repeatable.")] = None,
    wave: Annotated[list[str] | None, typer.Option(help='As "5" or "10%"; repeatable.')] = None,
    success_percent: Annotated[int, typer.Option(min=1, max=100)] = 100,
    failure_percent: Annotated[int, typer.Option(min=0, max=100)] = 0,
    rest_s: Annotated[int, typer.Option(min=0)] = 0,
    hours: Annotated[float, typer.Option(help="Until who was not heard of is missed.")] = 24,
    dry_run: DryRun = False,
    json_: AsJson = False,
) -> None:
    """Begin a roll-out; who takes part is fixed now."""
    new = NewRollOut(
        title=title,
        order=_order(command, settings, release, restart=restart),
        selection=Selection(zone=zone, pattern=pattern, gateways=frozenset(gateway or ())),
        waves=wave or (),
        success_percent=success_percent,
        failure_percent=failure_percent,
        rest_s=rest_s,
        deadline_s=int(hours * HOUR_S),
    )
    backend = backend_of(ctx)
    if dry_run:
        placed = rolling_out.members_of(backend, new)
        lines = "\n".join(f"wave {number}  {name}" for name, number in placed)
        say(json_, {"members": [{"gateway": n, "wave": w} for n, w in placed]}, lines)
        return
    number = rolling_out.start(backend, actor_of(backend), new)
    say(json_, {"id": number}, f"roll-out {number} has begun")


@roll_out_app.command("list")
def listed(ctx: typer.Context, json_: AsJson = False) -> None:
    """The newest roll-outs first."""
    rows = roll_outs.page(wiring.open_store(config_of(ctx))).items
    lines = "\n".join(f"{row.id:>5}  {row.state.value:<9}  {row.title}" for row in rows)
    say(json_, {"items": [_plain(row) for row in rows]}, lines or "there is no roll-out")


@roll_out_app.command("show")
def show(ctx: typer.Context, number: int, json_: AsJson = False) -> None:
    """One roll-out, and how far each member is."""
    found = roll_outs.roll_out(wiring.open_store(config_of(ctx)), number)
    if found is None:
        raise NotFoundError(f"there is no roll-out {number}", code="no_roll_out")
    say(json_, _plain(found), _text(found))


@roll_out_app.command("pause")
def pause(ctx: typer.Context, number: int, json_: AsJson = False) -> None:
    """Hold it: nothing more is handed out."""
    backend = backend_of(ctx)
    rolling_out.pause(backend, actor_of(backend), number)
    say(json_, {"id": number, "state": "paused"}, f"roll-out {number} is paused")


@roll_out_app.command("resume")
def resume(ctx: typer.Context, number: int, json_: AsJson = False) -> None:
    """Let a paused one go on."""
    backend = backend_of(ctx)
    rolling_out.resume(backend, actor_of(backend), number)
    say(json_, {"id": number, "state": "running"}, f"roll-out {number} goes on")


@roll_out_app.command("abort")
def abort(ctx: typer.Context, number: int, json_: AsJson = False) -> None:
    """End it; what was handed over stays where it is."""
    backend = backend_of(ctx)
    rolling_out.abort(backend, actor_of(backend), number)
    say(json_, {"id": number, "state": "aborted"}, f"roll-out {number} is aborted")


def _order(
    command: CommandName | None, settings: Path | None, release: str | None, *, restart: bool
) -> Order:
    if sum(given is not None for given in (command, settings, release)) != 1:
        raise typer.BadParameter("give one of --command, --settings and --release")
    if release is not None:
        version = "" if release == "before" else release
        arguments: dict[str, str | int | None] = {"version": version, "until": 0}
        return CommandOrder(name=CommandName.UPDATE_SOFTWARE, arguments=arguments)
    if command is not None:
        return CommandOrder(name=command)
    assert settings is not None  # noqa: S101  # one of the two was given
    try:
        return ConfigurationOrder(
            changes=parse_lines(settings.read_text(encoding="utf-8")), restart=restart
        )
    except LinesError as err:
        raise ConfigError(f"{settings}: {err}") from err
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(f"{settings}: cannot be read: {err}") from err


def _text(found: RollOutInFull) -> str:
    row = found.roll_out
    ending = f" ({row.ending.value})" if row.ending else ""
    head = f"roll-out {row.id}: {row.title}\n{row.state.value}{ending}"
    members = (
        f"wave {m.wave}  {m.state.value:<9}  {m.gateway}  {m.detail}".rstrip()
        for m in found.members
    )
    return "\n".join((head, *members))


def _plain(row: Any) -> dict[str, Any]:  # noqa: ANN401  # any of the rows
    return dataclasses.asdict(row)
