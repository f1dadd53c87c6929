"""`doorward-edge bench-test` as it is typed: its answers, its files, and what it refuses."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from doorward_edge.__main__ import app
from doorward_edge.adapters.gpio_gpiozero import Pins
from doorward_edge.cli import bench_test
from doorward_edge.disk import POSIX
from tests.fakes.edge_toml import ENROLLED
from tests.fakes.loop_box import LoopBox

CONFIG = (
    ENROLLED
    + """\
[clock]
source = "assume"
[[portal]]
id = "north"
panel_only = true
lock = { kind = "fail_secure", terminal = 17 }
lamps = { green = 22 }
[portal.inputs]
exit_button = { terminal = 27 }
"""
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gateway that is wired and not enrolled, on pins that drive nothing."""
    (tmp_path / "edge.toml").write_text(CONFIG)
    (tmp_path / "data" / "journal").mkdir(parents=True)

    def pins() -> Pins:
        return LoopBox((), {}, {})

    monkeypatch.setattr(bench_test, "_pins", pins)
    monkeypatch.setattr(bench_test, "_pause", lambda _: None)
    return tmp_path


def typed(folder: Path, *arguments: str, answers: str = "") -> Result:
    argv = ["bench-test", "--config", str(folder / "edge.toml"), *arguments]
    return CliRunner().invoke(app, argv, input=answers)


def test_it_writes_a_sheet_and_a_result_and_fails_what_is_not_enrolled(folder: Path) -> None:
    done = typed(folder, "--unattended", "--who", "Li", "--out", str(folder / "reports"))
    assert done.exit_code == 1, done.output
    (found,) = (folder / "reports").glob("bench-test-gate-1-*.json")
    report = json.loads(found.read_text())
    assert report["who"] == "Li"
    assert report["gateway"] == "gate-1"
    by_name = {step["name"]: step for step in report["steps"]}
    assert by_name["check keyring"]["verdict"] == "failed"
    assert by_name["output GPIO17"]["verdict"] == "skipped"
    assert by_name["storage"]["figures"]["slowest_ms"] >= 0
    assert "Bench test of a gateway" in found.with_suffix(".html").read_text()


def test_it_does_nothing_while_the_gateway_runs(folder: Path) -> None:
    let_go = POSIX.lock(folder / "data" / "journal" / "journal.lock")
    try:
        done = typed(folder, "--unattended")
    finally:
        let_go()
    assert done.exit_code == 4
    assert "the gateway runs" in done.output
    assert "storage" not in done.output


def test_the_gateway_cannot_start_meanwhile_and_can_afterwards(folder: Path) -> None:
    assert "storage" in typed(folder, "--unattended").output
    POSIX.lock(folder / "data" / "journal" / "journal.lock")()


@pytest.mark.parametrize("answer", ["yes", "", "gate-2"])
def test_a_lock_moves_only_for_who_types_the_name(folder: Path, answer: str) -> None:
    done = typed(folder, "--move-lock", answers=f"{answer}\n")
    assert done.exit_code != 0
    assert "✓" not in done.output
    assert "storage" not in done.output


def test_a_lock_never_moves_when_nobody_is_there(folder: Path) -> None:
    done = typed(folder, "--move-lock", "--unattended")
    assert done.exit_code == 4
    assert "not confirmed; nothing was moved" in done.output


def test_with_the_name_typed_lock_and_lamp_are_asked_for(folder: Path) -> None:
    done = typed(folder, "--move-lock", answers="gate-1\nyes\nno\n")
    assert "GPIO17 (portal.lock.terminal) will move" in done.output
    assert "✓ output GPIO17" in done.output
    assert "✗ output GPIO22" in done.output


def test_a_camera_is_looked_through_by_the_real_decoder(folder: Path) -> None:
    config = folder / "edge.toml"
    camera = '[[camera]]\nname = "front"\nkind = "scene"\n'
    text = CONFIG.replace("panel_only = true", 'cameras = ["front"]')
    config.write_text(text.replace("[[portal]]", f"{camera}[[portal]]"))
    done = typed(folder, "--unattended")
    assert "✓ camera front: 1280x720" in done.output
    assert "– code front: nobody held a code up" in done.output


WRONG = {
    ("--loop", "22=99"): "'GPIO99' is no input; inputs are GPIO27",
    ("--config", os.devnull): "missing",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_what_is_wrong_is_told_before_anything_is_tried(
    folder: Path, arguments: tuple[str, str]
) -> None:
    done = typed(folder, *arguments)
    assert done.exit_code == 2
    assert WRONG[arguments] in done.output
    assert "storage" not in done.output


def test_terminals_are_listed_for_whoever_makes_loops(folder: Path) -> None:
    done = typed(folder, "--terminals")
    assert done.exit_code == 0
    assert "output GPIO17: GPIO17, portal.lock.terminal, a lock" in done.output
    assert "input GPIO27: GPIO27, portal.inputs.exit_button.terminal" in done.output
