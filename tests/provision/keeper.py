"""Keeps booted machines: everything that they are ends with this process, however it ends.

It is started in namespaces of its own (mounts, processes, network), by `machines`. Mounts,
interfaces and rules are therefore never this machine's: the kernel takes them away with the last
process. Orders come as one JSON object a line and are answered by one; their end is the order to
stop. Run as `python -m tests.provision.keeper FOLDER`.

The network, seen from here: `tap0` leads out (slirp4netns puts it there), `bridge0` (10.77.0.1) to
the machines, each of which has a network namespace and a veth pair.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.provision.groups import group_tops, remove_group

HERE = "10.77.0.1"
_BITS = 24
_HALT = signal.SIGRTMIN + 4
_STOP_S = 40.0
_PR_SET_PDEATHSIG = 1
_OWN_RULES = """\
table ip doorward_test {
  chain out {
    type nat hook postrouting priority srcnat;
    oifname "tap0" masquerade
  }
}
"""


@dataclass(slots=True, kw_only=True)
class Booted:
    """A running machine."""

    name: str
    address: str
    folder: Path
    process: "subprocess.Popen[bytes]"


def run(*argv: str, given: str | None = None) -> str:
    """Runs a program to its end and returns what it printed. Raises RuntimeError."""
    done = subprocess.run(argv, check=False, capture_output=True, text=True, input=given)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Keeper:
    """The machines of one test run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._machines: dict[str, Booted] = {}

    def prepare(self) -> None:
        """Makes the network that machines are plugged into."""
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "bridge0", "type", "bridge")
        run("ip", "address", "add", f"{HERE}/{_BITS}", "dev", "bridge0")
        run("ip", "link", "set", "bridge0", "up")
        run("nft", "-f", "-", given=_OWN_RULES)
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1", "ascii")
        Path("/run/netns").mkdir(exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", "/run/netns")

    def boot(self, name: str, tree: str, address: str, binds: list[str]) -> dict[str, Any]:
        """Boots a machine from a tree that stays as it is, and returns at once."""
        folder = self._folder / name
        for part in ("upper", "work", "root"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self._plug_in(name, address)
        root = folder / "root"
        layers = f"lowerdir={tree},upperdir={folder}/upper,workdir={folder}/work"
        run("mount", "-t", "overlay", "overlay", "-o", layers, str(root))
        identity = root / "etc/machine-id"
        if not identity.exists() or not identity.read_text("ascii").strip().isalnum():
            identity.write_text(f"{uuid.uuid4().hex}\n", "ascii")
        (root / "etc/hostname").write_text(f"{name}\n", "ascii")
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n{address} {name}\n{_own_hosts()}")
        keys = root / "root/.ssh/authorized_keys"
        keys.write_bytes((self._folder / "key.pub").read_bytes())
        keys.chmod(0o600)
        run("ssh-keygen", "-A", "-f", str(root))
        self._machines[name] = self._start(name, address, folder, binds)
        return {"address": address}

    def halt(self, name: str) -> dict[str, Any]:
        """Shuts a machine down in order; its disk stays for another boot."""
        machine = self._machines.pop(name)
        leader = _only_child(machine.process.pid)
        if leader is not None:
            os.kill(leader, _HALT)
        try:
            machine.process.wait(_STOP_S)
            in_order = True
        except subprocess.TimeoutExpired:
            in_order = False
            machine.process.kill()
            machine.process.wait()
        run("umount", str(machine.folder / "root"))
        run("ip", "netns", "delete", name)
        for group in self._groups(name):
            remove_group(group)
        return {"in_order": in_order}

    def close(self) -> None:
        """Shuts down all that run."""
        for name in list(self._machines):
            self.halt(name)

    def cut(self, name: str) -> dict[str, Any]:
        """Pulls a machine's network cable."""
        run("ip", "link", "set", f"v-{name}", "down")
        return {}

    def mend(self, name: str) -> dict[str, Any]:
        """Plugs it in again."""
        run("ip", "link", "set", f"v-{name}", "up")
        return {}

    def _plug_in(self, name: str, address: str) -> None:
        run("ip", "netns", "add", name)
        inside = ("ip", "-n", name)
        run("ip", "link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        run("ip", "link", "set", f"v-{name}", "master", "bridge0", "up")
        run(*inside, "link", "set", "lo", "up")
        run(*inside, "address", "add", f"{address}/{_BITS}", "dev", "eth0")
        run(*inside, "link", "set", "eth0", "up")
        run(*inside, "route", "add", "default", "via", HERE)

    def _groups(self, name: str) -> list[Path]:
        """Control groups of a machine, one in each hierarchy that systemd uses."""
        return [top / f"doorward-{self._folder.name}-{name}" for top in group_tops()]

    def _start(self, name: str, address: str, folder: Path, binds: list[str]) -> Booted:
        argv = [
            *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"),
            *(f"--directory={folder}/root", f"--machine={name}", "--console=pipe"),
            *(f"--network-namespace-path=/run/netns/{name}", "--capability=CAP_NET_ADMIN,CAP_BPF"),
            # systemd inside filters devices by programs in the kernel; whether a clock may be
            # trusted is read by the call that also sets it, for which a right would be needed.
            "--system-call-filter=bpf clock_adjtime adjtimex",
            *("--resolv-conf=copy-host", "--timezone=off"),
            *(f"--bind={bind}" for bind in binds),
        ]
        groups = self._groups(name)
        for group in groups:
            group.mkdir(exist_ok=True)

        def begin() -> None:
            # In a group of its own: nspawn would share ours among all machines.
            for group in groups:
                (group / "cgroup.procs").write_text("0", "ascii")
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

        with (folder / "console").open("ab") as console:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                preexec_fn=begin,  # noqa: PLW1509  # this process has one thread
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        return Booted(name=name, address=address, folder=folder, process=process)


def _only_child(pid: int) -> int | None:
    words = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return int(words[0]) if words else None


def _own_hosts() -> str:
    """What this machine knows by file, without itself: its package servers may be among it."""
    lines = Path("/etc/hosts").read_text("utf-8").splitlines()
    own = re.compile(r"^\s*(127\.|::1|ff|fe|#|$)")
    return "".join(f"{line}\n" for line in lines if not own.match(line))


def serve(keeper: Keeper) -> None:
    """Answers orders until there are no more."""
    orders: dict[str, Callable[..., dict[str, Any]]] = {
        "boot": keeper.boot,
        "halt": keeper.halt,
        "cut": keeper.cut,
        "mend": keeper.mend,
    }
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = orders[order.pop("do")](**order)
        except (RuntimeError, OSError, KeyError) as err:
            answer = {"error": repr(err)}
        print(json.dumps(answer), flush=True)


def main() -> int:
    """Prepares, says so, serves, and leaves nothing running."""
    folder = Path(sys.argv[1])
    keeper = Keeper(folder)
    # Whoever interrupts the tests interrupts all of their terminal's processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keeper.prepare()
    print(json.dumps({"ready": True}), flush=True)
    try:
        serve(keeper)
    finally:
        keeper.close()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
