"""What a list leaves out, as chips; each is a link to the same list without it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from doorward_controller.console.visit import query_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One filter that is on.

    Attributes:
        word: what it compares, in English; translated where it is shown.
        value: with what.
        query: the search without it.
    """

    word: str
    value: str
    query: str


def chips_of(query: Mapping[str, str], shown: Iterable[tuple[str, str, str]]) -> tuple[Chip, ...]:
    """Returns a chip for each filter that is on.

    Args:
        query: the whole search, as its address says it.
        shown: name in the address, word, and what to show for its value.
    """
    return tuple(
        Chip(
            word=word,
            value=value,
            query=query_of({other: given for other, given in query.items() if other != name}),
        )
        for name, word, value in shown
        if query.get(name)
    )
