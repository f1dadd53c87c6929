"""Passages and events, as those who watch a site read them."""

from collections.abc import Iterable

from doorward.events import BY_HAND_TEXTS, EVENT_TEXTS, PASSAGE_TEXTS, EventText
from tools.reference.markdown import MADE, table

_HEAD = ("code", "severity", "what it means", "中文")


def text() -> str:
    """Returns the page."""
    return (
        f"# Passages and events\n\n{MADE}\nA code is stable: it stands in records and on the wire, "
        "and is never renamed or used for something else. What a decision's reason can be is on "
        "[a page of its own](reasons.md).\n\n## Passages\n\n"
        + table(_HEAD, _rows(PASSAGE_TEXTS.items()))
        + "\n## Events\n\n"
        + table(_HEAD, _rows(EVENT_TEXTS.items()))
        + "\n## By hand\n\n"
        + table(_HEAD, _rows(BY_HAND_TEXTS.items()))
    )


def _rows(texts: Iterable[tuple[str, EventText]]) -> Iterable[tuple[str, ...]]:
    return (
        (f"`{code}`", words.severity.value, words.en, words.zh)
        for code, words in sorted(texts, key=lambda each: str(each[0]))
    )
