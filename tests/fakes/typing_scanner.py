"""What a keyboard-type scanner gives to the kernel, made by hand from the US layout's own table."""

import struct

US_KEYS = {
    **{str(digit): (digit + 1 if digit else 11, False) for digit in range(10)},
    **{c: (code, False) for c, code in zip("qwertyuiop", range(16, 26), strict=True)},
    **{c: (code, False) for c, code in zip("asdfghjkl", range(30, 39), strict=True)},
    **{c: (code, False) for c, code in zip("zxcvbnm", range(44, 51), strict=True)},
    " ": (57, False),
    "-": (12, False),
    ".": (52, False),
    "/": (53, False),
    ",": (51, False),
    "$": (5, True),
    "%": (6, True),
    "*": (9, True),
    "+": (13, True),
    ":": (39, True),
    "_": (12, True),
    "?": (53, True),
    "#": (4, True),
    "=": (13, False),
    ";": (39, False),
}
"""Character -> key code and whether shift is down, typed off a keyboard and a header file."""
US_KEYS |= {c.upper(): (code, True) for c, (code, _) in US_KEYS.items() if c.isalpha()}

ENTER, TAB, SHIFT, CAPS_LOCK, CTRL = 28, 15, 42, 58, 29
SYN_REPORT = (0, 0, 0)
SYN_DROPPED = (0, 3, 0)


def events(*rows: tuple[int, int, int]) -> bytes:
    """Returns `struct input_event`s with type, code and value."""
    return b"".join(struct.pack("@llHHi", 1, 2, *row) for row in rows)


def press(code: int) -> bytes:
    """Returns a key going down and up again."""
    return events((4, 4, code), (1, code, 1), SYN_REPORT, (1, code, 0), SYN_REPORT)


def typed(text: str, end: int | None = ENTER) -> bytes:
    """Returns what a scanner sends that types a text, as it does: shift round each character."""
    wire = b""
    for char in text:
        code, is_shifted = US_KEYS[char]
        if is_shifted:
            wire += events((1, SHIFT, 1), SYN_REPORT)
        wire += press(code)
        if is_shifted:
            wire += events((1, SHIFT, 0), SYN_REPORT)
    return wire + (press(end) if end is not None else b"")
