"""Every command of `doorward-controller` with its options, and what its exit status says."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, TypeAlias, get_args

import typer

from doorward_controller.__main__ import app
from doorward_controller.cli.audit import BROKEN
from doorward_controller.cli.speaking import TOKEN_VARIABLE
from doorward_controller.cli.sums import DIFFERENT
from tools.reference.markdown import MADE, table

Typed: TypeAlias = Any
"""The command line's own classes, which its library keeps to itself."""

STATUSES = (
    ("0", "done"),
    ("1", "refused or failed; one sentence on standard error says why, nothing was changed"),
    ("2", "wrong usage: an option or argument is missing or cannot be read"),
    (str(BROKEN), "`audit verify` alone: the log is broken, the first wrong entry is named"),
    (str(DIFFERENT), "`sums compare` alone: some sums are not what the records are"),
)
WORDS: dict[Any, str] = {int: "number", float: "number", Path: "file", datetime: "date and time"}
SHELLS = {
    "bash": "/etc/bash_completion.d/doorward-controller",
    "zsh": "/usr/local/share/zsh/site-functions/_doorward-controller",
    "fish": "/etc/fish/completions/doorward-controller.fish",
}


def text() -> str:
    """Returns the page."""
    return "\n".join(_page()) + "\n"


def commands() -> Iterator[tuple[str, Typed]]:
    """Gives every command by its full name, in the order of the program's own help."""
    yield from _below("", typer.main.get_command(app))


def _below(name: str, command: Typed) -> Iterator[tuple[str, Typed]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for each, below in inner.items():
        yield from _below(f"{name} {each}".strip(), below)


def _page() -> Iterator[str]:
    yield "# Commands of the controller"
    yield ""
    yield MADE
    yield ""
    yield "`doorward-controller --config FILE COMMAND`; without `--config` the settings are"
    yield "`/etc/doorward/controller.toml`. With `--json` a command prints one JSON object and"
    yield "nothing else on standard output. With `--dry-run` it says what it would do."
    yield ""
    yield "Commands act on the controller's own store, with or without a running server; a running"
    yield "server publishes what was changed within seconds. The audit log names the account of the"
    yield "operating system (`local:NAME`), which has the rights of a system administrator. Duties"
    yield "that are kept apart from those - badges, the policy, records - need an account of the"
    yield f"site: its API token is read from the environment variable `{TOKEN_VARIABLE}`."
    yield ""
    yield "## Exit status"
    yield ""
    yield table(("status", "means"), STATUSES)
    yield "## Completion"
    yield ""
    yield "```sh"
    for shell, file in SHELLS.items():
        yield f"_DOORWARD_CONTROLLER_COMPLETE=source_{shell} doorward-controller > {file}"
    yield "```"
    for name, command in commands():
        yield from _command(name, command)


def _command(name: str, command: Typed) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield (command.help or "").strip()
    rows = [_row(each) for each in command.params if each.name != "help"]
    if rows:
        yield ""
        yield table(("argument or option", "values", "meaning"), rows)


def _row(parameter: Typed) -> tuple[str, str, str]:
    is_option = parameter.param_type_name == "option"
    names = (*parameter.opts, *parameter.secondary_opts) if is_option else (parameter.name.upper(),)
    must = "required" if parameter.required else ""
    return (
        ", ".join(f"`{name}`" for name in names),
        values(parameter),
        "; ".join(filter(None, (parameter.help or "", must))),
    )


def values(parameter: Typed) -> str:
    """Returns what may be given: the words of an enumeration, or what kind of thing it is."""
    if getattr(parameter, "is_flag", False):
        return ""
    kind = parameter.type_descriptor.annotation
    kind = next(iter(get_args(kind)), kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(str(each.value) for each in kind)
    return WORDS.get(kind, "text")
