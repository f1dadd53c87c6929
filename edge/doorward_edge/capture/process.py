"""One capture process as its parent holds it: a ring of pictures, a socket and a child."""

import contextlib
import mmap
import os
import select
import socket
import subprocess
import sys
import weakref
from collections import deque
from dataclasses import dataclass

import msgspec
import numpy as np

from doorward_edge.capture.protocol import (
    MAX_NOTICE_BYTES,
    PLACES,
    CaptureNotice,
    Told,
)
from doorward_edge.child_process import sealed_memory
from doorward_edge.config import CameraSection
from doorward_edge.scan import Frame

_KILL_WAIT_S = 0.5
_PROGRAM = ("-I", "-m", "doorward_edge.capture.child")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSettings:
    """How capture processes are made.

    Attributes:
        place_bytes: the largest picture, in pixels.
        program: the interpreter's arguments; tests put other programs in the child's place.
    """

    camera: CameraSection
    place_bytes: int
    program: tuple[str, ...] = _PROGRAM


class CaptureProcess:
    """A running child. Whatever it sends is checked; used by one thread, except frames."""

    def __init__(self, settings: CaptureSettings, now_mono_ms: int) -> None:
        """Starts a child. Raises OSError."""
        self.started_mono_ms = now_mono_ms
        self._place_bytes = settings.place_bytes
        self._returned: deque[int] = deque()
        with contextlib.ExitStack() as undo:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            undo.callback(ours.close)
            with theirs:
                ring_fd = sealed_memory("doorward-capture", PLACES * settings.place_bytes)
                undo.callback(os.close, ring_fd)
                self._ring = mmap.mmap(
                    ring_fd, PLACES * settings.place_bytes, mmap.MAP_SHARED, mmap.PROT_READ
                )
                self._process = _start(settings, theirs.fileno(), ring_fd)
            undo.pop_all()
            os.close(ring_fd)
        self._socket = ours
        self._socket.settimeout(0)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def receive(self, timeout_ms: int) -> CaptureNotice | None:
        """Returns the next message, or None when none came in time.

        Raises:
            EOFError: the child has ended; the message says how.
            CaptureProtocolError: it sent nonsense.
            OSError: the connection is broken.
        """
        self._send_back()
        if not self._poll.poll(timeout_ms):
            return None
        wire = self._socket.recv(MAX_NOTICE_BYTES)
        if not wire:
            raise EOFError(self._how_it_ended())
        return CaptureNotice.from_wire(wire, self._place_bytes)

    def frame_of(self, notice: CaptureNotice, seq: int) -> Frame:
        """Returns the picture where it lies; its place is free again when nothing refers to it."""
        size = notice.width_px * notice.height_px
        luma = np.frombuffer(self._ring, np.uint8, size, notice.place * self._place_bytes)
        # Every view of this array keeps it, and nothing keeps it but views.
        lease = weakref.finalize(luma, self._returned.append, notice.place)
        lease.atexit = False
        return Frame(
            luma=luma.reshape(notice.height_px, notice.width_px),
            seq=seq,
            captured_mono_ms=notice.captured_mono_ms,
        )

    def drop(self, notice: CaptureNotice) -> None:
        """Frees the place of a picture that nobody will look at."""
        if notice.told is Told.FRAME:
            self._returned.append(notice.place)

    def end(self) -> bool:
        """Kills the child. Returns False where it hangs in its driver and cannot end yet."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILL_WAIT_S)
        self._socket.close()
        return self.has_ended()

    def has_ended(self) -> bool:
        """Returns whether the process is gone, for good."""
        return self._process.poll() is not None

    def _send_back(self) -> None:
        """Tells the child which places are free; pictures die in any thread, this one sends."""
        places = bytearray()
        while self._returned:
            places.append(self._returned.popleft())
        if places:
            with contextlib.suppress(OSError):
                self._socket.send(places)

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(_KILL_WAIT_S)
            return f"signal {-status}" if status < 0 else f"status {status}"
        return "it closed its side"


def _start(settings: CaptureSettings, socket_fd: int, ring_fd: int) -> subprocess.Popen[bytes]:
    words = (
        str(os.getpid()),
        str(socket_fd),
        str(ring_fd),
        str(settings.place_bytes),
        msgspec.json.encode(settings.camera).decode(),
    )
    return subprocess.Popen(  # noqa: S603  # our own interpreter and module
        [sys.executable, *settings.program, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(socket_fd, ring_fd),
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    """Ours, with one thread for arithmetic and one arena: pictures are copied, not computed."""
    return {
        **os.environ,
        "MALLOC_ARENA_MAX": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OPENCV_FOR_THREADS_NUM": "1",
        "OPENCV_OPENCL_RUNTIME": "disabled",
        "OPENCV_LOG_LEVEL": "ERROR",
    }
