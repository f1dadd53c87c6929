"""Range arithmetic against plain sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward.errors import MalformedError
from doorward.ranges import (
    Ranges,
    contains,
    count,
    from_numbers,
    intersect,
    merge,
    parse_ranges,
    subtract,
)

numbers = st.frozensets(st.integers(1, 60))


def numbers_of(ranges: Ranges) -> set[int]:
    return {n for first, last in ranges for n in range(first, last + 1)}


@given(numbers, numbers)
def test_ranges_do_what_sets_do(left: frozenset[int], right: frozenset[int]) -> None:
    a, b = from_numbers(left), from_numbers(right)
    assert numbers_of(merge(a, b)) == left | right
    assert numbers_of(subtract(a, b)) == left - right
    assert numbers_of(intersect(a, b)) == left & right
    assert count(a) == len(left)
    assert all(contains(a, n) == (n in left) for n in range(62))


@given(numbers, numbers)
def test_every_result_is_in_its_one_form(left: frozenset[int], right: frozenset[int]) -> None:
    for result in (
        merge(from_numbers(left), from_numbers(right)),
        subtract(from_numbers(left), from_numbers(right)),
    ):
        assert parse_ranges([list(pair) for pair in result], "result") == result


@pytest.mark.parametrize(
    "value",
    [
        None,
        [[1]],
        [[2, 1]],
        [[0, 1]],
        [[1, 2], [3, 4]],
        [[5, 6], [1, 2]],
        [[1, True]],
        [[1, 2**53]],
        [["1", "2"]],
        [[n * 3, n * 3] for n in range(1, 514)],
    ],
)
def test_ranges_that_are_none_are_refused(value: object) -> None:
    with pytest.raises(MalformedError):
        parse_ranges(value, "committed")
