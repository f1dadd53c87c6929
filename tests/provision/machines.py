"""Booted Debian machines for tests, reached over SSH."""

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.provision.groups import group_tops, remove_group
from tests.provision.tree import KEPT, ROOT, made_tree
from tests.provision.waiting import wait_until

RUNS = KEPT / "runs"
BOOT_S = 60.0
_ORDER_S = 90.0


class MachineError(Exception):
    """A machine does not do what it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a command on a machine came to."""

    status: int
    out: str
    err: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One booted Debian."""

    name: str
    address: str
    house: "House"

    def run(self, command: str, *, given: bytes | None = None, timeout_s: float = 120.0) -> Done:
        """Runs a shell command as root, over SSH."""
        argv = [*self.house.inside(), "ssh", *self.house.ssh_options(), f"root@{self.address}"]
        done = subprocess.run(
            [*argv, command], check=False, capture_output=True, input=given, timeout=timeout_s
        )
        return Done(
            status=done.returncode,
            out=done.stdout.decode("utf-8", "replace"),
            err=done.stderr.decode("utf-8", "replace"),
        )

    def said(self, command: str, *, timeout_s: float = 120.0) -> str:
        """Returns what a command prints; one that fails is an error of the test."""
        done = self.run(command, timeout_s=timeout_s)
        if done.status:
            raise MachineError(
                f"{self.name}: {command}: status {done.status}\n{done.out}{done.err}"
            )
        return done.out

    def put(self, path: str, content: bytes, *, mode: str = "0644", owner: str = "root") -> None:
        """Writes a file."""
        where = shlex.quote(path)
        command = f"install -D -m {mode} -o {owner} -g {owner} /dev/stdin {where}"
        done = self.run(command, given=content)
        if done.status:
            raise MachineError(f"{self.name}: {path}: {done.err}")

    def put_tree(self, source: Path, target: str) -> None:
        """Copies a folder."""
        packed = subprocess.run(
            ["tar", "-C", str(source), "-cf", "-", "."], check=True, capture_output=True
        ).stdout
        where = shlex.quote(target)
        done = self.run(f"mkdir -p {where} && tar -C {where} -xf -", given=packed)
        if done.status:
            raise MachineError(f"{self.name}: {target}: {done.err}")

    def get_tree(self, source: str, target: Path) -> None:
        """Copies a folder from it."""
        argv = [*self.house.inside(), "ssh", *self.house.ssh_options(), f"root@{self.address}"]
        command = f"tar -C {shlex.quote(source)} -cf - ."
        packed = subprocess.run([*argv, command], check=True, capture_output=True).stdout
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["tar", "-C", str(target), "-xf", "-"], check=True, input=packed)

    def is_up(self) -> bool:
        """Whether it has booted as far as it ever will."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            state = self.run("systemctl is-system-running", timeout_s=10.0).out.strip()
            return state in {"running", "degraded"}
        return False

    def journal(self, unit: str, lines: int = 40) -> str:
        """The newest lines of a unit's journal."""
        return self.run(f"journalctl --no-pager --lines={lines} --unit={shlex.quote(unit)}").out


