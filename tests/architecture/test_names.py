"""Modules are named for what they hold, and the tree speaks of no single person's machine."""

import re
import subprocess

import pytest

from tests.architecture.source import ROOT, modules

REFUSED_STEMS = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
SOMEBODYS_HOME = re.compile(r"/(?:home|Users)/[a-z][\w.-]+/")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".yml", ".yaml", ".html", ".js", ".css", ".sh", ".lock"}


def _tracked_texts() -> dict[str, str]:
    # A build server's checkout may belong to another user; an unpacked archive has no history.
    argv = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what belongs to the project cannot be told")
    listed = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in paths
        if path.suffix in TEXT_SUFFIXES and path.is_file() and "vendor" not in path.parts
    }


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [m.name for m in modules() if m.path.stem in REFUSED_STEMS] == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    found = {name: SOMEBODYS_HOME.findall(text) for name, text in _tracked_texts().items()}
    assert {name: places for name, places in found.items() if places} == {}


def test_lock_files_name_no_server_and_pin_every_package_by_hash() -> None:
    for name in (
        "requirements.lock",
        "tools/installer.lock",
        "tools/test-only.lock",
        "tools/drawing.lock",
        "tools/site.lock",
    ):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text, f"{name} names a server"
        entries = re.split(r"\n(?=\S)", text.strip())
        pinned = [entry for entry in entries if not entry.startswith("#")]
        assert pinned
        assert [
            e.splitlines()[0] for e in pinned if "==" not in e or "--hash=sha256:" not in e
        ] == []
