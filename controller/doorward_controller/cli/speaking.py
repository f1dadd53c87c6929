"""What every command needs: the settings, who acts, and one way to answer people or programs."""

import contextlib
import getpass
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from doorward_controller import wiring
from doorward_controller.config import Config, load_config
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.errors import ForbiddenError
from doorward_controller.services import sign_in
from doorward_controller.services.backend import Backend

TOKEN_VARIABLE = "DOORWARD_TOKEN"  # noqa: S105 - where one is found, not one
"""The API token of whoever acts; without it, the machine's own administrator does."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and do nothing.")]


def config_of(ctx: typer.Context) -> Config:
    """Returns the settings that `--config` names. Raises ConfigError."""
    return load_config(ctx.obj)


def backend_of(ctx: typer.Context) -> Backend:
    """Returns the controller's parts; a running server publishes what is changed. Raises."""
    return wiring.open_backend(config_of(ctx))


def actor_of(backend: Backend) -> Actor:
    """Returns on whose behalf a command acts, as the audit log names them.

    Whoever holds the key files administers. Duties that are kept apart from that - badges, the
    policy, records - need an account: its token is in the environment, never in the arguments,
    which others on the machine can read.

    Raises:
        ForbiddenError: the token is unknown or has ended.
    """
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        return Actor(name=f"local:{_person()}"[:64], role=Role.ADMIN)
    actor = sign_in.resume_bearer(backend, token)
    if actor is None:
        raise ForbiddenError(f"the token in {TOKEN_VARIABLE} is unknown or has ended")
    return actor


def say(as_json: bool, value: dict[str, Any], text: str) -> None:
    """Prints the answer for a program or for a person."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str) if as_json else text)


def in_columns(rows: Sequence[Sequence[object]], empty: str) -> str:
    """Returns rows as lines whose columns stand below each other; `empty` where there is none."""
    if not rows:
        return empty
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on a terminal's standard error; nothing where a program listens."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done, _of: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _person() -> str:
    """Returns whose account runs this; behind sudo, whoever asked for it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
