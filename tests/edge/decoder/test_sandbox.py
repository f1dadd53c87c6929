"""What a hole in a reader would gain: nothing. Each attack runs in a process that is locked in."""

import ctypes
import ctypes.util
import signal
import subprocess
import sys

import pytest

from doorward_edge.decoder.sandbox import BOUNDED, COMPUTING

MIB = 2**20
PROLOGUE = """
import array, ctypes, mmap, os, resource, signal, socket, subprocess, sys, threading
from doorward_edge.decoder.sandbox import enter_sandbox
own_read, own_write = os.pipe()
other_read, other_write = os.pipe()
secret = os.open("/etc/passwd", os.O_RDONLY)
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = (
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
)
PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
enter_sandbox(read_fd=own_read, write_fds=(own_write, 1), memory_bytes=64 * 2**20)
"""

ATTACKS = {
    "open a file": "os.open('/etc/passwd', os.O_RDONLY)",
    "create a file": "os.open('/tmp/doorward-attack', os.O_CREAT | os.O_WRONLY)",
    "read a file that was left open": "os.read(secret, 10)",
    "write to a pipe that is not its own": "os.write(other_write, b'x')",
    "open a socket": "socket.socket()",
    "open a Unix socket": "socket.socket(socket.AF_UNIX)",
    "fork": "os.fork()",
    "start a thread": "threading.Thread(target=int).start()",
    "become another program": "os.execv('/bin/true', ['true'])",
    "start another program": "subprocess.run(['/bin/true'])",
    "kill its parent": "os.kill(os.getppid(), signal.SIGTERM)",
    "trace another process": "libc.ptrace(0, 0, 0, 0)",
    "map memory that can be executed": "libc.mmap(None, 4096, 7, PRIVATE, -1, 0)",
    "make memory executable": "libc.mprotect(None, 4096, 5)",
    "raise its own limits": "resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))",
    "rename a file": "os.rename('/tmp/doorward-a', '/tmp/doorward-b')",
    "change its owner": "os.setuid(0)",
    "wait on other descriptors": "__import__('select').poll().poll(0)",
    "allocate 2 GiB": "bytearray(2 * 2**30)",
}


def run(body: str) -> "subprocess.CompletedProcess[bytes]":
    """Runs code in a process that has just been locked in; SURVIVED is said after it."""
    script = f"{PROLOGUE}\n{body}\nos.write(1, b'SURVIVED')\nos._exit(0)\n"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=30, check=False
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attempt_ends_the_process_at_once(attack: str) -> None:
    done = run(ATTACKS[attack])
    assert done.returncode == -signal.SIGSYS, done.stderr.decode()
    assert b"SURVIVED" not in done.stdout


def test_there_is_no_way_back_by_a_second_filter() -> None:
    again = "enter_sandbox(read_fd=other_read, write_fds=(2,), memory_bytes=2**30)"
    assert run(again).returncode == -signal.SIGSYS


def test_memory_taken_bit_by_bit_ends_too() -> None:
    done = run(f"hoard = []\nwhile True: hoard.append(bytes({MIB}))")
    assert done.returncode != 0
    assert b"SURVIVED" not in done.stdout


def test_what_a_reader_needs_is_allowed() -> None:
    work = """
os.write(own_write, b"request")
assert os.read(own_read, 7) == b"request"
piece = bytearray(16 * 2**20)
del piece
import time
time.perf_counter(); time.monotonic()
lock = threading.Lock()
with lock:
    array.array("d", [0.0]) * 1000
"""
    done = run(work)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b"SURVIVED"


def test_a_child_ends_with_the_process_that_started_it() -> None:
    script = """
import os, subprocess, sys
child = "import os, sys, time; from doorward_edge.child_process import die_with_parent; "
child += "die_with_parent(int(sys.argv[1])); print('up', flush=True); time.sleep(600)"
process = subprocess.Popen(
    [sys.executable, "-c", child, str(os.getpid())], stdout=subprocess.PIPE
)
process.stdout.readline()
print(process.pid, flush=True)
os._exit(0)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=30, check=True
    )
    pid = int(done.stdout)
    wait_gone(pid)


def wait_gone(pid: int) -> None:
    """Waits until a process has ended; as a zombie, too, it does nothing any more."""
    script = f"""
import pathlib, sys, time
end = time.monotonic() + 10
stat = pathlib.Path("/proc/{pid}/stat")
while stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] != "Z":
    if time.monotonic() > end: sys.exit("still there")
    time.sleep(0.01)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)


def test_a_child_whose_parent_is_gone_refuses_to_begin() -> None:
    script = (
        "from doorward_edge.child_process import die_with_parent\n"
        "try: die_with_parent(1_999_999)\n"
        "except ProcessLookupError as err: print(err)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=30, check=True
    )
    assert done.stdout == b"the parent 1999999 is gone\n"


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
