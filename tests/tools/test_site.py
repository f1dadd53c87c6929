"""The navigation of the built documentation is the index by reader, and leads somewhere."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tools.diagrams import FOLDER, LOOKS, diagrams, with_pictures
from tools.make_site import OUTSIDE, ROOT, navigation

INDEX = (ROOT / "docs" / "README.md").read_text("utf-8")
READERS = (
    "Installer",
    "Facility staff",
    "Security",
    "Administrator",
    "Visitor desk",
    "Auditor",
    "Integrator",
    "Developer",
)


def test_every_reader_has_a_part_with_pages_that_are_there() -> None:
    parts = {name: pages for part in navigation(INDEX) for name, pages in part.items()}
    for reader in READERS:
        assert len(parts[reader]) >= 2, reader
        for page in parts[reader]:
            (path,) = page.values()
            assert (ROOT / path).is_file(), path
            assert path.startswith("docs/") or path in OUTSIDE, f"{path} is not built"


def test_pages_stand_in_the_order_of_the_index() -> None:
    index = (
        "# A\n\n## One\n\n| [b](b.md#x) | |\n| [a](a.md), [c](../c.md) | |\n\n## Two\n\n[d](d.md)\n"
    )
    assert navigation(index)[3:] == [
        {"One": [{"b": "docs/b.md"}, {"a": "docs/a.md"}, {"c": "c.md"}]},
        {"Two": [{"d": "docs/d.md"}]},
    ]


def test_every_diagram_is_drawn_as_it_is_now_and_no_picture_is_left_over() -> None:
    wanted = {each.picture(look) for each in diagrams() for look in LOOKS}
    assert wanted
    assert set(FOLDER.glob("*")) == wanted, "run `make diagrams`"


@pytest.mark.parametrize("picture", sorted(FOLDER.glob("*.svg")), ids=lambda path: path.stem)
def test_a_picture_holds_text_and_asks_nobody_for_anything(picture: Path) -> None:
    text = picture.read_text("utf-8")
    root = ET.fromstring(text)
    assert int(root.attrib["width"]) > 100
    assert int(root.attrib["height"]) > 100
    tags = {each.tag.rpartition("}")[2] for each in root.iter()}
    assert "text" in tags
    assert not tags & {"script", "foreignObject", "image", "use", "a"}
    assert not re.findall(r"@import|url\((?!#)", text)
    hosts = {value for each in root.iter() for value in each.attrib.values() if "://" in value}
    assert hosts == set()


def test_a_page_shows_both_pictures_and_folds_the_text_below() -> None:
    page = ROOT / "docs" / "reference" / "door.md"
    shown = with_pictures(page, page.read_text("utf-8"), "../")
    assert "```mermaid" not in shown
    for look in LOOKS:
        assert re.search(
            rf"!\[Diagram: .+\]\(\.\./images/diagrams/door-\w+-{look}\.svg#only-{look}", shown
        )
    assert "locked --&gt; unlocked" in shown


def test_a_diagram_that_was_changed_and_not_drawn_is_refused_by_name() -> None:
    page = ROOT / "docs" / "reference" / "door.md"
    text = page.read_text("utf-8").replace("locked --> forced", "locked --> forced_open")
    with pytest.raises(FileNotFoundError, match=r"door\.md: the diagram below .* `make diagrams`"):
        with_pictures(page, text, "../")
