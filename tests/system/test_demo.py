"""The demonstration's unattended run, with every process real."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from doorward_controller.broker.waiting import wait_until

DEMO = [str(Path(sys.executable).parent / "doorward-controller"), "demo"]
RUN_S = 240
READY_S = 60.0
SCENARIOS = (
    "normal_traffic",
    "issue_present_revoke",
    "revoke_again",
    "cable_pulled",
    "connection_reset",
    "gateway_killed",
    "repeated_delivery",
    "unreadable_batch",
    "broker_killed",
    "controller_killed",
)


def descendants_alive(pids: set[int]) -> set[int]:
    alive = set()
    for pid in pids:
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                alive.add(pid)
        except psutil.NoSuchProcess:
            continue
    return alive


def family(pid: int) -> set[int]:
    return {child.pid for child in psutil.Process(pid).children(recursive=True)}


@pytest.mark.timeout(RUN_S + 30)
def test_unattended_run_loses_doubles_and_wrongly_grants_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--headless", "--json", "--seconds", "5", "--seed", "7"],
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    why = json.dumps(said, indent=1, ensure_ascii=False)
    assert said["problems"] == [], why
    assert (said["lost"], said["duplicated"], said["granted_after_revocation"]) == (0, 0, 0), why
    assert [s["name"] for s in said["scenarios"]] == list(SCENARIOS)
    assert all(s["passed"] for s in said["scenarios"]), why
    assert said["decided"] >= 20, why
    assert said["stored"] == said["recorded"] > said["decided"], why
    assert done.returncode == 0


def started(*options: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*DEMO, "--port", "0", *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200"},
    )


def is_complete(pid: int) -> bool:
    """Broker, three gateways and a decoder of each."""
    return len(family(pid)) >= 7


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_demo_leaves_no_process_behind_however_it_ends(tmp_path: Path, end: int) -> None:
    with started(cwd=tmp_path) as demo:
        assert wait_until(lambda: is_complete(demo.pid), timeout_s=READY_S)
        children = family(demo.pid)
        demo.send_signal(end)
        _, said = demo.communicate(timeout=READY_S)
        assert demo.returncode == (0 if end != signal.SIGKILL else -signal.SIGKILL), said
    assert wait_until(lambda: not descendants_alive(children), timeout_s=READY_S)


def test_port_that_is_taken_is_said_before_anything_starts(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline().split(" port ")[1].split()[0])
        done = subprocess.run(
            [*DEMO, "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=READY_S,
            check=False,
            cwd=tmp_path,
        )
        other.terminate()
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr
    assert f"--port {port + 1}" in done.stderr
    assert list(tmp_path.iterdir()) == []
