"""What one worker runs in a row when the tests are spread over several.

pytest-xdist has marks for this, but 3.8 does not see them in tests of pytest 9.2, without a word
(its issue 1386); where a file lies says as much.
"""

import os
from pathlib import PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling

REAL_PROCESSES = PurePosixPath("tests/system")
SOURCE_READERS = PurePosixPath("tests/architecture")
HISTORIES = PurePosixPath("tests/simulation")
INTERFACE = PurePosixPath("tests/controller/interface")
LANES = 2
"""How many workers run tests with real processes (broker, database, gateways, browser). More at a
time would starve each other; one alone would still be busy when the others have long been done."""


def workers() -> int:
    """Return one worker more than processors: whoever watches real processes mostly waits."""
    return len(os.sched_getaffinity(0)) + 1


def unit_of(node_id: str) -> str:
    """Return the name of what a test belongs to; one worker runs it from begin to end.

    That is a file, with four exceptions: files that start real processes are in lanes, those that
    parse the whole project are on one worker, which does so once, those that ask the whole
    interface are together, because one test of them takes a minute and what is large is begun
    early, and of histories each chunk stands alone, because they take long.
    """
    file = PurePosixPath(node_id.split("::", 1)[0])
    if file.parent == REAL_PROCESSES:
        return f"real processes {sum(file.name.encode()) % LANES}"
    if file.is_relative_to(SOURCE_READERS):
        return "readers of the source"
    if file.is_relative_to(INTERFACE):
        return "askers of the interface"
    return node_id if file.is_relative_to(HISTORIES) else str(file)


class Distribution(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives the largest units out first, each to the worker that is next without work."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Say how many workers `--numprocesses=logical` means."""
    return workers()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Distribution:
    """Distribute as this module says, whatever `--dist` says."""
    return Distribution(config, log)
