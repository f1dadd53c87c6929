"""Seeded histories of whole sites keep every promise; each can be played again.

`--histories` says how many; a chunk is one test, so that workers share them.
"""

import pytest

from tests.simulation.__main__ import command, main, report
from tests.simulation.history import play

# Who is killed closes nothing; newer interpreters complain of each database that was left open.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")

CHUNK = 25


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cuts as many histories as were asked for into chunks."""
    if "seeds" in metafunc.fixturenames:
        seeds = range(1, int(metafunc.config.getoption("--histories")) + 1)
        chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
        metafunc.parametrize("seeds", chunks, ids=lambda chunk: f"{chunk[0]} to {chunk[-1]}")


@pytest.mark.timeout(600)
def test_histories_keep_every_promise(seeds: range) -> None:
    for seed in seeds:
        played = play(seed)
        if played.problem:
            pytest.fail(report(played), pytrace=False)


def test_a_seed_plays_the_same_history_again() -> None:
    for seed in (3, 14):
        first, again = play(seed), play(seed)
        assert first.trace == again.trace
        assert first.counts == again.counts
        assert len(first.trace) > 20


def test_histories_differ_and_contain_what_they_are_about() -> None:
    played = [play(seed) for seed in range(1, 16)]
    assert len({each.trace for each in played}) == len(played)
    told = "\n".join(line for each in played for line in each.trace)
    for word in ("loses power", "is killed", "cut off", "restarts", "revokes", "let in", "refused"):
        assert word in told


def test_a_broken_history_is_told_with_the_command_that_plays_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fault = "lock_moves_before_the_record"
    assert main(["--seed", "5000", "--histories", "5", "--fault", fault]) == 1
    told = capsys.readouterr().out
    assert "moved before a grant was on the disk" in told
    broken = [line for line in told.splitlines() if ": BROKEN" in line]
    assert broken
    for line in broken:
        assert command(int(line.split()[1].rstrip(":")), fault) in told
