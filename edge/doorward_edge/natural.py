"""Which files are pictures, and in which order people expect them."""

import re

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff", ".pgm"})


def natural_key(name: str) -> list[tuple[int, str]]:
    """Returns what to sort names by, so that numbers in them count as numbers: 2 before 10."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in parts]
