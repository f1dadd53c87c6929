"""What every child process of the gateway has in common: it never outlives its parent.

Pictures lie in memory that both have mapped and that neither can make larger or smaller.
"""

import ctypes
import fcntl
import os
import signal

_PR_SET_PDEATHSIG = 1


def die_with_parent(parent_pid: int) -> None:
    """Has the kernel kill this process when the thread that started it ends.

    Raises:
        OSError: the parent is gone already, or the kernel refuses.
    """
    control_process(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        raise ProcessLookupError(f"the parent {parent_pid} is gone")


def control_process(option: int, value: int) -> None:
    """Sets an attribute of this process, as prctl(2) says. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}) failed: {os.strerror(number)}")


def sealed_memory(name: str, size: int) -> int:
    """Returns a descriptor of anonymous memory that can neither grow nor shrink."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    seals = fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd
