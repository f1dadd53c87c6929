"""Where in a TOML text a key is set, so that an error can name the line."""

import re

Place = tuple[str | int, ...]
"""A key with the tables around it; a number picks one of an array: ``("portal", 1, "lock")``."""

_HEADER = re.compile(r"\s*(?P<open>\[\[?)\s*(?P<name>[^\[\]]+?)\s*\]\]?")
_KEY = re.compile(r"""\s*(?P<name>(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"))*)\s*=""")


def parse_place(text: str) -> Place:
    """Returns the place that `portal[1].lock` names."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", text)
    return tuple(int(index) if index else name for index, name in parts)


def dotted(place: Place) -> str:
    """Returns how a place is written for people: without the numbers."""
    return ".".join(part for part in place if isinstance(part, str))


def line_of(place: Place, text: str) -> int:
    """Returns the line of a key; else of the nearest thing around it that is written; else 1."""
    best_line, best_length = 1, 0
    for line, found in _written(text):
        length = _common(found, place)
        # A table's header counts as its keys' place; a sibling key does not.
        if length > best_length and length == len(found):
            best_line, best_length = line, length
    return best_line


def _common(found: Place, place: Place) -> int:
    length = 0
    for one, other in zip(found, place, strict=False):
        if one != other:
            break
        length += 1
    return length


def _written(text: str) -> list[tuple[int, Place]]:
    """Returns every header and key with its line, in order."""
    counts: dict[Place, int] = {}
    table: Place = ()
    written = []
    for line, content in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(content):
            is_array = header["open"] == "[["
            table = _table(_split(header["name"]), counts, is_array=is_array)
            if is_array and table[-1] == 0:
                written.append((line, table[:-1]))
            written.append((line, table))
        elif key := _KEY.match(content):
            written.append((line, table + _split(key["name"])))
    return written


def _table(names: Place, counts: dict[Place, int], *, is_array: bool) -> Place:
    """Returns a header's place, with the number of each array's element that it belongs to."""
    place: Place = ()
    for depth, name in enumerate(names, start=1):
        place += (name,)
        if is_array and depth == len(names):
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place += (counts[place],)
    return place


def _split(name: str) -> Place:
    return tuple(part.strip().strip("\"'") for part in name.split("."))
