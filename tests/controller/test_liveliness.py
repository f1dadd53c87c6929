"""What a service manager is told, and when: ready once it works, alive while every part turns."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from doorward_controller.domain.liveliness import (
    INTAKE_STUCK_MS,
    JOBS_STUCK_MS,
    LOOP_STUCK_MS,
    Turns,
    what_stands_still,
)
from doorward_controller.services.backend import Backend
from doorward_controller.services.measures import Measures
from doorward_controller.supervision import BROKER_PATIENCE_MS, ServiceManager, Supervision
from tests.controller.conftest import StandingClock
from tests.fakes.controller_link import FakeLink

NOW_MS = 1_000_000

CASES = {
    "everything turned just now": (Turns(loop_ms=NOW_MS, jobs_ms=NOW_MS, intake_ms=NOW_MS), ""),
    "a process that has none of it": (Turns(), ""),
    "a moment before the loop is stuck": (Turns(loop_ms=NOW_MS - LOOP_STUCK_MS + 1), ""),
    "the loop": (
        Turns(loop_ms=NOW_MS - LOOP_STUCK_MS, jobs_ms=NOW_MS),
        "the web server stands still since 30 s",
    ),
    "the jobs": (
        Turns(loop_ms=NOW_MS, jobs_ms=NOW_MS - JOBS_STUCK_MS),
        "the timed work stands still since 300 s",
    ),
    "the intake": (
        Turns(loop_ms=NOW_MS, intake_ms=NOW_MS - INTAKE_STUCK_MS),
        "the intake stands still since 180 s",
    ),
}


@pytest.mark.parametrize(("turns", "said"), CASES.values(), ids=list(CASES))
def test_a_part_that_does_not_turn_is_named(turns: Turns, said: str) -> None:
    assert what_stands_still(turns, NOW_MS) == said


class Heard:
    """A service manager's end of the line."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def lines(self) -> list[str]:
        """What was said since the last look."""
        said: list[str] = []
        while True:
            try:
                said += self._sock.recv(4096).decode().splitlines()
            except BlockingIOError:
                return said


@contextmanager
def listening(path: Path) -> Iterator[Heard]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(path))
        sock.setblocking(False)
        yield Heard(sock)


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    with listening(tmp_path / "notify") as found:
        yield found


@pytest.fixture
def supervision(sqlite_backend: Backend, tmp_path: Path, heard: Heard) -> Supervision:
    backend = replace(sqlite_backend, measures=Measures())
    return Supervision(backend, ServiceManager(str(tmp_path / "notify")), lambda: True)


def test_it_is_ready_once_it_serves_and_has_the_broker(
    supervision: Supervision, heard: Heard, link: FakeLink
) -> None:
    link.connected = False
    supervision.look()
    assert "READY=1" not in heard.lines()
    link.connected = True
    supervision.look()
    assert heard.lines() == [
        "READY=1",
        "WATCHDOG=1",
        "STATUS=works; the broker is connected; leads",
    ]
    supervision.look()
    assert heard.lines() == ["WATCHDOG=1"]


def test_pages_are_not_held_up_by_a_broker_that_stays_away(
    supervision: Supervision, heard: Heard, link: FakeLink, clock: StandingClock
) -> None:
    link.connected = False
    supervision.look()
    clock.pass_s(BROKER_PATIENCE_MS // 1000)
    supervision.look()
    said = heard.lines()
    assert "READY=1" in said
    assert "STATUS=works; the broker is away, records wait; leads" in said


def test_it_is_not_ready_before_pages_are_served(
    supervision: Supervision, heard: Heard, clock: StandingClock
) -> None:
    supervision.is_serving = lambda: False
    supervision.look()
    clock.pass_s(10 * BROKER_PATIENCE_MS // 1000)
    supervision.look()
    assert "READY=1" not in heard.lines()


def test_the_watchdog_is_not_fed_while_a_part_stands_still(
    supervision: Supervision, heard: Heard, clock: StandingClock
) -> None:
    supervision.loop_turned()
    supervision.look()
    clock.pass_s(LOOP_STUCK_MS // 1000)
    supervision.look()
    said = heard.lines()
    assert said.count("WATCHDOG=1") == 1
    assert "STATUS=the web server stands still since 30 s: it is about to be restarted" in said
    supervision.loop_turned()
    supervision.look()
    assert "WATCHDOG=1" in heard.lines()


def test_the_end_is_said_once(supervision: Supervision, heard: Heard) -> None:
    supervision.stopping()
    supervision.stop()
    assert heard.lines() == ["STOPPING=1", "STATUS=stops: what is at hand is finished"]


def test_without_a_service_manager_nothing_is_said_and_nothing_runs(
    sqlite_backend: Backend,
) -> None:
    alone = Supervision(sqlite_backend, ServiceManager.of({}, 7), lambda: True)
    alone.start()
    alone.look()
    alone.stop()


ENVIRONMENTS = {
    "a path": ({"NOTIFY_SOCKET": "/run/n"}, ServiceManager("/run/n", None)),
    "an abstract name": ({"NOTIFY_SOCKET": "@n"}, ServiceManager("\0n", None)),
    "a watchdog": (
        {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "7"},
        ServiceManager("/run/n", 60.0),
    ),
    "somebody else's watchdog": (
        {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "8"},
        ServiceManager("/run/n", None),
    ),
    "nonsense": ({"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "soon"}, ServiceManager(None, None)),
}


@pytest.mark.parametrize(("environment", "found"), ENVIRONMENTS.values(), ids=list(ENVIRONMENTS))
def test_the_environment_says_whether_and_where_to(
    environment: dict[str, str], found: ServiceManager
) -> None:
    assert ServiceManager.of(environment, 7) == found
