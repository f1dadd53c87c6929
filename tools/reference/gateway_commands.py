"""Every command of `doorward-edge` with its options and its exit status."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import typer

from doorward_edge.__main__ import app
from tools.reference.controller_commands import values
from tools.reference.markdown import MADE, table

Typed: TypeAlias = Any
"""The command line's own classes, which its library keeps to itself."""


def text() -> str:
    """Returns the page."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# Commands of the gateway"
    yield ""
    yield MADE
    yield ""
    yield "`doorward-edge COMMAND --help` says the same on the machine. What the exit status of"
    yield "`run` and `simulate` means says [a gateway on your bench](../gateway.md#the-program)."
    yield ""
    for name, command in _below("", typer.main.get_command(app)):
        yield from _command(name, command)


def _below(name: str, command: Typed) -> Iterator[tuple[str, Typed]]:
    names = getattr(command, "commands", None)
    if names is None:
        yield name, command
        return
    # By its name, because a group on demand loads a command when it is asked for it.
    for each in sorted(names):
        yield from _below(f"{name} {each}".strip(), names[each])


def _command(name: str, command: Typed) -> Iterator[str]:
    yield f"## {name}"
    yield ""
    yield (command.help or "").replace("\b", "").strip()
    yield ""
    rows = [_row(each) for each in command.params if each.name != "help"]
    if rows:
        yield table(("argument or option", "values", "meaning"), rows)


def _row(parameter: Typed) -> tuple[str, str, str]:
    is_option = parameter.param_type_name == "option"
    names = (*parameter.opts, *parameter.secondary_opts) if is_option else (parameter.name.upper(),)
    return (
        ", ".join(f"`{name}`" for name in names),
        values(parameter),
        "; ".join(filter(None, (parameter.help or "", "required" if parameter.required else ""))),
    )
