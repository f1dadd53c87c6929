"""Documents on a real disk: replaced whole, mapped, and gone from nowhere."""

from pathlib import Path

import pytest

from doorward_edge.adapters.policy_files import FolderOfPolicies
from doorward_edge.ports import PolicyFiles
from tests.fakes.edge_ports import FakePolicyFiles


@pytest.fixture(params=["folder", "fake"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> PolicyFiles:
    if request.param == "fake":
        return FakePolicyFiles()
    return FolderOfPolicies(tmp_path / "policy")


def _loaded(files: PolicyFiles) -> bytes | None:
    view = files.load("bundle")
    return None if view is None else bytes(view)


def test_what_was_saved_is_loaded_and_what_was_not_is_none(files: PolicyFiles) -> None:
    assert _loaded(files) is None
    files.save("bundle", b"one")
    files.save("bundle", b"two")
    assert _loaded(files) == b"two"
    files.save("bundle", b"")
    assert _loaded(files) == b""


def test_a_view_outlives_the_document_that_replaces_it(files: PolicyFiles) -> None:
    files.save("bundle", b"old")
    old = files.load("bundle")
    files.save("bundle", b"new")
    assert old is not None
    assert bytes(old) == b"old"


def test_a_leftover_of_a_power_cut_is_not_taken_for_a_document(tmp_path: Path) -> None:
    files = FolderOfPolicies(tmp_path)
    files.save("bundle", b"old")
    (tmp_path / "bundle.dwe.tmp").write_bytes(b"half of the n")
    assert _loaded(files) == b"old"
    files.save("bundle", b"new")
    assert _loaded(files) == b"new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bundle.dwe"]
