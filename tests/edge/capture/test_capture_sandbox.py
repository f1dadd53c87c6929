"""What a hole in a camera's stack would gain, and what a camera's stack may still do."""

import ctypes
import ctypes.util
import platform
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.capture.sandbox import DEADLY, REFUSED, UNKNOWN
from doorward_edge.capture.source import CaptureSource
from doorward_edge.config import CameraKind, CameraSection, ClockSource

IS_ARM = platform.machine() == "aarch64"
SOCKET, TGKILL, BPF = (198, 131, 280) if IS_ARM else (41, 234, 321)
IO_URING_SETUP = 425
PROLOGUE = """
import ctypes, errno, fcntl, mmap, os, signal, socket, subprocess, sys, threading
from doorward_edge.capture.sandbox import enter_sandbox
libc = ctypes.CDLL(None, use_errno=True)
started, ended = threading.Event(), threading.Event()
todo = []
def work():
    started.set()
    ended.wait()
    for each in todo: each()
before = threading.Thread(target=work)
before.start()
started.wait()
enter_sandbox()
"""
EPILOGUE = """
ended.set()
before.join()
os.write(1, b"SURVIVED")
os._exit(0)
"""

ATTACKS = {
    "open a socket to the network": "socket.socket(socket.AF_INET)",
    "open one of IPv6": "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "open one past the network stack": "libc.socket(17, 3, 0)",
    "open one to the machine's host": "libc.socket(40, 1, 0)",
    "open one by a number that only looks harmless": (
        f"libc.syscall({SOCKET}, ctypes.c_long(0x1_0000_0002), 1, 0)"
    ),
    "become another program": "os.execv('/bin/true', ['true'])",
    "start another program": "subprocess.run(['/bin/true'])",
    "start a shell": "os.system('true')",
    "fork": "os.fork()",
    "kill its parent": "os.kill(os.getppid(), signal.SIGTERM)",
    "end a thread of its parent": f"libc.syscall({TGKILL}, os.getppid(), os.getppid(), 15)",
    "trace another process": "libc.ptrace(16, os.getppid(), 0, 0)",
    "read another's memory": "libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0)",
    "set up rings": f"libc.syscall({IO_URING_SETUP}, 8, 0)",
    "type into its terminal": "libc.ioctl(0, 0x5412, b'x')",
    "become somebody else": "os.setuid(0)",
    "see other namespaces": "libc.unshare(0x10000000)",
    "mount": "libc.mount(b'none', b'/mnt', b'tmpfs', 0, 0)",
    "set the clock": "__import__('time').clock_settime(0, 0)",
    "load a program into the kernel": f"libc.syscall({BPF}, 0, 0, 0)",
    "do it in a thread that was there before": "todo.append(lambda: socket.socket())",
    "do it in a thread of its own": (
        "threading.Thread(target=socket.socket).start()\nended.wait(10)"
    ),
}


def run(body: str) -> "subprocess.CompletedProcess[bytes]":
    script = f"{PROLOGUE}\n{body}\n{EPILOGUE}"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=30, check=False
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attempt_ends_the_process_at_once(attack: str) -> None:
    done = run(ATTACKS[attack])
    assert done.returncode == -signal.SIGSYS, done.stderr.decode()
    assert b"SURVIVED" not in done.stdout


FILES = {
    "make a file": "open({path!r} + '.new', 'w')",
    "remove a file": "os.unlink({path!r})",
    "rename a file": "os.rename({path!r}, {path!r} + '.new')",
    "cut a file off": "os.truncate({path!r}, 0)",
    "make a folder": "os.mkdir({path!r} + '.new')",
    "link a file": "os.symlink({path!r}, {path!r} + '.new')",
    "open a file to everybody": "os.chmod({path!r}, 0o777)",
}


@pytest.mark.parametrize("attempt", FILES)
def test_files_are_neither_made_nor_changed_and_a_library_that_tries_goes_on(
    tmp_path: Path, attempt: str
) -> None:
    path = tmp_path / "kept"
    path.write_text("content")
    tried = FILES[attempt].format(path=str(path))
    done = run(f"try: {tried}\nexcept PermissionError: pass\nelse: os._exit(9)")
    assert (done.returncode, done.stdout) == (0, b"SURVIVED"), done.stderr.decode()
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]
    assert path.read_text() == "content"


def test_what_a_camera_needs_is_allowed() -> None:
    done = run("""
values = []
threading.Thread(target=values.append, args=(1,)).start()
todo.append(lambda: values.append(2))
with open("/proc/self/status", "rb") as file: file.read()
fd = os.open("/dev/null", os.O_RDWR)
try: fcntl.ioctl(fd, 0x80685600, bytes(104))  # VIDIOC_QUERYCAP
except OSError as err: assert err.errno == errno.ENOTTY, err
shared = os.memfd_create("picture")
os.ftruncate(shared, 1 << 20)
mmap.mmap(shared, 1 << 20)
socket.socketpair(socket.AF_UNIX)
socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 15)  # where udev tells of devices
os.eventfd_write(os.eventfd(0), 1)
import select
select.epoll().poll(0)
bytearray(64 << 20)
signal.signal(signal.SIGUSR1, lambda *_: values.append(3))
signal.raise_signal(signal.SIGUSR1)
ended.set(); before.join()
assert sorted(values) == [1, 2, 3], values
""")
    assert (done.returncode, done.stdout) == (0, b"SURVIVED"), done.stderr.decode()


def test_a_crash_leaves_no_image_of_its_memory_and_ends_as_a_crash() -> None:
    body = "import resource; assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)\nos.abort()"
    assert run(body).returncode == -signal.SIGABRT


def test_it_locks_itself_in_before_it_shows_a_picture(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), np.full((48, 64), 90, dtype=np.uint8))
    camera = CameraSection(name="front", kind=CameraKind.FOLDER, path=str(tmp_path))
    clock = SystemClock(ClockSource.ASSUME)
    source = CaptureSource(camera, clock)
    until_ms = clock.now().mono_ms + 30_000
    while source.next_frame(0.2) is None:
        assert clock.now().mono_ms < until_ms
    assert source.pid is not None
    for thread in Path(f"/proc/{source.pid}/task").iterdir():
        status = (thread / "status").read_text()
        assert "Seccomp:\t2" in status
        assert "NoNewPrivs:\t1" in status
    source.close()


@pytest.mark.parametrize(("machine", "token"), [("x86-64", 0xC000003E), ("aarch64", 0xC00000B7)])
def test_every_call_is_known_by_its_name(machine: str, token: int) -> None:
    """A name that no processor knows would be a rule that does nothing."""
    libseccomp = ctypes.CDLL(ctypes.util.find_library("seccomp"))
    names = (*DEADLY, *REFUSED, *UNKNOWN, "socket", "clone", "tgkill", "ioctl", "openat")
    unknown = {
        name
        for name in names
        if libseccomp.seccomp_syscall_resolve_name_arch(token, name.encode()) == -1
    }
    assert unknown == set(), machine
