"""The tallies on a real file: sealed, replaced whole, one generation kept."""

from pathlib import Path

from doorward_edge.adapters.documents_tinydb import TinyDocuments, TinyTallies

KEY = bytes(range(32))


def test_tallies_are_there_again_after_a_restart_and_beside_the_documents(tmp_path: Path) -> None:
    TinyDocuments.open(tmp_path, KEY)
    tallies = TinyTallies.open(tmp_path, KEY)
    assert (tallies.meters(), tallies.pin_failures()) == ({}, {})
    tallies.keep_meters({"scans": 5, "lock_cycles.north": 2})
    tallies.keep_pin_failures({"g-07": 4})
    tallies.keep_meters({"scans": 6, "lock_cycles.north": 2})
    again = TinyTallies.open(tmp_path, KEY)
    assert again.meters() == {"scans": 6, "lock_cycles.north": 2}
    assert again.pin_failures() == {"g-07": 4}
    assert b"g-07" not in (tmp_path / "tallies.sealed").read_bytes()
    assert TinyDocuments.open(tmp_path, KEY).take_notices() == ()


def test_damaged_tallies_go_on_from_the_generation_before(tmp_path: Path) -> None:
    tallies = TinyTallies.open(tmp_path, KEY)
    tallies.keep_meters({"scans": 5})
    tallies.keep_meters({"scans": 6})
    (tmp_path / "tallies.sealed").write_bytes(b"DWD1" + bytes(64))
    again = TinyTallies.open(tmp_path, KEY)
    assert again.meters() == {"scans": 5}
    (notice,) = again.take_notices()
    assert notice.code == "documents_damaged"