class House:
    """Where machines are booted: one keeper, one network."""

    def __init__(self, folder: Path, keeper: "subprocess.Popen[str]", pid: int) -> None:
        self.folder = folder
        self._keeper = keeper
        self._pid = pid
        self._taken = 1

    def inside(self) -> list[str]:
        """What to write before a command so that it is in the machines' network."""
        return ["nsenter", f"--net=/proc/{self._pid}/ns/net", "--"]

    def ssh_options(self) -> list[str]:
        """How to reach any of the machines."""
        return [
            *("-i", str(self.folder / "key"), "-o", "BatchMode=yes", "-o", "ConnectTimeout=5"),
            *("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"),
            *("-o", "LogLevel=ERROR", "-o", f"ControlPath={self.folder}/ssh-%C"),
            *("-o", "ControlMaster=auto", "-o", "ControlPersist=60"),
        ]

    def tell(self, do: str, **more: object) -> dict[str, Any]:
        """Gives the keeper an order. Raises MachineError."""
        keeper = self._keeper
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        keeper.stdin.write(json.dumps({"do": do, **more}) + "\n")
        keeper.stdin.flush()
        line = keeper.stdout.readline()
        answer = json.loads(line) if line else {"error": "the keeper of the machines is gone"}
        if "error" in answer:
            raise MachineError(f"{do} {more}: {answer['error']}")
        return dict(answer)

    def booted(self, name: str, *, address: str = "", binds: Sequence[str] = ()) -> Machine:
        """Boots a machine and waits until it is up. Raises MachineError."""
        self._taken += 1
        archives = KEPT / "archives"
        archives.mkdir(parents=True, exist_ok=True)
        binds = (f"{archives}:/var/cache/apt/archives", *binds)
        wanted = address or f"10.77.0.{self._taken}"
        self.tell("boot", name=name, tree=str(made_tree()), address=wanted, binds=list(binds))
        machine = Machine(name=name, address=wanted, house=self)
        if not wait_until(machine.is_up, timeout_s=BOOT_S):
            console = (self.folder / name / "console").read_text("utf-8", "replace")
            raise MachineError(f"{name} is not up after {BOOT_S:g} s:\n{console[-3000:]}")
        return machine

    def halted(self, machine: Machine) -> bool:
        """Shuts a machine down; returns whether it went in order."""
        self._forget_connection(machine)
        return bool(self.tell("halt", name=machine.name)["in_order"])

    def rebooted(self, machine: Machine) -> Machine:
        """Boots it anew with what is on its disk."""
        assert self.halted(machine)
        return self.booted(machine.name, address=machine.address)

    def _forget_connection(self, machine: Machine) -> None:
        argv = [*self.inside(), "ssh", *self.ssh_options(), "-O", "exit", f"root@{machine.address}"]
        subprocess.run(argv, check=False, capture_output=True)


@contextmanager
def house() -> Iterator[House]:
    """Machines may be booted inside; afterwards nothing of them is left."""
    RUNS.mkdir(parents=True, exist_ok=True)
    _sweep()
    folder = Path(tempfile.mkdtemp(dir=RUNS))
    with (folder / "lock").open("w") as lock, contextlib.ExitStack() as at_end:
        at_end.callback(_remove, folder)
        fcntl.flock(lock, fcntl.LOCK_EX)
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]
        subprocess.run([*keygen, str(folder / "key")], check=True)
        with _keeper(folder, lock.fileno()) as (keeper, pid), _way_out(folder, pid):
            yield House(folder, keeper, pid)


def _sweep() -> None:
    """Removes what runs left behind that were killed together with their keeper."""
    for folder in RUNS.iterdir():
        try:
            with (folder / "lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder)
        except BlockingIOError:
            continue


def _remove(folder: Path) -> None:
    """Removes what a keeper would have, had it not been killed."""
    shutil.rmtree(folder, ignore_errors=True)
    for top in group_tops():
        for group in top.glob(f"doorward-{folder.name}-*"):
            with contextlib.suppress(OSError):
                remove_group(group)


@contextmanager
def _keeper(folder: Path, lock: int) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Runs the keeper in namespaces of its own; it ends when its orders do."""
    argv = [
        *("unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc"),
        *(sys.executable, "-m", "tests.provision.keeper", str(folder)),
    ]
    keeper = subprocess.Popen(
        argv,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Held by the keeper, too: what it keeps is swept away only when both are gone.
        pass_fds=(lock,),
        start_new_session=True,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        if not keeper.stdout.readline():
            raise MachineError("the keeper of the machines did not start; its words are above")
        children = Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text("ascii")
        yield keeper, int(children.split()[0])
    finally:
        keeper.stdin.close()
        try:
            keeper.wait(_ORDER_S)
        except subprocess.TimeoutExpired:
            keeper.kill()
            keeper.wait()
        keeper.stdout.close()


@contextmanager
def _way_out(folder: Path, pid: int) -> Iterator[None]:
    """Connects the keeper's network to this machine's, by an ordinary process without rights."""
    leave, leaving = os.pipe()
    ready, readying = os.pipe()
    argv = [
        *("slirp4netns", "--configure", "--mtu=1500", "--disable-host-loopback"),
        *(f"--exit-fd={leave}", f"--ready-fd={readying}", str(pid), "tap0"),
    ]
    with (folder / "slirp").open("wb") as said:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said, pass_fds=(leave, readying)
        )
    os.close(leave)
    os.close(readying)
    try:
        if not os.read(ready, 1):
            raise MachineError(f"no way out: {(folder / 'slirp').read_text()}")
        yield
    finally:
        os.close(ready)
        os.close(leaving)
        process.wait()
