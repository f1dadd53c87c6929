"""The machines of these tests: they boot, are reached, and leave nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.provision.machines import RUNS, House
from tests.provision.tree import ROOT
from tests.provision.waiting import wait_until

_BOOTS = """
import sys, time
from tests.provision.machines import house
with house() as opened:
    machine = opened.booted("short-lived")
    print(opened.folder.name, opened._pid, flush=True)
    time.sleep(600)
"""


def _interfaces() -> str:
    return subprocess.run(
        ["ip", "-brief", "link"], check=True, capture_output=True, text=True
    ).stdout


def _groups(run: str) -> list[Path]:
    return [path for path in Path("/sys/fs/cgroup").glob("**/doorward-*") if run in path.name]


def test_a_machine_boots_a_real_init_and_is_reached_over_ssh(houses: House) -> None:
    machine = houses.booted("bare")
    assert machine.said("ps -p 1 -o comm=").strip() == "systemd"
    assert machine.said("systemctl is-system-running").strip() == "running"
    assert machine.said("hostname").strip() == "bare"
    assert houses.halted(machine)


def test_what_was_written_is_there_after_a_reboot_and_not_on_the_next_machine(
    houses: House,
) -> None:
    machine = houses.booted("first")
    machine.put("/etc/mark", b"here\n")
    again = houses.rebooted(machine)
    assert again.said("cat /etc/mark") == "here\n"
    other = houses.booted("second")
    assert other.run("cat /etc/mark").status != 0
    assert other.run(f"ping -c1 -W2 {again.address} || true").status == 0
    for one in (again, other):
        assert houses.halted(one)


def test_a_machine_gets_packages_from_where_this_one_gets_them(houses: House) -> None:
    machine = houses.booted("fetching")
    machine.said("apt-get -q update && apt-get -q install -y --no-install-recommends tree")
    assert machine.run("tree --version").status == 0
    assert houses.halted(machine)


def test_a_test_run_that_is_killed_leaves_no_process_mount_interface_or_group() -> None:
    interfaces = _interfaces()
    run = subprocess.Popen(
        [sys.executable, "-c", _BOOTS], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    name, keeper = run.stdout.readline().split()
    assert _groups(name)
    run.kill()
    run.communicate()
    assert wait_until(lambda: not Path(f"/proc/{keeper}").exists(), timeout_s=60)
    assert wait_until(lambda: not (RUNS / name).exists(), timeout_s=10)
    assert name not in Path("/proc/self/mountinfo").read_text("utf-8")
    assert _interfaces() == interfaces
    assert _groups(name) == []


def test_a_keeper_that_is_killed_takes_its_machines_with_it(houses: House) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", _BOOTS], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    name, keeper = run.stdout.readline().split()
    (group,) = {group for group in _groups(name) if "systemd" not in str(group.parent)}
    running = [
        int(pid) for file in group.rglob("cgroup.procs") for pid in file.read_text("ascii").split()
    ]
    assert len(running) > 5
    os.kill(int(keeper), signal.SIGKILL)
    assert wait_until(lambda: not any(Path(f"/proc/{p}").exists() for p in running), timeout_s=10)
    run.terminate()
    run.communicate()
