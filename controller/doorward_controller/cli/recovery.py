"""`doorward-controller recovery`: the key that opens everything, on sheets of paper.

Any few of the sheets make the key again; fewer say nothing of it. Sheets are printed and given to
people who keep them apart; none is ever stored by the program.
"""

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from doorward_controller import wiring
from doorward_controller.backup import quorum
from doorward_controller.backup.quorum import Sheet
from doorward_controller.backup.snapshot import KEYS
from doorward_controller.cli.speaking import AsJson, actor_of, config_of, say
from doorward_controller.errors import BackupError
from doorward_controller.exports import key_sheets
from doorward_controller.services import backups
from doorward_controller.services.key_vault import WRAPPING_KEY_FILE
from doorward_controller.store.backups import Sharing

recovery_app = typer.Typer(no_args_is_help=True, help="The key that opens everything, on paper.")

Sheets = Annotated[
    list[Path] | None, typer.Option("--sheet", help="A file with a sheet's words; repeatable.")
]


@recovery_app.command("split")
def split(
    ctx: typer.Context,
    to: Annotated[Path, typer.Option(help="An empty folder for the sheets, one PDF each.")],
    needed: Annotated[int, typer.Option(min=2, max=16, help="So many sheets make the key.")] = 3,
    sheets: Annotated[int, typer.Option(min=2, max=16, help="So many there are.")] = 5,
    json_: AsJson = False,
) -> None:
    """Share the key out on sheets, one for each person. Sheets of before go on being good."""
    config = config_of(ctx)
    backend = wiring.open_backend(config)
    if to.exists() and any(to.iterdir()):
        raise BackupError(f"{to}: is not empty; name an empty folder")
    key = (config.data_dir / KEYS / WRAPPING_KEY_FILE).read_bytes()
    made = quorum.split(key, threshold=needed, shares=sheets)
    if quorum.join([each.words for each in made[-needed:]]) != key:
        raise BackupError("the sheets do not make the key; nothing was written")
    files = _write(to, config.site, backend.clock.now().utc_s, made)
    sharing = Sharing(
        made_at_utc_s=backend.clock.now().utc_s,
        made_by=actor_of(backend).name,
        set_number=made[0].set_number,
        threshold=needed,
        shares=sheets,
    )
    backups.note_sharing(backend, actor_of(backend), sharing)
    text = (
        f"{sheets} sheets of set {sharing.set_number} are in {to}; any {needed} of them make the"
        f" key.\nnext: print each, hand each to another person, then delete the files:"
        f" shred -u {to}/*"
    )
    say(json_, asdict(sharing) | {"files": [str(each) for each in files]}, text)


@recovery_app.command("join")
def join(ctx: typer.Context, sheet: Sheets = None, json_: AsJson = False) -> None:
    """Make the key again from sheets, typed or read from files, and put it where it belongs."""
    config = config_of(ctx)
    opens = quorum.put_back(_joined(sheet), config.data_dir / KEYS)
    where = config.data_dir / KEYS / WRAPPING_KEY_FILE
    after = "it opens the other keys" if opens else "next: doorward-controller backup restore"
    say(json_, {"file": str(where), "opens": opens}, f"the key is in {where}; {after}")


@recovery_app.command("check")
def check(ctx: typer.Context, sheet: Sheets = None, json_: AsJson = False) -> None:
    """Say whether sheets make the key of this site, and change nothing; exit 1 when they do not."""
    config = config_of(ctx)
    key = (config.data_dir / KEYS / WRAPPING_KEY_FILE).read_bytes()
    if _joined(sheet) != key:
        raise BackupError("these sheets make another key than that of this site")
    say(json_, {"good": True}, "these sheets make the key of this site")


def _joined(files: list[Path] | None) -> bytes:
    if files:
        return quorum.join([_read(path) for path in files])
    given: list[str] = []
    typer.echo("Type the words of one sheet after the other; an empty line ends.", err=True)
    while True:
        hidden = sys.stdin.isatty()
        words = typer.prompt(
            f"sheet {len(given) + 1}", default="", show_default=False, hide_input=hidden, err=True
        )
        if not words.strip():
            return quorum.join(given)
        given.append(words)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise BackupError(f"{path}: cannot be read as words: {err}") from err


def _write(folder: Path, site: str, now_utc_s: int, made: tuple[Sheet, ...]) -> list[Path]:
    on = f"{datetime.fromtimestamp(now_utc_s, UTC):%Y-%m-%d}"
    written = []
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in made:
            path = folder / f"key-sheet-{each.number}-of-{each.shares}.pdf"
            path.touch(mode=0o600)
            path.write_bytes(
                key_sheets.pdf(
                    site=site,
                    on=on,
                    number=each.number,
                    of=each.shares,
                    needed=each.threshold,
                    set_number=each.set_number,
                    words=each.words.split(),
                )
            )
            written.append(path)
    except OSError as err:
        raise BackupError(f"{err.filename}: cannot be written: {err.strerror}") from err
    return written
