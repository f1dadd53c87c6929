"""The three projects agree, and each declares what it imports.

A workspace shares one environment, so an import of another project's dependency would go
unnoticed until somebody installs the gateway alone.
"""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import DISTRIBUTIONS, ROOT, modules

# From apt on a Pi, because they belong to the system's libcamera and kernel (docs/adr/0002).
FROM_APT = {"picamera2", "libcamera", "lgpio", "evdev"}
OURS = {"doorward", "doorward_edge", "doorward_controller"}
FOLDERS = {
    "doorward": ROOT,
    "doorward-edge": ROOT / "edge",
    "doorward-controller": ROOT / "controller",
}


def _project(folder: Path) -> dict[str, Any]:
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    project: dict[str, Any] = settings["project"]
    return project


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_three_projects_agree_on_version_python_and_licence() -> None:
    projects = {name: _project(folder) for name, folder in FOLDERS.items()}
    assert {name: project["name"] for name, project in projects.items()} == {n: n for n in FOLDERS}
    for key in ("version", "requires-python", "license"):
        assert len({project[key] for project in projects.values()}) == 1, key


def test_no_project_can_be_uploaded_by_accident() -> None:
    for folder in FOLDERS.values():
        assert "Private :: Do Not Upload" in _project(folder)["classifiers"]


@pytest.mark.parametrize("name", FOLDERS)
def test_each_project_declares_every_package_that_it_imports(name: str) -> None:
    requirements = _project(FOLDERS[name])["dependencies"]
    declared = {_normal(re.split(r"[\s\[<>=;~!]", one)[0]) for one in requirements} | {name}
    owners = {**packages_distributions(), **{top: [top] for top in OURS}}
    imported = {full.split(".")[0] for m in modules(DISTRIBUTIONS[name]) for full in m.imported}
    foreign = imported - set(sys.stdlib_module_names) - FROM_APT
    undeclared = {
        top: sorted(set(owners.get(top, ["unknown"])))
        for top in foreign
        if not {_normal(owner) for owner in owners.get(top, ["unknown"])} & declared
    }
    assert undeclared == {}
