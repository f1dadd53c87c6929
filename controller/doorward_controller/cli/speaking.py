"""What every command needs: the settings, and one way to answer people or programs."""

import json
from typing import Annotated, Any

import typer

from doorward_controller.config import Config, load_config

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def config_of(ctx: typer.Context) -> Config:
    """Returns the settings that `--config` names. Raises ConfigError."""
    return load_config(ctx.obj)


def say(as_json: bool, value: dict[str, Any], text: str) -> None:
    """Prints the answer for a program or for a person."""
    typer.echo(json.dumps(value, ensure_ascii=False) if as_json else text)
