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
LANES = 2
"""How many workers run tests with real processes (broker, database, gateways, browser). More at a
time would starve each other; one alone would still be busy when the others have long been done."""
USUAL_S = 0.08
"""What a test takes that says nothing else, on a machine with two processors and nothing to do."""
USUAL_WITH_PROCESSES_S = 3
SECONDS: dict[str, float] = {
    "tests/system/test_demo.py": 120,
    "tests/system/test_camera_ladder.py": 100,
    "tests/system/test_console_full_browser.py": 100,
    "tests/system/test_gateway_vitals.py": 90,
    "tests/system/test_console_browser.py": 90,
    "tests/system/test_gateway_bad_input.py": 90,
    "tests/system/test_commands.py": 90,
    "tests/system/test_panel_browser.py": 80,
    "tests/system/test_locks_stay_locked.py": 70,
    "tests/system/test_aim_browser.py": 60,
    "tests/system/test_real_update.py": 60,
    "tests/system/test_enrolment.py": 60,
    "tests/controller/interface/test_described_interface.py": 60,
    "tests/system/test_accounts_browser.py": 40,
    "tests/system/test_backup.py": 40,
    "tests/system/test_kill_rounds.py": 40,
    "tests/controller/console/test_pages.py": 30,
    "tests/controller/test_everyday_commands.py": 30,
    "tests/adapters/test_journal_damage.py": 30,
    "tests/system/test_bulk_revocation.py": 28,
    "tests/controller/backup/test_copies.py": 20,
    "tests/controller/console/test_records.py": 20,
    "tests/controller/test_outside_sign_in.py": 20,
    "tests/controller/test_permissions_of_endpoints.py": 16,
    "tests/controller/console/test_zones.py": 13,
    "tests/controller/test_hostile_messages.py": 13,
    "tests/simulation/test_histories.py": 10,
}
"""What takes longer, roughly: only the order counts."""


def workers() -> int:
    """Return one worker more than processors: whoever watches real processes mostly waits."""
    return len(os.sched_getaffinity(0)) + 1


def unit_of(node_id: str) -> str:
    """Return the name of what a test belongs to; one worker runs it from begin to end.

    That is a file, with two exceptions: files that parse the whole project are on one worker,
    which does so once, and of histories each chunk stands alone, because they take long.
    """
    file = PurePosixPath(node_id.split("::", 1)[0])
    if file.is_relative_to(SOURCE_READERS):
        return "readers of the source"
    return node_id if file.is_relative_to(HISTORIES) else str(file)


def runs_processes(unit: str) -> bool:
    """Say whether a unit starts real processes."""
    return PurePosixPath(unit).parent == REAL_PROCESSES


def seconds_of(unit: str, tests: int) -> float:
    """Return what so many tests of a unit are expected to take."""
    usual_s = USUAL_WITH_PROCESSES_S if runs_processes(unit) else USUAL_S
    return SECONDS.get(unit.split("::", 1)[0], tests * usual_s)


class Distribution(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives the longest units out first, each to the worker that is next without work.

    What starts real processes goes to `LANES` workers at a time, as long as there is other work.
    """

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)

    def _assign_work_unit(self, node: object) -> None:
        """Put what this worker is to have to the front, where the base class takes it."""
        self.workqueue.move_to_end(self._next_for(node), last=False)
        super()._assign_work_unit(node)

    def _next_for(self, node: object) -> str:
        waiting: dict[str, dict[str, bool]] = self.workqueue
        busy = sum(
            any(runs_processes(unit) and not all(done.values()) for unit, done in work.items())
            for other, work in self.assigned_work.items()
            if other is not node
        )
        return max(
            waiting,
            key=lambda unit: (
                busy < LANES or not runs_processes(unit),
                seconds_of(unit, len(waiting[unit])),
            ),
        )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Say how many workers `--numprocesses=logical` means."""
    return workers()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Distribution:
    """Distribute as this module says, whatever `--dist` says."""
    return Distribution(config, log)
