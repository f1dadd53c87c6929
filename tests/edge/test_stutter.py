"""What is told too often is counted, and the count is told."""

from doorward_edge.stutter import Stutter


def test_a_burst_is_told_then_one_at_a_time_and_what_was_not_is_counted() -> None:
    stutter = Stutter(burst=3, again_ms=1_000)
    assert [stutter.admits("forced", 0) for _ in range(5)] == [True, True, True, False, False]
    assert stutter.admits("held", 0)
    assert list(stutter.take_untold(999)) == []
    assert list(stutter.take_untold(1_000)) == [("forced", 2)]
    assert not stutter.admits("forced", 1_000)
    assert list(stutter.take_untold(2_000)) == [("forced", 1)]
    assert list(stutter.take_untold(60_000)) == []
    assert [stutter.admits("forced", 60_000) for _ in range(4)] == [True, True, True, False]
