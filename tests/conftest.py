"""What holds for every test: log lines that can be read, and which tests a run is about."""

import gc
import logging
import os
import tempfile
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

import hypothesis
import pytest

# Hooks, which pytest finds by their names.
from tests.distribution import (  # noqa: F401
    pytest_xdist_auto_num_workers,
    pytest_xdist_make_scheduler,
)
from tests.statements import share_statements

TESTS = Path(__file__).parent
SYSTEM_TIMEOUT_S = 300
"""Long enough for the deadlines within such a test to be what it fails by, and to say why."""
MEMORY = Path("/dev/shm")
LEAST_FREE_BYTES = 2 * 1024**3
"""A whole run keeps less than half of this at a time."""
PRODUCT_LOGGERS = ("doorward", "doorward_edge", "doorward_controller")

hypothesis.settings.register_profile("dev", deadline=None, max_examples=200)
hypothesis.settings.register_profile(
    "ci",
    deadline=None,
    max_examples=60,
    derandomize=True,
    database=None,
    # A worker that waits for a processor is no slow strategy.
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("dev")


HISTORIES = 100
"""Each planted fault is found within 44; the build server plays 2,000, which is the proof."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make test-endurance` and the build server ask for more."""
    parser.addoption("--histories", type=int, default=HISTORIES, help="seeded histories to play")
    parser.addoption("--chaos-seed", type=int, help="play this history of killings")
    parser.addoption("--endurance", action="store_true", help="run the endurance tests, alone")
    parser.addoption("--provision", action="store_true", help="boot machines, as root")
    parser.addoption("--provision-full", action="store_true", help="with them, what takes longer")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave tests that boot whole machines to `make test-provision`."""
    is_theirs = collection_path.is_relative_to(TESTS / "provision")
    return True if is_theirs and not config.getoption("--provision") else None


def pytest_configure() -> None:
    """Prepare what all tests share."""
    share_statements()
    _write_to_memory()


def _write_to_memory() -> None:
    """Keep what tests write in memory, where there is room for it and programs may lie.

    Thousands of databases are made and thrown away: on a disk, half of the time of a test is
    waiting for it. Who sets TMPDIR has chosen another place.
    """
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    room = os.statvfs(MEMORY)
    if room.f_bavail * room.f_frsize >= LEAST_FREE_BYTES and not room.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what lies in tests/system, and choose between the endurance tests and all others."""
    wanted = bool(config.getoption("--endurance"))
    items[:] = [i for i in items if bool(i.get_closest_marker("endurance")) == wanted]
    for item in items:
        if item.path.is_relative_to(TESTS / "system"):
            item.add_marker(pytest.mark.system)
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(SYSTEM_TIMEOUT_S))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Refuse cases without an order: each worker would have its own, and none could share."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        values = mark.args[1] if len(mark.args) > 1 else mark.kwargs["argvalues"]
        if isinstance(values, AbstractSet):
            place = metafunc.definition.nodeid
            pytest.fail(f"{place}: cases are a set, whose order differs; sort it", pytrace=False)


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of every search for garbage.

    Thousands of tests and the modules that they import make each full search take a third of a
    second; a simulated history asks for one at its end.
    """
    gc.collect()
    gc.freeze()


class _Unformattable(logging.Handler):
    """Formats every record and remembers those that cannot be."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        try:
            record.getMessage()
        except Exception as err:  # whatever a bad argument raises, it is the test's to report
            where = f"{record.pathname}:{record.lineno}"
            self.found.append(f"{where}: {record.msg!r} with {record.args!r}: {err}")


@pytest.fixture(autouse=True)
def log_lines_can_be_formatted() -> Iterator[None]:
    """Fail a test during which a log line of any level did not fit its arguments."""
    handler = _Unformattable()
    loggers = [logging.getLogger(name) for name in PRODUCT_LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert not handler.found, "log lines that cannot be formatted:\n" + "\n".join(handler.found)
