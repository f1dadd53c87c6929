"""What a process in a service's place can do: tried one by one, told as JSON on standard output.

Runs on the machine, by the system's own Python, in place of the service's program.
"""

import ctypes
import errno
import json
import mmap
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

CLONE_NEWUSER = 0x10000000
AF_PACKET = 17


def wrote(path: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123  # the plainest way there is
        file.write("x")


def ran_own_program(folder: str) -> None:
    path = Path(folder, "program")
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o755)
    try:
        subprocess.run([str(path)], check=True)
    finally:
        path.unlink()


def made_code() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def called(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def read_trust_of_clock() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.adjtimex(ctypes.create_string_buffer(512)) == -1:
        raise OSError(ctypes.get_errno(), "adjtimex")


def opened(path: str) -> None:
    os.close(os.open(path, os.O_RDWR))


def socket_of(family: int, kind: int = socket.SOCK_DGRAM, protocol: int = 0) -> None:
    socket.socket(family, kind, protocol).close()


def sees_others() -> None:
    if not Path("/proc/1/status").exists():
        raise PermissionError(errno.EACCES, "process 1 cannot be seen")


def dumps_core() -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0:
        raise PermissionError(errno.EPERM, "no core is written")


TRIED: dict[str, Callable[[], object]] = {
    "write /etc": lambda: wrote("/etc/doorward-probe"),
    "write /usr": lambda: wrote("/usr/doorward-probe"),
    "write its release": lambda: wrote("/opt/doorward/doorward-probe"),
    "write its state": lambda: wrote(f"{os.environ['STATE_DIRECTORY']}/probe"),
    "write where it runs": lambda: wrote("probe"),
    "write /sys": lambda: wrote("/sys/kernel/mm/transparent_hugepage/enabled"),
    "write /proc/sys": lambda: wrote("/proc/sys/kernel/core_pattern"),
    "run what it wrote": lambda: ran_own_program(os.environ["STATE_DIRECTORY"]),
    "run a program of the system": lambda: subprocess.run(["/usr/bin/true"], check=True),
    "make code": made_code,
    "list /root": lambda: list(Path("/root").iterdir()),
    "list /home": lambda: list(Path("/home").iterdir()),
    "list the sealed keys": lambda: list(Path("/etc/credstore.encrypted").iterdir()),
    "see process 1": sees_others,
    "new namespace": lambda: called("unshare", CLONE_NEWUSER),
    "mount": lambda: called("mount", b"tmpfs", b"/tmp", b"tmpfs", 0, None),
    "read how far the clock is to be trusted": read_trust_of_clock,
    "set the clock": lambda: called("clock_settime", 0, (ctypes.c_long * 2)(1, 0)),
    "set the host's name": lambda: called("sethostname", b"probe", 5),
    "real-time priority": lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
    "packet socket": lambda: socket_of(AF_PACKET, socket.SOCK_RAW),
    "netlink socket": lambda: socket_of(socket.AF_NETLINK),
    "internet socket": lambda: socket_of(socket.AF_INET),
    "raw socket": lambda: socket_of(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "be root": lambda: os.setuid(0),
    "setuid program": lambda: Path(os.environ["STATE_DIRECTORY"], "probe").chmod(0o4755),
    "core dump": dumps_core,
    "bound own memory": lambda: resource.setrlimit(
        resource.RLIMIT_AS, (2**40, resource.RLIM_INFINITY)
    ),
    "device input": lambda: opened("/dev/probe-input"),
    "device video": lambda: opened("/dev/probe-video"),
    "device mem": lambda: opened("/dev/probe-mem"),
    "device null": lambda: opened("/dev/null"),
}


def main() -> int:
    found = {}
    for name, try_it in TRIED.items():
        try:
            try_it()
            found[name] = "yes"
        except (OSError, subprocess.SubprocessError) as err:
            found[name] = errno.errorcode.get(getattr(err, "errno", 0) or 0, type(err).__name__)
    print(f"PROBED {json.dumps(found)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
