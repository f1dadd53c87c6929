"""Reasons of decisions, as people read them."""

from doorward.reasons import REASON_TEXTS, Reason
from tools.reference.markdown import MADE, table


def text() -> str:
    """Returns the page."""
    rows = (
        (
            f"`{reason.value}`",
            words.severity.value,
            words.en,
            words.next_en,
            words.zh,
            words.next_zh,
        )
        for reason in Reason
        for words in (REASON_TEXTS[reason],)
    )
    head = ("code", "severity", "what the person reads", "what helps", "中文", "建议")
    return (
        f"# Reasons of decisions\n\n{MADE}\nA code is stable: it stands in records and on the "
        "wire, and is never renamed or used for something else.\n\n" + table(head, rows)
    )
