"""Every planted mistake is found by the simulation, within a bounded number of histories."""

import pytest

from tests.simulation.faults import FAULTS, meaning
from tests.simulation.history import play

# Who is killed closes nothing; newer interpreters complain of each database that was left open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")

FIRST_SEED = 5000
MOST_HISTORIES = 200


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FAULTS)
def test_mistake_is_found(name: str) -> None:
    for seed in range(FIRST_SEED, FIRST_SEED + MOST_HISTORIES):
        if play(seed, name).problem:
            return
    pytest.fail(f"{MOST_HISTORIES} histories did not show: {meaning(name)}")


def test_there_are_enough_of_them_and_each_says_what_it_is() -> None:
    assert len(FAULTS) >= 12
    assert all(meaning(name) for name in FAULTS)
