"""Pages by cursor: where the last one ended, so that new rows never shift the next one."""

import base64
import binascii
from dataclasses import dataclass
from typing import Generic, TypeVar

from doorward_controller.errors import InvalidError

MAX_LIMIT = 500
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Row]):
    """Some rows, and where to go on; None at the end."""

    items: tuple[Row, ...]
    next_cursor: str | None


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
        raise InvalidError("the cursor is not one that was given out", code="bad_cursor") from err
    if len(numbers) != count or not all(-(2**63) <= number < 2**63 for number in numbers):
        raise InvalidError("the cursor is not one that was given out", code="bad_cursor")
    return numbers
