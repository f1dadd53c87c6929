"""A real gateway process whose camera stays gone: it gives up as its service manager expects.

The ladder's minutes are not waited for: the process is the gateway's, its clock is sent ahead.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from doorward_controller.broker.waiting import wait_until
from doorward_edge.cli.run import EXIT_FAILED
from doorward_edge.vitals.camera_ladder import BOARD_AFTER_MS, SERVICE_AFTER_MS, SERVICE_PAUSE_S
from tests.fakes import hurried_gateway
from tests.fakes.hurried_gateway import LEAP_S
from tests.system.test_gateway_vitals import Ward, made

pytestmark = [pytest.mark.system, pytest.mark.timeout(420)]

PATIENCE_S = 40.0
DAY_S = 86_400
REPLACED = "capture.restart why=it is gone"


@dataclass(kw_only=True)
class Service:
    """A gateway as its manager sees it: begun again and again over the same data.

    Attributes:
        ahead_s: how far its clock is ahead of this machine's; time never goes back for it.
    """

    ward: Ward
    bin: Path
    ahead_s: int = 0
    reboots: bool = False
    said: Path = field(init=False)
    process: "subprocess.Popen[str] | None" = None

    def begin(self, later_s: int = 0) -> None:
        """Starts it so much later, and waits until it has seen that its camera is gone."""
        self.ahead_s += later_s
        self.said = self.ward.gate.folder / f"log-{self.ahead_s}"
        words = ["reboots"] if self.reboots else []
        program = [sys.executable, hurried_gateway.__file__, str(self.ahead_s), *words]
        with self.said.open("w") as said:
            self.process = subprocess.Popen(
                [*program, "simulate", "--config", str(self.ward.gate.config)],
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                # Nothing of this machine's own may be found by a gateway that restarts boards.
                env={**os.environ, "PATH": str(self.bin)},
            )
        assert self.process.stdout is not None
        assert '"ready"' in self.process.stdout.readline(), self.log()
        assert wait_until(lambda: REPLACED in self.log(), timeout_s=PATIENCE_S), self.log()

    def log(self) -> str:
        return self.said.read_text()

    def wait(self) -> None:
        """Lets `LEAP_S` pass for it, and waits until it has ended or done what is left to do."""
        assert self.process is not None
        before = self.log().count(REPLACED)
        self.ahead_s += LEAP_S
        self.process.send_signal(signal.SIGUSR1)

        def has_done() -> bool:
            assert self.process is not None
            return self.process.poll() is not None or self.log().count(REPLACED) > before

        assert wait_until(has_done, timeout_s=PATIENCE_S), self.log()

    def status(self) -> int | None:
        """Returns the status with which it ended by itself, or None while it runs."""
        assert self.process is not None
        if REPLACED in self.log() and self.process.poll() is None:
            return None
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode

    def end(self) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "bin").mkdir()
    camera = f'name = "front"\nkind = "folder"\npath = "{tmp_path / "unplugged"}"\n'
    made_up = Service(ward=made(tmp_path, camera), bin=tmp_path / "bin")
    yield made_up
    made_up.end()


def allow(service: Service, *, services: int, boards: int) -> None:
    table = f"[health]\nservice_restarts_a_day = {services}\nboard_restarts_a_day = {boards}\n\n"
    service.ward.gate.replace("[clock]\n", f"{table}[clock]\n")


def test_a_camera_that_stays_gone_ends_the_service_so_that_its_manager_begins_it_anew(
    service: Service,
) -> None:
    allow(service, services=3, boards=0)
    service.begin()
    assert SERVICE_AFTER_MS < BOARD_AFTER_MS < LEAP_S * 1000
    service.wait()
    assert service.status() == EXIT_FAILED == 4
    told = service.ward.told()
    assert ("camera_fault", "camera front: gone") in told
    assert ("service_restarting", "camera front is gone") in told


@pytest.mark.endurance
def test_it_gives_up_no_more_often_than_it_may_over_restarts(service: Service) -> None:
    allow(service, services=2, boards=0)
    service.begin()
    service.wait()
    assert service.status() == EXIT_FAILED
    # Begun anew at once, as a manager does: not again within half an hour.
    service.begin(later_s=2)
    service.wait()
    assert service.status() is None
    service.end()
    service.begin(later_s=SERVICE_PAUSE_S)
    service.wait()
    assert service.status() == EXIT_FAILED
    # Twice a day was allowed.
    service.begin(later_s=3 * SERVICE_PAUSE_S)
    service.wait()
    assert service.status() is None
    service.end()
    # A day later it may again.
    service.begin(later_s=DAY_S)
    service.wait()
    assert service.status() == EXIT_FAILED


def test_zero_a_day_is_never(service: Service) -> None:
    allow(service, services=0, boards=0)
    service.begin()
    for _ in range(2):
        service.wait()
        assert service.status() is None


@pytest.mark.endurance
def test_the_board_is_asked_for_after_a_service_that_did_not_help_and_once_a_day(
    service: Service,
) -> None:
    asked = service.ward.gate.folder / "asked"
    command = service.bin / "systemctl"
    command.write_text(f'#!/bin/sh\necho "$@" >> {asked}\n')
    command.chmod(0o755)
    allow(service, services=1, boards=1)
    service.reboots = True
    service.begin()
    service.wait()
    assert service.status() == EXIT_FAILED
    assert not asked.exists()
    service.begin(later_s=2)
    service.wait()
    assert service.status() == EXIT_FAILED
    assert asked.read_text() == "--no-ask-password --no-wall reboot\n"
    assert ("board_restarting", "camera front is gone") in service.ward.told()
    # The board did not start anew after all, or its camera is gone still: not twice a day.
    service.begin(later_s=60)
    service.wait()
    assert service.status() is None
    assert asked.read_text().count("reboot") == 1
