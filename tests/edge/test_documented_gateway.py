"""What docs/gateway.md shows an integrator is what the gateway takes."""

import re
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from doorward_edge.__main__ import app
from doorward_edge.cli import run as commands
from doorward_edge.cli.simulation import control_handlers
from doorward_edge.config import load_config
from tests.architecture.source import ROOT

PAGE = (ROOT / "docs" / "gateway.md").read_text("utf-8")


def test_the_configuration_that_is_shown_is_read_whole(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "edge.toml"
    path.write_text(shown)
    config = load_config(path)
    assert [portal.id for portal in config.portals] == ["north-in", "north-out"]
    assert [scanner.name for scanner in config.scanners] == ["desk"]
    assert config.panel is not None
    assert config.claims


def test_every_command_is_listed_and_no_other() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| ", PAGE, re.MULTILINE)
    program = get_command(app)
    assert isinstance(program, TyperGroup)
    assert sorted(listed) == sorted(program.commands)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (commands.EXIT_CONFIG, "wrong configuration"),
        (commands.EXIT_CANNOT_START, "cannot start"),
        (commands.EXIT_FAILED, "failed while running"),
        (commands.EXIT_RESTART, "ended so that it is begun anew"),
    ],
)
def test_exit_statuses_are_those_of_the_program(status: int, words: str) -> None:
    assert f"{status} ({words}" in PAGE


def test_what_is_told_on_the_control_socket_is_understood() -> None:
    told = set(re.findall(r'do="([a-z]+)"', PAGE))
    source = Path(control_handlers.__code__.co_filename).read_text("utf-8")
    assert told == {"show", "clear", "input", "state", "pins"}
    assert all(f'"{name}"' in source for name in told)
