"""`doorward-controller audit`: is the log what was written, and copies of it to keep elsewhere.

Exit status of `verify`: 0 unbroken, 3 broken (the first wrong entry is named), 1 could not be
checked, 2 wrong usage. So a broken log is never mistaken for a database that is away.
"""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TextIO

import typer

from doorward_controller import wiring
from doorward_controller.cli.speaking import AsJson, actor_of, config_of, progress, say
from doorward_controller.errors import ConfigError
from doorward_controller.exports import audit_log
from doorward_controller.queries.audit_trail import AuditFilter
from doorward_controller.services import audit_check, audit_checkpoints
from doorward_controller.services.audit_check import Verified

BROKEN = 3

audit_app = typer.Typer(no_args_is_help=True, help="The audit log.")


@audit_app.command("verify")
def verify(
    ctx: typer.Context,
    json_: AsJson = False,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Checkpoints that were kept elsewhere, one in a line.")
    ] = None,
) -> None:
    """Name the first altered, missing, inserted or cut-off entry; exit 3 when there is one."""
    config = config_of(ctx)
    backend = wiring.open_backend(config)
    with progress("entries") as tell:
        found = audit_check.verify(
            config, backend.store, backend.keys.audit.public, checkpoints, tell
        )
    say(json_, _as_json(found), _as_text(found))
    if found.finding is not None:
        raise typer.Exit(BROKEN)


@audit_app.command("export")
def export(
    ctx: typer.Context,
    out: Annotated[Path | None, typer.Option(help="A new file; else standard output.")] = None,
) -> None:
    """Write every entry with its hash, one JSON object in a line, oldest first."""
    backend = wiring.open_backend(config_of(ctx))
    with _written(out) as file:
        for line in audit_log.lines(backend, actor_of(backend), AuditFilter()):
            file.write(line)


@audit_app.command("checkpoint")
def checkpoint(ctx: typer.Context, json_: AsJson = False) -> None:
    """Sign the present end of the log now, as the server does by itself."""
    config = config_of(ctx)
    made = audit_checkpoints.sign(wiring.open_backend(config))
    file = audit_checkpoints.file_of(config)
    text = f"signed; it is in {file}" if made else "the end is signed already"
    say(json_, {"signed": bool(made), "file": str(file)}, text)


def _as_json(found: Verified) -> dict[str, object]:
    wrong = found.finding
    said = {"entries": found.entries, "checkpoints": found.checkpoints, "vouched": found.vouched}
    if wrong is None:
        return {"unbroken": True, **said}
    named = {k: v for k, v in asdict(wrong).items() if k != "fault"}
    return {
        "unbroken": False, **said, "fault": wrong.fault.value, **named,
        "problem": wrong.sentence, "advice": wrong.advice,
    }  # fmt: skip


def _as_text(found: Verified) -> str:
    if found.finding is not None:
        return f"{found.finding.sentence}\n{found.finding.advice}"
    return (
        f"the audit log is unbroken: {found.entries} entries, {found.checkpoints} checkpoints,"
        f" signed up to entry {found.vouched}"
    )


@contextlib.contextmanager
def _written(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            yield file
    except FileExistsError:
        raise ConfigError(f"{out}: is there already; name a new file") from None
    except OSError as err:
        raise ConfigError(f"{out}: cannot be written: {err.strerror}") from err
