"""The controller as a process: told to stop, it stops everything in order."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import pytest

from doorward_controller import wiring
from doorward_controller.config import load_config
from tests.system.conftest import Site, new_authority

DEADLINE_S = 60.0
CONFIG = """\
site = "demo"
data_dir = "{folder}/data"
[mqtt]
port = {closed}
ca_file = "{ca}"
cert_file = "{cert}"
key_file = "{key}"
[http]
port = {port}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_live(port: int) -> None:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    pytest.fail("the controller did not answer")


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_controller_that_is_told_to_stop_ends_by_itself(
    tmp_path: Path, told: signal.Signals
) -> None:
    authority = new_authority(tmp_path / "ca")
    us = authority.issue_controller(now=datetime.now(UTC))
    file = tmp_path / "controller.toml"
    port = free_port()
    paths = {"ca": authority.ca_file, "cert": us.certificate_file, "key": us.key_file}
    file.write_text(CONFIG.format(folder=tmp_path, closed=free_port(), port=port, **paths))
    wiring.initialise(load_config(file))
    command = [sys.executable, "-m", "doorward_controller", "--config", str(file), "serve"]
    with subprocess.Popen(command) as controller:
        try:
            wait_until_live(port)
            controller.send_signal(told)
            assert controller.wait(DEADLINE_S) == 0
        finally:
            controller.kill()
    log = tmp_path / "data" / "controller.sqlite3-wal"
    assert not log.exists(), "the database was not closed"


class Notified:
    """What the controller tells a service manager, line by line."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.said: list[str] = []

    def until(self, line: str) -> None:
        """Reads on until a line was said once more."""
        self._sock.settimeout(DEADLINE_S)
        while True:
            lines = self._sock.recv(4096).decode().splitlines()
            self.said += lines
            if line in lines:
                return


@pytest.mark.system
def test_a_service_manager_hears_when_it_is_ready_that_it_lives_and_when_it_stops(
    site: Site, tmp_path: Path
) -> None:
    file = tmp_path / "controller.toml"
    port = free_port()
    paths = {
        "ca": site.mqtt.ca_file, "cert": site.mqtt.cert_file, "key": site.mqtt.key_file,
    }  # fmt: skip
    file.write_text(CONFIG.format(folder=tmp_path, closed=site.mqtt.port, port=port, **paths))
    wiring.initialise(load_config(file))
    command = [sys.executable, "-m", "doorward_controller", "--config", str(file), "serve"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        heard = Notified(manager)
        environment = os.environ | {
            "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "900000",
        }  # fmt: skip
        with subprocess.Popen(command, env=environment) as controller:
            try:
                heard.until("READY=1")
                wait_until_live(port)
                assert "STATUS=works; the broker is connected; leads" in heard.said
                heard.until("WATCHDOG=1")
                heard.until("WATCHDOG=1")
                site.broker.stop()
                heard.until("STATUS=works; the broker is away, records wait; leads")
                controller.send_signal(signal.SIGTERM)
                heard.until("STOPPING=1")
                assert controller.wait(DEADLINE_S) == 0
            finally:
                controller.kill()
    assert heard.said.count("READY=1") == heard.said.count("STOPPING=1") == 1
