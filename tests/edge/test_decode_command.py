"""`doorward-edge decode` on real files, in the real sandbox."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from doorward_edge.__main__ import app
from doorward_edge.cli.decode import MAX_FILE_BYTES
from tests.edge.decoder.pictures import blank, qr, sequence


def lines(*arguments: str) -> list[dict[str, Any]]:
    result = CliRunner().invoke(app, ["decode", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cv2.imwrite(str(tmp_path / "10.png"), blank())
    cv2.imwrite(str(tmp_path / "2.jpg"), qr("DW1:TWO"))
    (tmp_path / "inner").mkdir()
    cv2.imwrite(str(tmp_path / "inner" / "1.png"), sequence("A" * 90)[0])
    (tmp_path / "3.png").write_bytes(b"\x89PNG broken")
    (tmp_path / "notes.txt").write_text("x")
    return tmp_path


def test_a_folder_gives_a_line_for_each_picture(folder: Path) -> None:
    two, broken, empty, part = lines(str(folder))
    assert two == {
        "file": str(folder / "2.jpg"),
        "texts": ["DW1:TWO"],
        "reader": "zxing/slow",
        "ms": two["ms"],
        "problems": [],
    }
    assert two["ms"] > 0
    assert broken["error"] == "not a picture that can be opened"
    assert (empty["texts"], empty["reader"], "error" in empty) == ([], "", False)
    assert (part["texts"], part["problems"]) == ([], ["structured_append"])


def test_files_that_cannot_be_read_have_an_error_and_the_rest_goes_on(folder: Path) -> None:
    large = folder / "large.png"
    with large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    missing, too_large, two = lines(str(folder / "missing.png"), str(large), str(folder / "2.jpg"))
    assert missing["error"] == "No such file or directory"
    assert too_large["error"] == "larger than 64 MiB"
    assert two["texts"] == ["DW1:TWO"]


def test_a_photograph_that_needs_more_than_one_pass_is_read(tmp_path: Path) -> None:
    inverted = 255 - np.pad(qr("DW1:NIGHT"), 300, constant_values=255)
    cv2.imwrite(str(tmp_path / "night.png"), inverted)
    (line,) = lines(str(tmp_path / "night.png"))
    assert line["texts"] == ["DW1:NIGHT"]


def test_the_table_shows_no_markup_and_no_commands_of_strangers(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), qr(b"[red]x[/]\x1b[2J", mode="byte"))
    result = CliRunner().invoke(app, ["decode", str(tmp_path)], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "[red]x[/]" in result.stdout
    assert "\x1b" not in result.stdout


def test_an_empty_folder_is_no_error_and_is_said(tmp_path: Path) -> None:
    assert lines(str(tmp_path)) == []
    result = CliRunner().invoke(app, ["decode", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"no pictures in {tmp_path}\n"
