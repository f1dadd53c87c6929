"""The sandbox is attacked by a process that has locked itself in with the very function."""

import ctypes
import ctypes.util
import signal
import subprocess
import sys

import pytest

from doorward_edge.decoder.sandbox import BOUNDED, COMPUTING, SandboxError, die_with_parent

LOCKED_IN = """
import ctypes, mmap, os, socket, sys
from doorward_edge.decoder.sandbox import enter_sandbox
libc = ctypes.CDLL(None)
read_fd, feeder = os.pipe()
os.write(feeder, b"x" * 10)
null = os.open("/dev/null", os.O_RDWR)
enter_sandbox(read_fd=read_fd, write_fds=(1,), memory_bytes=64 * 2**20)
os.write(1, b"in ")
{attack}
os.write(1, b"survived")
os._exit(0)
"""

ATTACKS = {
    "open a file": "open('/etc/passwd')",
    "open a folder": "os.listdir('/')",
    "look at a file": "os.stat('/etc/passwd')",
    "make a socket": "socket.socket()",
    "make a Unix socket": "socket.socketpair()",
    "run a program": "os.execv('/bin/true', ['true'])",
    "fork": "os.fork()",
    "start a thread": "import _thread; _thread.start_new_thread(print, ())",
    "signal the parent": "os.kill(os.getppid(), 0)",
    "take 2 GiB at once": "bytearray(2 * 2**30)",
    "map executable memory": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
    "make memory executable": "libc.mprotect(0, 4096, 7)",
    "read another file": "os.read(null, 1)",
    "write another file": "os.write(null, b'x')",
    "write to the error stream": "os.write(2, b'x')",
    "make a pipe": "os.pipe()",
    "copy a descriptor": "os.dup(1)",
    "close a descriptor": "os.close(1)",
    "trace": "libc.ptrace(0, 0, 0, 0)",
    "change its identity": "os.setuid(0)",
    "become traceable": "libc.prctl(4, 1, 0, 0, 0)",
    "raise its limits": "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
    "sleep": "libc.usleep(1)",
}


def run(attack: str) -> subprocess.CompletedProcess[bytes]:
    script = LOCKED_IN.format(attack=attack)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=60, check=False
    )


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_the_attack_ends_the_process_at_once(attack: str) -> None:
    done = run(attack)
    assert done.stdout == b"in ", done.stderr.decode()
    assert done.returncode == -signal.SIGSYS


def test_computing_reading_requests_and_writing_replies_is_allowed() -> None:
    done = run("assert os.read(read_fd, 4) == b'xxxx'; x = bytearray(2**24); del x")
    assert (done.stdout, done.returncode) == (b"in survived", 0), done.stderr.decode()


def test_memory_in_many_small_pieces_ends_at_the_limit() -> None:
    attack = """
taken = []
try:
    while len(taken) < 200:
        taken.append(bytearray(2**20))
except MemoryError:
    full = len(taken)
    taken.clear()
    os.write(1, str(full).encode() + b" ")
"""
    done = run(attack)
    assert done.returncode == 0, done.stderr.decode()
    _, pieces, end = done.stdout.split()
    assert 32 < int(pieces) <= 64
    assert end == b"survived"


def test_there_is_no_way_back_by_a_second_filter() -> None:
    again = "enter_sandbox(read_fd=null, write_fds=(2,), memory_bytes=2**30)"
    assert run(again).returncode == -signal.SIGSYS


def test_a_child_of_a_parent_that_is_gone_does_not_start() -> None:
    script = (
        "from doorward_edge.decoder.sandbox import SandboxError, die_with_parent\n"
        "try:\n    die_with_parent(1 + 2**21)\nexcept SandboxError as err:\n    print(err)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=60, check=True
    )
    assert said.stdout.decode().strip() == f"the parent {1 + 2**21} is gone"
    assert issubclass(SandboxError, Exception)
    assert callable(die_with_parent)


@pytest.mark.parametrize(("machine", "token"), [("x86-64", 0xC000003E), ("aarch64", 0xC00000B7)])
def test_every_allowed_call_exists_on_the_boards_that_are_supported(
    machine: str, token: int
) -> None:
    libseccomp = ctypes.CDLL(ctypes.util.find_library("seccomp"))
    unknown = [
        name
        for name in (*COMPUTING, *BOUNDED)
        if libseccomp.seccomp_syscall_resolve_name_arch(token, name.encode()) < 0
    ]
    assert unknown == [], machine
