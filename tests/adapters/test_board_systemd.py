"""Starting the board anew: what systemctl is asked, and what its refusals become."""

from pathlib import Path

import pytest

from doorward_edge.adapters.board_systemd import NoBoard, SystemdBoard


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts a program in systemctl's place that notes what it was asked; returns its notes."""
    notes = tmp_path / "asked"
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {notes}\nexit "${{REFUSES:-0}}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return notes


def test_systemd_is_asked_for_a_restart_without_a_password_prompt(asked: Path) -> None:
    SystemdBoard().reboot()
    assert asked.read_text() == "--no-ask-password --no-wall reboot\n"


def test_a_refusal_is_an_error_that_says_so(asked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUSES", "1")
    with pytest.raises(PermissionError, match="systemctl reboot: status 1"):
        SystemdBoard().reboot()
    assert asked.exists()


def test_a_machine_without_systemd_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError):
        SystemdBoard().reboot()


def test_a_simulation_never_starts_the_machine_anew() -> None:
    with pytest.raises(PermissionError, match="simulated"):
        NoBoard().reboot()
