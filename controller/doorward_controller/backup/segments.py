"""Segments of PostgreSQL's write-ahead log by their names: which lie here, and where it breaks.

A name is 24 hexadecimal digits: timeline, log, segment (PostgreSQL, "WAL Internals"). Pure.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

PARTIAL = ".partial"
_NAME = re.compile(r"[0-9A-F]{24}")
_LOG_BYTES = 1 << 32


class Segment(NamedTuple):
    """One segment; they order by their place in the log, and then by timeline."""

    number: int
    timeline: int


class Chain(NamedTuple):
    """How far the log goes on without a break from where it must begin.

    Attributes:
        last: the name of the last segment before the break; empty when the first is missing.
        trouble: what breaks it there, in words; empty when nothing does.
    """

    last: str
    trouble: str


def parse_segment(name: str, segment_bytes: int) -> Segment | None:
    """Returns which segment a file's name means; None when it is no segment's."""
    if not _NAME.fullmatch(name):
        return None
    timeline, log, low = (int(name[at : at + 8], 16) for at in (0, 8, 16))
    return Segment(log * (_LOG_BYTES // segment_bytes) + low, timeline)


def chain_from(first: str, sizes: Mapping[str, int], segment_bytes: int) -> Chain:
    """Follows the log from a segment on.

    Args:
        first: the segment in which a base copy begins.
        sizes: bytes of each file; the newest may carry `.partial` and be of any size.
        segment_bytes: how long a whole one is.
    """
    begins = parse_segment(first, segment_bytes)
    if begins is None:
        return Chain("", f"{first} is no segment of a log")
    last, expected = "", begins.number
    for segment, name in _ordered(sizes, segment_bytes):
        if segment.number < begins.number:
            continue
        if segment.number > expected:
            return Chain(last, f"{_name(expected, segment_bytes, segment.timeline)} is missing")
        if last.endswith(PARTIAL):
            return Chain(last, f"{last} has no end, and {name} comes after it")
        size = sizes[name]
        if size != segment_bytes and not name.endswith(PARTIAL):
            return Chain(last, f"{name} is cut short: {size} of {segment_bytes} bytes")
        last, expected = name, segment.number + 1
    return Chain(last, "" if last else f"{first} is missing")


def older_than(first: str, names: Iterable[str], segment_bytes: int) -> list[str]:
    """Returns the files that no base copy that begins in `first` needs."""
    begins = parse_segment(first, segment_bytes)
    return [
        name
        for segment, name in _ordered(names, segment_bytes)
        if begins is not None and segment.number < begins.number
    ]


def _ordered(names: Iterable[str], segment_bytes: int) -> list[tuple[Segment, str]]:
    """Where both are there, the whole one counts and not what was there before it was whole."""
    known = set(names)
    found = []
    for name in known:
        segment = parse_segment(name.removesuffix(PARTIAL), segment_bytes)
        is_outdone = name.endswith(PARTIAL) and name.removesuffix(PARTIAL) in known
        if segment is not None and not is_outdone:
            found.append((segment, name))
    return sorted(found)


def _name(number: int, segment_bytes: int, timeline: int) -> str:
    log, low = divmod(number, _LOG_BYTES // segment_bytes)
    return f"{timeline:08X}{log:08X}{low:08X}"
