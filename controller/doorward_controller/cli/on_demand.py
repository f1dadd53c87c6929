"""Commands whose modules are loaded when they are asked for: each brings libraries of its own."""

from collections import UserDict
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


class _Commands(UserDict[str, Any]):
    """Commands by name; one that is still a place, `package.module:name`, is loaded from there."""

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 (typer keeps its classes to itself)
        found = super().__getitem__(name)
        if isinstance(found, str):
            self[name] = found = _loaded(name, found)
        return found


class OnDemand(TyperGroup):
    """A group that knows the names of its commands, and where each is."""

    places: ClassVar[Mapping[str, str]]

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 (handed on)
        super().__init__(**settings)
        self.commands = _Commands({**self.commands, **self.places})


def _loaded(name: str, place: str) -> Any:  # noqa: ANN401
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command = typer.main.get_group(found)
        command.name = name
        return command
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return typer.main.get_command(alone)
