"""Decision records and change notes can be found and are complete."""

import re

import pytest

from tests.architecture.source import ROOT

ADRS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
INDEX = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
KINDS = ("added", "changed", "fixed", "removed", "security")


@pytest.mark.parametrize("path", ADRS, ids=lambda path: path.stem)
def test_decision_record_is_in_the_index_under_its_own_title(path: object) -> None:
    record = ROOT / str(path)
    text = record.read_text(encoding="utf-8")
    title = text.splitlines()[0].removeprefix("# ")
    assert f"[{title}]({record.name})" in INDEX


def test_decision_records_are_numbered_without_a_repeat() -> None:
    numbers = [path.name[:4] for path in ADRS]
    assert numbers, "there is no decision record"
    assert len(numbers) == len(set(numbers))


def test_every_change_note_is_of_a_known_kind() -> None:
    notes = [p.name for p in (ROOT / "changelog.d").iterdir() if p.name != "README.md"]
    pattern = re.compile(rf"^[\w-]+\.({'|'.join(KINDS)})\.md$")
    assert [name for name in notes if not pattern.match(name)] == []
