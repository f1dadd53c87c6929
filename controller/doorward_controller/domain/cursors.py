"""Places in an ordering as opaque texts: where the last page ended (pure)."""

import base64
import binascii
import json

from doorward_controller.errors import InvalidError

MAX_LIMIT = 500
Place = tuple[int | str, ...]
"""Where a row stands in an ordering; no two rows of a listing stand in the same place."""


def check_limit(limit: int) -> int:
    """Returns the limit. Raises InvalidError when it is out of bounds."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidError(f"limit is {limit}, must be 1 to {MAX_LIMIT}", code="bad_limit")
    return limit


def to_cursor(*parts: int | str) -> str:
    """Returns an opaque text for a place in an ordering."""
    return base64.urlsafe_b64encode("|".join(map(str, parts)).encode()).decode().rstrip("=")


def numbers_of(cursor: str, count: int) -> tuple[int, ...]:
    """Returns the numbers in a cursor. Raises InvalidError for one that we never gave."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
        numbers = tuple(int(part) for part in text.split("|"))
    except (binascii.Error, ValueError) as err:
        raise _bad_cursor() from err
    if len(numbers) != count or not all(-(2**63) <= number < 2**63 for number in numbers):
        raise _bad_cursor()
    return numbers


def cursor_at(place: Place) -> str:
    """Returns an opaque text for a place that has texts in it."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place_of(cursor: str, like: Place) -> Place:
    """Returns the place in a cursor. Raises InvalidError unless it is of `like`'s kind."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True).decode()
        parts = json.loads(text)
    except (binascii.Error, ValueError, RecursionError) as err:
        raise _bad_cursor() from err
    kinds = [type(part) for part in like]
    is_like = isinstance(parts, list) and [type(part) for part in parts] == kinds
    if not is_like or not all(map(_is_storable, parts)):
        raise _bad_cursor()
    return tuple(parts)


def _bad_cursor() -> InvalidError:
    return InvalidError("the cursor is not one that was given out", code="bad_cursor")


def _is_storable(part: int | str) -> bool:
    """Whether a database can compare with it; others were never given out."""
    return part.isprintable() if isinstance(part, str) else -(2**63) <= part < 2**63
