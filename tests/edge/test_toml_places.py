"""Lines of keys in TOML, however they are written."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_edge.toml_places import Place, dotted, line_of, parse_place

TEXT = """\
# a comment with [brackets] and key = "value"
top = 1

[one]
a = 1
"b" = 2
c.d = 3

[[many]]
name = "first"
inner = { x = 1, y = 2 }

[many.sub]
deep = 1

[[many]]
name = "second"

[[many.items]]
z = 1

[[many.items]]
z = 2

[many.sub]
deep = 2
"""
PLACES: dict[Place, int] = {
    ("top",): 2,
    ("one",): 4,
    ("one", "a"): 5,
    ("one", "b"): 6,
    ("one", "c", "d"): 7,
    ("one", "missing"): 4,
    ("many",): 9,
    ("many", 0): 9,
    ("many", 0, "name"): 10,
    ("many", 0, "inner", "y"): 11,
    ("many", 0, "sub", "deep"): 14,
    ("many", 1): 16,
    ("many", 1, "name"): 17,
    ("many", 1, "missing"): 16,
    ("many", 1, "items", 0, "z"): 20,
    ("many", 1, "items", 1, "z"): 23,
    ("many", 1, "sub", "deep"): 26,
    ("nowhere", "at", "all"): 1,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_key_is_found_on_its_line_or_on_that_of_what_is_around_it(place: Place) -> None:
    tomllib.loads(TEXT)
    assert line_of(place, TEXT) == PLACES[place]


def test_places_are_parsed_and_written_without_their_numbers() -> None:
    place = parse_place("portal[1].lock.terminal")
    assert place == ("portal", 1, "lock", "terminal")
    assert dotted(place) == "portal.lock.terminal"
    assert parse_place("") == ()


NAMES = st.sampled_from(["a", "b", "c-d", "e_1"])


@given(
    tables=st.lists(
        st.tuples(NAMES, st.dictionaries(NAMES, st.integers(0, 9), max_size=3)),
        max_size=6,
        unique_by=lambda table: table[0],
    ),
    repeats=st.integers(1, 3),
)
def test_every_key_that_a_parser_finds_is_found_on_a_line_that_sets_it(
    tables: list[tuple[str, dict[str, int]]], repeats: int
) -> None:
    lines = []
    for name, keys in tables:
        for _ in range(repeats):
            lines.append(f"[[{name}]]")
            lines.extend(f"{key} = {value}" for key, value in keys.items())
    text = "\n".join(lines)
    parsed: dict[str, Any] = tomllib.loads(text)
    for name, elements in parsed.items():
        for index, element in enumerate(elements):
            header = line_of((name, index), text)
            for key, value in element.items():
                line = line_of((name, index, key), text)
                assert lines[line - 1] == f"{key} = {value}"
                assert header < line <= header + len(element)
