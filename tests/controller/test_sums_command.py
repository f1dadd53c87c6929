"""`doorward-controller sums`: what it says, and by which status a program knows it."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from doorward_controller.store import intake
from doorward_controller.store.session import Store
from doorward_controller.store.sum_tables import record_sum_changes
from tests.controller.test_command_line import CONFIG, run
from tests.fakes.stored_records import Traffic


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A site with some records."""
    path = tmp_path / "controller.toml"
    path.write_text(CONFIG)
    run(path, "init")
    key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    run(path, "gateway", "enrol", "gate-1", "--record-key", key, "--portal", "n:site")
    store = Store(f"sqlite:///{tmp_path / 'data' / 'controller.sqlite3'}")
    with store.write() as connection:
        traffic = Traffic(portals=("n",), gateway_ids=(1,))
        intake.insert_records(connection, list(traffic.rows(0, 100)))
    store.close()
    return path


def test_sums_that_are_right_are_said_to_be(config: Path) -> None:
    done = run(config, "sums", "compare")
    assert (done.exit_code, done.output) == (
        0,
        "the sums are what the records are (fortnights compared: 1)\n",
    )


def test_wrong_sums_end_with_status_3_and_recount_mends_them(config: Path) -> None:
    store = Store(f"sqlite:///{config.parent / 'data' / 'controller.sqlite3'}")
    with store.write() as connection:
        connection.execute(sa.delete(record_sum_changes))
    store.close()
    done = run(config, "sums", "compare")
    assert done.exit_code == 3
    assert "run `doorward-controller sums recount`" in done.output
    assert "begin on 2026-09-" in done.output
    assert json.loads(run(config, "sums", "compare", "--json").output)["wrong"] > 0
    assert json.loads(run(config, "sums", "recount", "--json").output) == {"fortnights": 1}
    assert run(config, "sums", "compare").exit_code == 0
