"""Tests with real processes run on few workers, which xdist's own marks no longer bring about."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.distribution import LANES, unit_of

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
        ("tests/controller/interface/test_rates.py::test_a", "askers of the interface"),
        ("tests/simulation/test_histories.py::test_a[1 to 25]", None),
    ],
)
def test_a_file_is_one_unit_but_a_history_stands_alone(node_id: str, unit: str | None) -> None:
    assert unit_of(node_id) == (unit or node_id)


def test_files_with_real_processes_are_in_few_units_of_like_size() -> None:
    files = sorted(ROOT.glob("tests/system/test_*.py"))
    units = [unit_of(f"{file.relative_to(ROOT).as_posix()}::test_a") for file in files]
    assert len(set(units)) == LANES
    assert max(units.count(unit) for unit in units) <= 0.6 * len(units)


def test_each_lane_is_run_by_one_worker(tmp_path: Path) -> None:
    """With pytest and xdist as they are installed: the promise is theirs to break, too."""
    for folder, names in (("system", "abcd"), ("kit", "efgh")):
        (tmp_path / "tests" / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / "tests" / folder / f"test_{name}.py").write_text(SPREAD)
    (tmp_path / "conftest.py").write_text("from tests.distribution import *")
    (tmp_path / "tests" / "distribution.py").write_text(
        (ROOT / "tests" / "distribution.py").read_text()
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    words = ("-q", "-n3", "--dist=loadgroup", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "--import-mode=importlib", "tests"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "loadscopesched" not in done.stdout, "the scheduler's notes are for its authors"
    ran = [re.fullmatch(r"(gw\d) test_(\w)\.py\d", path.name) for path in tmp_path.iterdir()]
    workers: dict[str, set[str]] = {}
    for found in ran:
        if found:
            folder = "system" if found[2] in "abcd" else "kit"
            unit = unit_of(f"tests/{folder}/test_{found[2]}.py::test_one")
            workers.setdefault(unit, set()).add(found[1])
    assert len(workers) == LANES + 4
    assert all(len(who) == 1 for who in workers.values()), workers
