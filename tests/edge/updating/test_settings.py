"""`update.toml` as an installer writes it, and as somebody gets it wrong."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from doorward_edge.cli.update import update
from doorward_edge.config import ClockSource
from doorward_edge.updating.settings import Settings, SettingsError, load_settings
from doorward_edge.updating.timing import Hours

URL = 'repository_url = "file:///media/stick"\n'


def _loaded(folder: Path, text: str) -> Settings:
    path = folder / "update.toml"
    path.write_text(text, "utf-8")
    return load_settings(path)


def test_an_address_is_enough(tmp_path: Path) -> None:
    found = _loaded(tmp_path, URL)
    assert (found.window, found.clock, found.quiet_s) == (None, ClockSource.KERNEL, 60)
    assert found.programs == "/opt/doorward/gateway"


def test_everything_can_be_said_and_paths_count_from_its_folder(tmp_path: Path) -> None:
    more = 'hours = [22, 4]\nquiet_s = 0\nclock = "assume"\nstate_dir = "here"\nlater = 1\n'
    found = _loaded(tmp_path, URL + more)
    assert found.window == Hours(first=22, last=4)
    assert (found.quiet_s, found.clock) == (0, ClockSource.ASSUME)
    assert found.state_dir == str(tmp_path / "here")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "repository_url"),
        ("repository_url = 'ftp://a/b'\n", "must be https:// or file:///"),
        (URL + "hours = [2]\n", r"hours is \[2\], must be as \[2, 5\] or empty"),
        (URL + "hours = [2, 3, 4]\n", "must be as"),
        (URL + "hours = [2, 24]\n", "<= 23"),
        (URL + "quiet_s = -1\n", ">= 0"),
        (URL + "clock = 'sundial'\n", "sundial"),
        ("repository_url", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        _loaded(tmp_path, text)


def test_a_gateway_without_any_update_says_how_it_stands(tmp_path: Path) -> None:
    folders = f'programs = "{tmp_path}/programs"\nstate_dir = "state"\nexchange_dir = "desk"\n'
    path = tmp_path / "update.toml"
    path.write_text(URL + folders, "utf-8")
    (tmp_path / "programs").mkdir()
    done = CliRunner().invoke(update, ["status", "--config", str(path)])
    assert done.exit_code == 0, done.output
    assert "no release is confirmed" in done.output
