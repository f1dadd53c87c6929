"""The capture process: `python -m doorward_edge.capture.child`, started by `process.py` alone.

It opens the camera, locks itself in as far as a camera allows, copies each picture into a free
place of the ring and says where it lies. What it cannot open it tries again; only an end of the
pictures, or of the parent, ends it.
"""

import mmap
import os
import select
import signal
import sys
from dataclasses import dataclass

import msgspec
import numpy as np

from doorward.errors import DoorwardError
from doorward.times import Clock
from doorward_edge.adapters.clock_system import SystemClock
from doorward_edge.camera import open_camera
from doorward_edge.capture.protocol import PLACES, CaptureNotice, Told
from doorward_edge.capture.sandbox import CaptureSandboxError, enter_sandbox
from doorward_edge.child_process import die_with_parent
from doorward_edge.config import CameraSection, ClockSource
from doorward_edge.ports import CameraError, FramesEndedError, FrameSource
from doorward_edge.scan import Frame, Luma

ASK_FOR_S = 0.5
PAUSE_AFTER_FAULT_MS = 2_000
_CREDITS = 64


class _ParentGoneError(Exception):
    """Nobody listens any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the parent says on the command line."""

    parent_pid: int
    socket_fd: int
    ring_fd: int
    place_bytes: int
    camera: CameraSection

    @classmethod
    def from_argv(cls, words: list[str]) -> "Orders":
        """Returns the orders in `words`. Raises ValueError."""
        parent, socket, ring, size = map(int, words[:4])
        camera = msgspec.json.decode(words[4], type=CameraSection)
        return cls(
            parent_pid=parent, socket_fd=socket, ring_fd=ring, place_bytes=size, camera=camera
        )


class Ring:
    """The places for pictures, and which of them are free."""

    def __init__(self, ring_fd: int, place_bytes: int) -> None:
        """Maps the memory."""
        mapped = mmap.mmap(ring_fd, PLACES * place_bytes)
        os.close(ring_fd)
        self._places = np.frombuffer(mapped, dtype=np.uint8).reshape(PLACES, place_bytes)
        self._free = list(range(PLACES))

    def give_back(self, places: bytes) -> None:
        """Takes in that the parent has done with these places."""
        self._free.extend(place for place in places if place < PLACES and place not in self._free)

    def put(self, luma: Luma) -> int | None:
        """Returns where the picture now lies, or None when no place is free.

        Raises:
            CameraError: it is larger than a place.
        """
        if luma.size > self._places.shape[1]:
            height, width = luma.shape
            most = self._places.shape[1]
            raise CameraError(f"the camera gave {width}x{height}, there is room for {most} pixels")
        if not self._free:
            return None
        # The last that came back: places that are seldom needed take no memory.
        place = self._free.pop()
        np.copyto(self._places[place, : luma.size].reshape(luma.shape), luma)
        return place


class Teller:
    """The way to the parent."""

    def __init__(self, socket_fd: int) -> None:
        """Takes the descriptor; every message is a datagram."""
        self._fd = socket_fd
        self._poll = select.poll()
        self._poll.register(socket_fd, select.POLLIN)

    def tell(self, notice: CaptureNotice) -> None:
        """Sends a message. Raises _ParentGoneError."""
        try:
            os.write(self._fd, notice.to_wire())
        except OSError as err:
            raise _ParentGoneError from err

    def hear(self, wait_ms: int = 0) -> bytes:
        """Returns the numbers of places that came back. Raises _ParentGoneError."""
        if not self._poll.poll(wait_ms):
            return b""
        places = os.read(self._fd, _CREDITS)
        if not places:
            raise _ParentGoneError
        return places


def main(words: list[str]) -> int:
    """Runs until the parent or the pictures end; returns the exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The parent decides when a session ends.
    orders = Orders.from_argv(words)
    try:
        die_with_parent(orders.parent_pid)
        ring, teller = Ring(orders.ring_fd, orders.place_bytes), Teller(orders.socket_fd)
        _serve(orders.camera, ring, teller, SystemClock(ClockSource.ASSUME))
    except _ParentGoneError:
        return 0
    except OSError as err:
        sys.stderr.write(f"capture: {err}\n")
        return 1
    return 0


def _serve(camera: CameraSection, ring: Ring, teller: Teller, clock: Clock) -> None:
    """Opens the camera and shows its pictures; opens it again after a fault."""
    is_locked_in = False
    while True:
        try:
            source = open_camera(camera, clock)
            try:
                if not is_locked_in:
                    enter_sandbox()
                    is_locked_in = True
                teller.tell(CaptureNotice(told=Told.OPEN))
                _show(source, ring, teller)
            finally:
                source.close()
        except FramesEndedError as err:
            teller.tell(CaptureNotice(told=Told.ENDED, text=str(err)))
            return
        except (CameraError, CaptureSandboxError, ValueError, RuntimeError) as err:
            teller.tell(CaptureNotice(told=Told.TROUBLE, text=_words(err)))
        ring.give_back(teller.hear(PAUSE_AFTER_FAULT_MS))


def _show(source: FrameSource, ring: Ring, teller: Teller) -> None:
    """Hands over one picture after another; one for which there is no place is passed over."""
    refused = ""
    while True:
        frame = source.next_frame(ASK_FOR_S)
        if (said := "; ".join(getattr(source, "refused", ()))) != refused:
            refused = said
            teller.tell(CaptureNotice(told=Told.OPEN, text=refused))
        while places := teller.hear():
            ring.give_back(places)
        if frame is not None:
            _hand_over(frame, ring, teller)


def _hand_over(frame: Frame, ring: Ring, teller: Teller) -> None:
    place = ring.put(frame.luma)
    if place is None:
        return
    height, width = frame.luma.shape
    teller.tell(
        CaptureNotice(
            told=Told.FRAME,
            place=place,
            width_px=width,
            height_px=height,
            seq=frame.seq,
            captured_mono_ms=frame.captured_mono_ms,
        )
    )


def _words(err: Exception) -> str:
    return str(err) if isinstance(err, DoorwardError) else f"{type(err).__name__}: {err}"


if __name__ == "__main__":
    # A driver's threads must not hold up the end.
    os._exit(main(sys.argv[1:]))
