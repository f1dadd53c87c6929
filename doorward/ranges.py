"""Arithmetic on sets of record numbers, kept as sorted ranges that do not touch."""

from collections.abc import Iterable

from doorward.errors import MalformedError
from doorward.ids import MAX_SEQ

Range = tuple[int, int]
"""First and last number, both included."""

Ranges = tuple[Range, ...]
"""Ascending, and between two ranges at least one number is missing."""

MAX_RANGES = 512
"""What one message may list."""


def merge(*parts: Iterable[Range]) -> Ranges:
    """Returns the union of all ranges, in any order and overlapping or not."""
    out: list[Range] = []
    for first, last in sorted(pair for part in parts for pair in part):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return tuple(out)


def subtract(whole: Iterable[Range], taken: Iterable[Range]) -> Ranges:
    """Returns the numbers of `whole` that are not in `taken`."""
    out: list[Range] = []
    holes = merge(taken)
    at = 0
    for first, last in merge(whole):
        while at < len(holes) and holes[at][1] < first:
            at += 1
        start, index = first, at
        while index < len(holes) and holes[index][0] <= last:
            if holes[index][0] > start:
                out.append((start, holes[index][0] - 1))
            start = holes[index][1] + 1
            index += 1
        if start <= last:
            out.append((start, last))
    return tuple(out)


def intersect(left: Iterable[Range], right: Iterable[Range]) -> Ranges:
    """Returns the numbers that are in both."""
    whole = merge(left)
    return subtract(whole, subtract(whole, right))


def contains(ranges: Ranges, number: int) -> bool:
    """Says whether `number` is in one of the ranges."""
    return any(first <= number <= last for first, last in ranges)


def count(ranges: Ranges) -> int:
    """Returns how many numbers the ranges hold."""
    return sum(last - first + 1 for first, last in ranges)


def from_numbers(numbers: Iterable[int]) -> Ranges:
    """Returns the ranges that hold exactly these numbers."""
    return merge((number, number) for number in numbers)


def parse_ranges(value: object, what: str) -> Ranges:
    """Returns the ranges that a message lists.

    Raises:
        MalformedError: not a list of pairs, more than `MAX_RANGES`, out of bounds, out of order,
            or two ranges that touch (the same set would have two encodings).
    """
    if not isinstance(value, list) or len(value) > MAX_RANGES:
        raise MalformedError(f"{what} is not a list of at most {MAX_RANGES} ranges")
    before = -1
    out: list[Range] = []
    for pair in value:
        if not (isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)):
            raise MalformedError(f"{what}: a range is not a pair of numbers")
        first, last = pair
        if not (1 <= first <= last <= MAX_SEQ and first > before + 1):
            raise MalformedError(f"{what}: range {first} to {last} is out of bounds or order")
        out.append((first, last))
        before = last
    return tuple(out)
