"""The keys of the kernel's input devices, as a US keyboard prints them.

Numbers: linux/input-event-codes.h. A scanner types for the layout that it is set to, and most come
set to a US keyboard; docs/readers.md says how another one shows and what to do.
"""

from collections.abc import Iterator

_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
)
_PAD = {71: "7", 72: "8", 73: "9", 74: "-", 75: "4", 76: "5", 77: "6", 78: "+", 79: "1", 80: "2"}
_PAD |= {81: "3", 82: "0", 83: ".", 55: "*", 98: "/", 117: "="}
_SPACE, _TAB, _ENTER, _PAD_ENTER = 57, 15, 28, 96

ENDS = frozenset({_TAB, _ENTER, _PAD_ENTER})
"""Keys that end a code."""
SHIFTS = frozenset({42, 54})
COMMANDS = frozenset({29, 97, 56, 100, 125, 126})
"""Control, Alt and Super: what is typed with one of these is no text."""
LOCKS = frozenset({58, 69, 70})
"""Caps lock, num lock, scroll lock: nothing that we hold depends on them."""


def _printed(place: int) -> Iterator[tuple[int, int]]:
    for first, *rows in _ROWS:
        yield from ((first + at, ord(char)) for at, char in enumerate(rows[place]))
    yield from ((key, ord(char)) for key, char in _PAD.items())
    yield _SPACE, ord(" ")


PLAIN = dict(_printed(0))
"""What each key prints."""
SHIFTED = dict(_printed(1))
"""What it prints while shift is down."""
