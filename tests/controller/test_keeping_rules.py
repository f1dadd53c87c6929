"""How long what may be kept, and what holds leave: tables and a property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_controller.domain.keeping import (
    BOUNDS,
    DAY_MS,
    Hold,
    Kind,
    Span,
    check_days,
    check_hold,
    cut_utc_ms,
    free_spans,
    held_by,
)
from doorward_controller.errors import InvalidError

NOW = 1_790_000_000_000
END = st.none() | st.integers(0, 50)
SPAN: st.SearchStrategy[Span] = st.tuples(END, END).filter(
    lambda one: one[0] is None or one[1] is None or one[0] < one[1]
)


def is_in(at: int, span: Span) -> bool:
    low, high = span
    return (low is None or at >= low) and (high is None or at < high)


@given(st.lists(SPAN, max_size=5), SPAN, st.integers(-5, 60))
def test_a_moment_is_free_when_it_is_in_the_whole_and_in_nothing_held(
    held: list[Span], whole: Span, at: int
) -> None:
    found = free_spans(held, whole)
    is_free = is_in(at, whole) and not any(is_in(at, span) for span in held)
    assert sum(is_in(at, span) for span in found) == is_free


@pytest.mark.parametrize(
    ("kind", "days", "is_allowed"),
    [
        (Kind.RECORDS, 59, False),
        (Kind.RECORDS, 60, True),
        (Kind.RECORDS, 3_650, True),
        (Kind.RECORDS, 3_651, False),
        (Kind.PEOPLE, 59, False),
        (Kind.QUARANTINE, 59, False),
        (Kind.PICTURES, 1, True),
        (Kind.PICTURES, 0, False),
        (Kind.PICTURES, 366, False),
    ],
)
def test_days_lie_within_what_the_rules_allow(kind: Kind, days: int, is_allowed: bool) -> None:
    if is_allowed:
        check_days(kind, days)
        return
    with pytest.raises(InvalidError):
        check_days(kind, days)


def test_records_are_kept_180_days_unless_somebody_chooses() -> None:
    assert BOUNDS[Kind.RECORDS].usual_days == 180
    assert all(b.least_days <= b.usual_days <= b.most_days for b in BOUNDS.values())


def test_cut_is_a_midnight_so_long_ago_and_never_within_what_counts_for_presence() -> None:
    times = dict.fromkeys(Kind, 60)
    cut = cut_utc_ms(Kind.RECORDS, times, NOW)
    assert cut % DAY_MS == 0
    assert 60 * DAY_MS <= NOW - cut < 61 * DAY_MS
    later = cut_utc_ms(Kind.RECORDS, times, NOW, forget_s=90 * 86_400)
    assert NOW - later >= 90 * DAY_MS
    assert cut_utc_ms(Kind.RECORDS, times, 5) == 0


@pytest.mark.parametrize(
    ("reason", "begin", "end"),
    [("", None, None), ("  x ", None, None), ("y" * 301, None, None), ("inquiry", 5, 5)],
)
def test_hold_needs_a_reason_and_a_time_that_is_one(
    reason: str, begin: int | None, end: int | None
) -> None:
    with pytest.raises(InvalidError):
        check_hold(reason, begin, end)


def hold(**values: object) -> Hold:
    usual = {"id": 1, "reason": "inquiry 7", "holder_id": None, "from_utc_ms": None,
             "to_utc_ms": None, "placed_by": "sam", "placed_at_utc_ms": 0}  # fmt: skip
    return Hold(**{**usual, **values})  # type: ignore[arg-type]


def test_what_standing_holds_cover() -> None:
    held = held_by(
        [
            hold(from_utc_ms=5, to_utc_ms=9),
            hold(holder_id="a", from_utc_ms=1),
            hold(holder_id="a", to_utc_ms=0),
            hold(ended_at_utc_ms=3),
        ]
    )
    assert not held.is_everything
    assert held.spans == ((5, 9),)
    assert held.people == {"a": ((1, None), (None, 0))}
    assert held_by([hold()]).is_everything
