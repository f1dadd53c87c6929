"""Text that somebody else wrote, made harmless for programs that compute what they open.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, whoever wrote it;
some do so behind white space, and in East Asian versions for the full-width signs too. An
apostrophe in front makes it text, is not shown, and can be taken off again.
"""

import re

MAX_CELL_CHARACTERS = 32_767
"""What a cell of a spreadsheet holds; longer text is cut, and its end says so."""

_FORMULA = re.compile(r"^[\s\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]*[=+\-@＝＋－＠]")
_BEGINS_WITH_CONTROL = ("\t", "\r", "\n")
_UNUSABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_DIRECTION = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of writing: `exe.gpj` would read `jpg.exe`."""

_REPLACEMENT = "\ufffd"
_CUT = "…"


def cell_text(text: str) -> str:
    """Returns `text` as a cell that is shown and never computed."""
    is_formula = text.startswith(_BEGINS_WITH_CONTROL) or _FORMULA.match(text) is not None
    clean = _DIRECTION.sub("", _UNUSABLE.sub(_REPLACEMENT, text))
    if is_formula:
        clean = f"'{clean}"
    if len(clean) > MAX_CELL_CHARACTERS:
        return clean[: MAX_CELL_CHARACTERS - 1] + _CUT
    return clean
