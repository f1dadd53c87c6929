"""A configuration on trial: confirmed, taken back, or waiting, as a table of looks at the link."""

import pytest

from doorward_edge.twin.trial import Trial, Verdict

MIN = 60_000
# (minutes since the begin, connected?) of each look; the last verdict is what counts.
STORIES = {
    "never heard of since": (True, [(1, False), (4, False)], Verdict.WAIT),
    "out of reach for five minutes": (True, [(5, False)], Verdict.TAKE_BACK),
    "connected after a while": (True, [(4, True), (8, True)], Verdict.WAIT),
    "connected for five minutes on end": (True, [(1, True), (6, True)], Verdict.CONFIRM),
    "connected, then out of reach for four": (
        True,
        [(1, True), (3, False), (7, False)],
        Verdict.WAIT,
    ),
    "connected, then out of reach for five": (
        True,
        [(1, True), (3, False), (8, False)],
        Verdict.TAKE_BACK,
    ),
    "a flapping link decides nothing": (
        True,
        [(n, n % 2 == 0) for n in range(1, 30)],
        Verdict.WAIT,
    ),
    "it was never reachable": (False, [(600, False)], Verdict.WAIT),
    "it was never reachable, and is now": (False, [(600, True), (605, True)], Verdict.CONFIRM),
}


@pytest.mark.parametrize("sentence", STORIES)
def test_a_trial_ends_where_its_story_says(sentence: str) -> None:
    was_reachable, looks, expected = STORIES[sentence]
    trial = Trial(was_reachable=was_reachable, since_ms=0)
    for minute, is_connected in looks:
        trial = trial.noted(is_connected=is_connected, now_ms=minute * MIN)
    assert trial.verdict(looks[-1][0] * MIN) is expected
