"""The environment is made anew exactly when something that it is made from has changed."""

import shutil
from pathlib import Path

import pytest

from tools.bootstrapping.environment import PROJECTS, TEST_LOCK, Workspace
from tools.bootstrapping.failures import SetupError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "with a space"
    for name in ("requirements.lock", "tools/installer.lock", *map(_settings, PROJECTS)):
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    return Workspace(root=root)


def _settings(project: str) -> str:
    return f"{project}/pyproject.toml"


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


@pytest.mark.parametrize("name", ["requirements.lock", "tools/installer.lock"])
def test_a_changed_lock_changes_the_inputs(workspace: Workspace, name: str) -> None:
    before = workspace.inputs(system_site=False)
    _append(workspace.root / name, "# more\n")
    assert workspace.inputs(system_site=False) != before


def test_what_a_project_declares_counts_and_settings_of_linters_do_not(
    workspace: Workspace,
) -> None:
    before = workspace.inputs(system_site=False)
    settings = workspace.root / "pyproject.toml"
    _append(settings, "\n[tool.something]\nelse = 1\n")
    assert workspace.inputs(system_site=False) == before
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace('version = "', 'version = "9', 1), encoding="utf-8")
    assert workspace.inputs(system_site=False) != before


def test_a_moved_checkout_and_another_kind_of_environment_change_the_inputs(
    workspace: Workspace, tmp_path: Path
) -> None:
    before = workspace.inputs(system_site=False)
    assert workspace.inputs(system_site=True) != before
    moved = workspace.root.rename(tmp_path / "elsewhere")
    assert Workspace(root=moved).inputs(system_site=False) != before


def test_an_environment_without_a_fitting_stamp_is_not_ready(workspace: Workspace) -> None:
    assert not workspace.is_ready(system_site=False)
    workspace.python.parent.mkdir(parents=True)
    workspace.python.touch()
    inputs = workspace.inputs(system_site=False)
    for stamp, ready in (
        ("", False),
        ('{"inputs": "other"}', False),
        (f'{{"inputs": "{inputs}"}}', True),
    ):
        workspace.stamp.write_text(stamp, encoding="utf-8")
        assert workspace.is_ready(system_site=False) is ready
    workspace.python.unlink()
    assert not workspace.is_ready(system_site=False)


def test_packages_for_tests_are_fetched_anew_when_their_lock_changes(workspace: Workspace) -> None:
    lock = workspace.root / TEST_LOCK
    shutil.copy(ROOT / TEST_LOCK, lock)
    assert not workspace.has_test_packages()
    workspace.test_packages.mkdir(parents=True)
    (workspace.test_packages / "doorward-stamp").write_text(workspace.test_lock(), encoding="utf-8")
    assert workspace.has_test_packages()
    before = workspace.inputs(system_site=False)
    _append(lock, "# more\n")
    assert not workspace.has_test_packages()
    assert workspace.inputs(system_site=False) == before


def test_an_incomplete_checkout_is_named(workspace: Workspace) -> None:
    (workspace.root / "edge" / "pyproject.toml").unlink()
    with pytest.raises(SetupError, match=r"edge/pyproject\.toml cannot be read"):
        workspace.inputs(system_site=False)
