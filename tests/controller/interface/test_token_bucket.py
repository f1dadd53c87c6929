"""How often somebody may ask: bursts, the steady rate, and what a refusal costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doorward_controller.domain.token_bucket import Bucket, Rate, take

RATE = Rate(per_s=2, burst=5)


def test_a_burst_passes_and_the_next_one_waits_for_a_token() -> None:
    bucket: Bucket | None = None
    left = []
    for _ in range(5):
        taken = take(bucket, RATE, 1_000)
        assert taken.is_allowed
        left.append(taken.left)
        bucket = taken.bucket
    assert left == [4, 3, 2, 1, 0]
    refused = take(bucket, RATE, 1_000)
    assert (refused.is_allowed, refused.retry_in_s, refused.full_in_s) == (False, 1, 3)
    assert take(refused.bucket, RATE, 1_499).is_allowed is False
    assert take(refused.bucket, RATE, 1_500).is_allowed is True


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    taken = take(Bucket(tokens=0, at_mono_ms=0), RATE, 3_600_000)
    assert taken.left == 4


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    assert not take(Bucket(tokens=0.5, at_mono_ms=10_000), RATE, 0).is_allowed


@pytest.mark.parametrize(
    ("rate", "window_s"),
    [
        (Rate(per_s=50, burst=1_000), 20),
        (Rate(per_s=0.5, burst=1), 2),
        (Rate(per_s=10, burst=1), 1),
    ],
)
def test_the_window_is_how_long_an_empty_bucket_takes_to_fill(rate: Rate, window_s: int) -> None:
    assert rate.window_s == window_s


@given(st.lists(st.integers(0, 2_000), max_size=200), st.integers(1, 20), st.integers(1, 20))
def test_no_rhythm_gets_more_than_burst_and_rate(gaps: list[int], per_s: int, burst: int) -> None:
    rate, bucket, now_ms, passed = Rate(per_s=per_s, burst=burst), None, 0, 0
    for gap in gaps:
        now_ms += gap
        taken = take(bucket, rate, now_ms)
        bucket, passed = taken.bucket, passed + taken.is_allowed
        if not taken.is_allowed:
            after = now_ms + 1000 * taken.retry_in_s
            assert take(bucket, rate, after).is_allowed, "who waits as told is let through"
    assert passed <= burst + per_s * now_ms / 1000 + 1e-6
