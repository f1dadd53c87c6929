"""Long lists in pieces that fit one statement."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

PIECE = 500
"""Below every database's limit of values in one statement, and a plan stays a plan."""


def pieces(items: Iterable[T]) -> Iterator[tuple[T, ...]]:
    """Yields the items, at most `PIECE` at a time."""
    rest = iter(items)
    while piece := tuple(islice(rest, PIECE)):
        yield piece
