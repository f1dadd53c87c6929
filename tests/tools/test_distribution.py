"""Tests with real processes run on few workers, which xdist's own marks no longer bring about."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.distribution import LANES, SECONDS, unit_of

ROOT = Path(__file__).resolve().parents[2]
SPREAD = """\
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(6))
def test_one(number, worker_id):
    (Path(__file__).parents[2] / f"{worker_id} {Path(__file__).name}{number}").touch()
"""


@pytest.mark.parametrize(
    ("node_id", "unit"),
    [
        ("tests/kit/test_clock.py::test_a[x::y/z]", "tests/kit/test_clock.py"),
        ("tests/architecture/test_sizes.py::test_a", "readers of the source"),
        ("tests/system/test_demo.py::test_a", "tests/system/test_demo.py"),
        ("tests/simulation/test_histories.py::test_a[1 to 25]", None),
    ],
)
def test_a_file_is_one_unit_but_a_history_stands_alone(node_id: str, unit: str | None) -> None:
    assert unit_of(node_id) == (unit or node_id)


def test_what_is_said_to_take_long_is_there() -> None:
    assert [file for file in SECONDS if not (ROOT / file).is_file()] == []


def test_the_longest_go_out_first_and_what_starts_processes_to_few_workers_at_a_time(
    tmp_path: Path,
) -> None:
    """With pytest and xdist as they are installed: the promise is theirs to break, too."""
    for folder, names in (("system", "abcd"), ("kit", "efgh")):
        (tmp_path / "tests" / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / "tests" / folder / f"test_{name}.py").write_text(SPREAD)
    (tmp_path / "conftest.py").write_text("from tests.distribution import *")
    source = (ROOT / "tests" / "distribution.py").read_text()
    begin = "SECONDS: dict[str, float] = {\n"
    assert begin in source
    longest = '    "tests/kit/test_g.py": 900,\n'
    (tmp_path / "tests" / "distribution.py").write_text(source.replace(begin, begin + longest))
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    words = ("-q", "-n3", "--dist=loadgroup", "-p", "no:cacheprovider", "-p", "no:randomly")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--import-mode=importlib", "tests"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loadscopesched" not in done.stdout, "the scheduler's notes are for its authors"
    ran: dict[str, list[str]] = {}
    for path in sorted(tmp_path.glob("gw*"), key=lambda path: path.stat().st_mtime_ns):
        worker, _, rest = path.name.partition(" test_")
        if rest[0] not in ran.setdefault(worker, []):
            ran[worker].append(rest[0])
    every = [name for names in ran.values() for name in names]
    assert sorted(every) == list("abcdefgh"), "a file was torn apart"
    first = {names[0] for names in ran.values()}
    assert "g" in first
    assert len(first & set("abcd")) == LANES
