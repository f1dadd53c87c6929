"""`doorward-controller retention`: what it says, what it takes, and what it only counts."""

import json
from pathlib import Path

import pytest

from doorward_controller.store import intake
from doorward_controller.store.session import Store
from tests.controller.test_command_line import CONFIG, run
from tests.fakes.stored_records import Traffic

OLD_MS = 1_500_000_000_000


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A site with records of years ago."""
    path = tmp_path / "controller.toml"
    path.write_text(CONFIG)
    run(path, "init")
    key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    run(path, "gateway", "enrol", "gate-1", "--record-key", key, "--portal", "n:site")
    store = Store(f"sqlite:///{tmp_path / 'data' / 'controller.sqlite3'}")
    with store.write() as connection:
        rows = Traffic(portals=("n",), gateway_ids=(1,)).rows(0, 1_200)
        intake.insert_records(connection, [row._replace(at_utc_ms=OLD_MS) for row in rows])
    store.close()
    return path


def test_dry_run_counts_and_takes_nothing(config: Path) -> None:
    done = run(config, "retention", "run", "--dry-run", "--json")
    assert json.loads(done.output)["would_go"]["records"] == 1_200
    again = run(config, "retention", "run", "--dry-run")
    assert (again.exit_code, again.output) == (0, "would go: records 1200\n")


def test_run_takes_what_is_over_and_show_tells_of_it(config: Path) -> None:
    done = run(config, "retention", "run", "--json")
    assert json.loads(done.output) == {"gone": {"records": 1_200}}
    assert run(config, "retention", "run").output == "went: nothing\n"
    shown = run(config, "retention", "show")
    assert shown.exit_code == 0
    assert "records     180 days" in shown.output
    assert "went: records 1200" in shown.output
    assert json.loads(run(config, "retention", "show", "--json").output)["kinds"][0]["days"] == 180
