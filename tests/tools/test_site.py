"""The navigation of the built documentation is the index by reader, and leads somewhere."""

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
