"""What the capture process may not do any more once its camera is open.

Camera stacks open devices, map memory and start threads as they like, so that everything is allowed
but what no camera needs: the network, other programs and processes, the kernel's own affairs, and
making or changing files. What only an intruder would try ends the process; what a library may try
out of habit is refused, and it goes on without.
"""

import errno
import os
import resource
import socket
from collections.abc import Iterable

import pyseccomp

from doorward.errors import DoorwardError
from doorward_edge.child_process import control_process

DEADLY = (
    *("execve", "execveat", "fork", "vfork"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd"),
    *("kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"),
    *("setns", "unshare", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "bpf", "perf_event_open"),
    *("reboot", "swapon", "swapoff", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime"),
    *("add_key", "request_key", "keyctl", "userfaultfd"),
    # Its rings would open sockets past every rule that stands here.
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups"),
)
"""End the process, with any argument."""
REFUSED = (
    *("creat", "truncate", "mknod", "mknodat", "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat"),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat"),
    *("setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr", "fremovexattr"),
)
"""Fail as on a disk that may only be read."""
UNKNOWN = ("clone3", "openat2")
"""Fail as on an older kernel: what they ask for cannot be seen; libraries take the older ones."""

_PR_SET_NO_NEW_PRIVS = 38
_CLONE_THREAD = 0x10000
_TIOCSTI = 0x5412
_MOST_FILES = 512
_MOST_FILE_BYTES = 256 * 2**20
"""libcamera hands its parameters over in files that are only in memory."""
_LARGEST_DOMAIN = 15
"""Up to here sockets speak to other machines, but for the first, which does not leave this one."""


class CaptureSandboxError(DoorwardError):
    """The process could not be locked in; it must not show a picture then."""


def enter_sandbox() -> None:
    """Locks all threads of this process in, for good.

    Raises:
        CaptureSandboxError: a part of it failed.
    """
    try:
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_NOFILE, _MOST_FILES)
        _limit(resource.RLIMIT_FSIZE, _MOST_FILE_BYTES)
        control_process(_PR_SET_NO_NEW_PRIVS, 1)
        _filter(os.getpid()).load()
    except (OSError, ValueError, RuntimeError) as err:
        raise CaptureSandboxError(f"the capture process cannot be locked in: {err}") from err


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(what, (most, most))


def _filter(own_pid: int) -> "pyseccomp.SyscallFilter":
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    # The camera's threads are there already.
    rules.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)
    _add(rules, pyseccomp.KILL_PROCESS, DEADLY)
    _add(rules, pyseccomp.ERRNO(errno.EACCES), REFUSED)
    _add(rules, pyseccomp.ERRNO(errno.ENOSYS), UNKNOWN)
    for domain in range(socket.AF_UNIX + 1, _LARGEST_DOMAIN + 1):
        _kill_where(rules, "socket", pyseccomp.Arg(0, pyseccomp.EQ, domain))
    # Between the two is the kernel's own: it tells when a device comes.
    _kill_where(rules, "socket", pyseccomp.Arg(0, pyseccomp.GT, socket.AF_NETLINK))
    _kill_where(rules, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, 0))
    _kill_where(rules, "tgkill", pyseccomp.Arg(0, pyseccomp.NE, own_pid))
    _kill_where(rules, "ioctl", pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, _TIOCSTI))
    for name, flags_at in (("open", 1), ("openat", 2)):
        makes = pyseccomp.Arg(flags_at, pyseccomp.MASKED_EQ, os.O_CREAT, os.O_CREAT)
        _add(rules, pyseccomp.ERRNO(errno.EACCES), (name,), makes)
    return rules


def _kill_where(rules: "pyseccomp.SyscallFilter", name: str, where: "pyseccomp.Arg") -> None:
    _add(rules, pyseccomp.KILL_PROCESS, (name,), where)


def _add(
    rules: "pyseccomp.SyscallFilter", action: int, names: Iterable[str], *where: "pyseccomp.Arg"
) -> None:
    """Adds a rule for each call that this kind of processor has."""
    for name in names:
        if pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) >= 0:
            rules.add_rule(action, name, *where)
