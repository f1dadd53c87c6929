"""What the decoder child may do from now on: compute, read requests, write replies.

Everything else ends the process at once. Debian's libseccomp knows the names for x86-64 and ARM64.
"""

import resource
from pathlib import Path

import pyseccomp

from doorward.errors import DoorwardError
from doorward_edge.child_process import control_process

COMPUTING = (
    "brk",
    "clock_gettime",
    "exit",
    "exit_group",
    "futex",
    "gettimeofday",
    "madvise",
    "munmap",
    "restart_syscall",
    "rt_sigreturn",
    "sched_yield",
)
"""Allowed with any argument."""
BOUNDED = ("mmap", "mremap", "read", "write")
"""Allowed with some arguments: no executable memory, no large piece at once, these files only."""

_PR_SET_NO_NEW_PRIVS = 38
_PROT_EXEC = 4
_LENGTH_ARG = {"mmap": 1, "mremap": 2}


class SandboxError(DoorwardError):
    """The process could not be locked in; it must not look at anything then."""


def enter_sandbox(*, read_fd: int, write_fds: tuple[int, ...], memory_bytes: int) -> None:
    """Locks this process in, for good.

    Args:
        read_fd: the only file that may be read.
        write_fds: the only files that may be written.
        memory_bytes: how much address space may be taken beyond what is mapped now.

    Raises:
        SandboxError: a part of it failed.
    """
    try:
        _limit_resources(memory_bytes)
        control_process(_PR_SET_NO_NEW_PRIVS, 1)
        _filter(read_fd, write_fds, memory_bytes).load()
    except (OSError, ValueError, RuntimeError) as err:
        raise SandboxError(f"the sandbox cannot be set up: {err}") from err


def _limit_resources(memory_bytes: int) -> None:
    mapped_pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    most = mapped_pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _filter(
    read_fd: int, write_fds: tuple[int, ...], memory_bytes: int
) -> "pyseccomp.SyscallFilter":
    rules = pyseccomp.SyscallFilter(pyseccomp.KILL_PROCESS)
    for name in COMPUTING:
        rules.add_rule(pyseccomp.ALLOW, name)
    rules.add_rule(pyseccomp.ALLOW, "read", pyseccomp.Arg(0, pyseccomp.EQ, read_fd))
    for fd in write_fds:
        rules.add_rule(pyseccomp.ALLOW, "write", pyseccomp.Arg(0, pyseccomp.EQ, fd))
    no_code = pyseccomp.Arg(2, pyseccomp.MASKED_EQ, _PROT_EXEC, 0)
    small = {n: pyseccomp.Arg(at, pyseccomp.LE, memory_bytes) for n, at in _LENGTH_ARG.items()}
    rules.add_rule(pyseccomp.ALLOW, "mmap", no_code, small["mmap"])
    rules.add_rule(pyseccomp.ALLOW, "mremap", small["mremap"])
    return rules
