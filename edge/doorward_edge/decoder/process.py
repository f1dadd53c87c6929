"""One decoder child as its parent holds it: shared memory, two pipes and a process."""

import contextlib
import mmap
import os
import select
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from doorward_edge.child_process import sealed_memory
from doorward_edge.decoder.protocol import ProtocolError
from doorward_edge.scan import Luma, Symbology

_KILL_WAIT_S = 1.0
_MIB = 2**20
_BASE_BYTES = 96 * _MIB
_BYTES_PER_PX = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSettings:
    """How children are made.

    Attributes:
        program: the interpreter's arguments; tests put other programs in the child's place.
        frame_bytes: size of the shared memory, the largest picture.
        memory_bytes: what the child may allocate once it is locked in; 0 for what pictures of
            that size need.
        reads_files: whether the child opens image files, too.
    """

    symbologies: tuple[Symbology, ...] = (Symbology.QR,)
    frame_bytes: int = 1280 * 720
    memory_bytes: int = 0
    reads_files: bool = False
    program: tuple[str, ...] = ("-I", "-m", "doorward_edge.decoder.child")

    @property
    def most_memory_bytes(self) -> int:
        """What the child may allocate: a doubled picture, and the readers' copies of it."""
        return self.memory_bytes or _BASE_BYTES + _BYTES_PER_PX * self.frame_bytes


class ChildProcess:
    """A running child. Everything that it sends is untrusted bytes here."""

    def __init__(self, settings: ChildSettings, now_mono_ms: int) -> None:
        """Starts a child; it says hello when it is ready. Raises OSError."""
        self.started_mono_ms = now_mono_ms
        self.is_ready = False
        self._memory_fd = sealed_memory("doorward-frame", settings.frame_bytes)
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, self._memory_fd)
            self._mapped = mmap.mmap(self._memory_fd, settings.frame_bytes)
            request_read, self._request_fd = os.pipe()
            self._reply_fd, reply_write = os.pipe()
            read_only = os.open(f"/proc/self/fd/{self._memory_fd}", os.O_RDONLY)
            theirs = (request_read, reply_write, read_only)
            try:
                self._process = _start(settings, theirs)
            except BaseException:
                for fd in (self._request_fd, self._reply_fd):
                    os.close(fd)
                raise
            finally:
                for fd in theirs:
                    os.close(fd)
        self.picture: Luma = np.frombuffer(self._mapped, dtype=np.uint8)
        os.set_blocking(self._request_fd, False)
        os.set_blocking(self._reply_fd, False)
        self._poll = select.poll()
        self._poll.register(self._reply_fd, select.POLLIN)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def has_spoken(self, timeout_ms: int = 0) -> bool:
        """Returns whether there is something to read, or the child has closed its side."""
        return bool(self._poll.poll(timeout_ms))

    def send(self, wire: bytes) -> None:
        """Sends a request. Raises OSError when the child is gone or does not read."""
        if os.write(self._request_fd, wire) != len(wire):
            raise BlockingIOError("the child does not read its requests")

    def receive(self, size: int) -> bytes:
        """Returns up to `size` bytes once `has_spoken`. Raises EOFError, OSError."""
        piece = os.read(self._reply_fd, size)
        if not piece:
            raise EOFError("the child closed its side")
        return piece

    def expect_silence(self) -> None:
        """Raises ProtocolError when the child speaks without being asked, EOFError when gone."""
        if self.has_spoken():
            self.receive(1)
            raise ProtocolError("the child speaks without being asked")

    def expect_start_within(self, deadline_ms: int, now_mono_ms: int) -> None:
        """Raises TimeoutError when the child has had this long to say hello."""
        if now_mono_ms - self.started_mono_ms > deadline_ms:
            raise TimeoutError(f"not ready after {deadline_ms} ms")

    def end(self) -> None:
        """Kills the child, waits for it, and gives back what it held."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_WAIT_S)
        for fd in (self._request_fd, self._reply_fd):
            os.close(fd)
        self.picture = np.empty(0, dtype=np.uint8)
        with contextlib.suppress(BufferError):
            self._mapped.close()


def _start(settings: ChildSettings, fds: tuple[int, int, int]) -> subprocess.Popen[bytes]:
    words = (
        os.getpid(),
        *fds,
        settings.frame_bytes,
        settings.most_memory_bytes,
        int(settings.reads_files),
        *settings.symbologies,
    )
    return subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, *settings.program, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=fds,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    """One thread, no acceleration that would open devices, and none of our own variables."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **kept,
        "LC_ALL": "C.UTF-8",
        "MALLOC_ARENA_MAX": "1",
        # Pictures come and go at every pass: fresh pages for each would cost more than the pass.
        "MALLOC_MMAP_THRESHOLD_": str(32 * _MIB),
        "MALLOC_TRIM_THRESHOLD_": str(64 * _MIB),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OPENCV_FOR_THREADS_NUM": "1",
        "OPENCV_IO_MAX_IMAGE_PIXELS": str(64 * _MIB),
        "OPENCV_OPENCL_RUNTIME": "disabled",
        "OPENCV_LOG_LEVEL": "SILENT",
    }
