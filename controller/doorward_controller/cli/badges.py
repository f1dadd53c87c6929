"""`doorward-controller badge`: issued, looked at, and taken back in bulk.

Badges are no duty of whoever runs the system: an account's token stands in DOORWARD_TOKEN.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from doorward.credential import CredentialClass, Form
from doorward_controller.cli.speaking import (
    AsJson,
    DryRun,
    actor_of,
    backend_of,
    in_columns,
    progress,
    say,
)
from doorward_controller.domain.permissions import Action
from doorward_controller.domain.revocations import Cause, Change, Source
from doorward_controller.errors import ConfigError, ConflictError, NotFoundError
from doorward_controller.queries import credentials
from doorward_controller.services import (
    bulk_revocation,
    code_lists,
    codes,
    holders,
    issuing,
    proposing,
    work_progress,
)
from doorward_controller.services.acting import check_read
from doorward_controller.services.backend import Backend
from doorward_controller.services.bulk_revocation import Order, Preview, Selection
from doorward_controller.services.codes import DrawFormat

DAY_S = 86_400

badge_app = typer.Typer(no_args_is_help=True, help="Badges.")


@badge_app.command("issue")
def issue(
    ctx: typer.Context,
    group: Annotated[list[str], typer.Option(help="Decides which portals open; repeatable.")],
    days: Annotated[int, typer.Option(min=1, max=366, help="Valid for so long.")] = 365,
    kind: Annotated[str, typer.Option("--class", help="employee, visitor, contractor, …")] = (
        "employee"
    ),
    out: Annotated[
        Path | None, typer.Option(help="Write the code there, as .png, .svg or .pdf.")
    ] = None,
    json_: AsJson = False,
) -> None:
    """Issue a badge. The holder's name is asked for, or read from standard input."""
    backend = backend_of(ctx)
    actor = actor_of(backend)
    kinds = {each.name.lower(): each for each in CredentialClass}
    if kind not in kinds:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(kinds)}")
    shape = _shape(out)
    check_read(backend, actor, Action.ISSUE)
    holder = holders.add_holder(
        backend, actor, holders.HolderFields(name=_name()), groups=tuple(group)
    )
    now_s = backend.clock.now().utc_s
    wanted = issuing.IssueRequest(
        credential_class=kinds[kind], form=Form.BADGE, not_before=now_s,
        expires=now_s + days * DAY_S, holder_id=holder, groups=tuple(group),
    )  # fmt: skip
    number = issuing.issue(backend, actor, wanted).credential_id
    if out is not None and shape is not None:
        drawn = codes.draw(issuing.code_text(backend, actor, number), shape)
        _write(out, drawn)
    say(json_, {"badge": number, "file": str(out) if out else None}, f"badge {number} is issued")


@badge_app.command("show")
def show(ctx: typer.Context, number: str, json_: AsJson = False) -> None:
    """One badge, without its holder's name."""
    backend = backend_of(ctx)
    check_read(backend, actor_of(backend), Action.READ_CREDENTIALS, subject=number[:32])
    row = credentials.credential(backend.store, number)
    if row is None:
        raise NotFoundError(f"there is no badge {number[:40]!r}", code="no_credential")
    said = asdict(row)
    say(json_, said, in_columns(list(said.items()), ""))


@badge_app.command("change")
def change(
    ctx: typer.Context,
    to: Change,
    file: Annotated[
        Path | None, typer.Argument(help="CSV or XLSX with numbers in the first column; - reads.")
    ] = None,
    group: Annotated[str, typer.Option(help="Everybody of a group instead of a file.")] = "",
    key: Annotated[str, typer.Option(help="Every code of an issuing key instead.")] = "",
    cause: Annotated[Cause, typer.Option(help="Why; revoke, suspend and restore differ.")] = (
        Cause.OTHER
    ),
    note: str = "",
    until: Annotated[
        datetime | None, typer.Option(help="When a suspension ends by itself, in UTC.")
    ] = None,
    propose: Annotated[
        bool, typer.Option("--propose", help="Where the site asks for a second person.")
    ] = False,
    dry_run: DryRun = False,
    json_: AsJson = False,
) -> None:
    """Revoke, suspend or restore many badges at once: all of them or none."""
    backend = backend_of(ctx)
    actor = actor_of(backend)
    selection = _selection(file, group, key)
    found = bulk_revocation.preview(backend, actor, selection, to)
    if dry_run or found.problem_count:
        say(json_, asdict(found), _foreseen(found, to))
        if found.problem_count:
            raise ConflictError(
                f"{found.problem_count} lines name no badge; nothing was done", code="bad_lines"
            )
        return
    order = Order(
        change=to, cause=cause, note=note, expected=found.codes,
        until_utc_s=None if until is None else round(_in_utc(until).timestamp()),
    )  # fmt: skip
    if propose:
        made = proposing.propose_codes(backend, actor, selection, order, note or cause.value)
        say(json_, {"proposal": made.id}, f"proposed: {made.id}; somebody else decides")
        return
    with _progress(backend):
        batch = bulk_revocation.carry_out(backend, actor, selection, order)
    say(
        json_, asdict(batch),
        f"{to.value}: {batch.codes} badges of {batch.people} people; list {batch.status_seq}",
    )  # fmt: skip


@contextlib.contextmanager
def _progress(backend: Backend) -> Iterator[None]:
    """A bar that asks the work how far it is, five times a second."""
    is_over = threading.Event()
    with progress("badges") as tell:

        def watch() -> None:
            while not is_over.wait(0.2):
                for done, total in work_progress.under_way_here(backend):
                    tell(done, total)

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            is_over.set()
            watcher.join()


def _selection(file: Path | None, group: str, key: str) -> Selection:
    if sum((file is not None, bool(group), bool(key))) != 1:
        raise typer.BadParameter("give one of FILE, --group and --key")
    if group:
        return Selection(source=Source.GROUP, name=group)
    if key:
        return Selection(source=Source.KEY, name=key)
    assert file is not None  # noqa: S101  # one of the three was given
    return Selection(source=Source.UPLOAD, name=file.name, lines=code_lists.lines_of(_read(file)))


def _foreseen(found: Preview, to: Change) -> str:
    lines = [
        f"{to.value}: {found.codes} badges of {found.people} people",
        f"are so already: {found.already}; cannot become so: {found.unfit}",
    ]
    lines += [f"line {each.number}: {each.text} {each.problem}" for each in found.problems]
    if found.needs_second:
        lines.append("a second person is needed: --propose")
    return "\n".join(lines)


def _in_utc(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _shape(out: Path | None) -> DrawFormat | None:
    if out is None:
        return None
    known = {each.value: each for each in DrawFormat}
    if out.suffix.removeprefix(".") not in known:
        raise typer.BadParameter(f"{out.name}: must end with .png, .svg or .pdf")
    return known[out.suffix.removeprefix(".")]


def _name() -> str:
    if sys.stdin.isatty():
        text: str = typer.prompt("Name of the holder")
        return text
    return sys.stdin.readline().strip()


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as err:
        raise ConfigError(f"{file}: cannot be read: {err.strerror}") from err


def _write(out: Path, content: bytes) -> None:
    try:
        with out.open("xb") as file:
            file.write(content)
    except OSError as err:
        raise ConfigError(f"{out}: cannot be written: {err.strerror}") from err
