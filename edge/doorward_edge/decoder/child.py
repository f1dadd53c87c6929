"""The decoder's process: `python -m doorward_edge.decoder.child`, started by `process.py` alone.

It loads and tries everything while it still may, locks itself in, says hello, and then answers
requests until its input ends.
"""

import mmap
import os
import sys
import time
from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp

from doorward.errors import DoorwardError
from doorward_edge.adapters.reader_pyzbar import load_charsets
from doorward_edge.child_process import die_with_parent
from doorward_edge.decoder.passes import Passes
from doorward_edge.decoder.protocol import (
    GO,
    HELLO_SERIAL,
    REQUEST_BYTES,
    Content,
    ProtocolError,
    Request,
    Status,
    reply_to_wire,
)
from doorward_edge.decoder.sandbox import SandboxError, enter_sandbox
from doorward_edge.scan import Luma, Symbology
from doorward_edge.stages.decode import Pass

STDERR_FD = 2
WARM_UP_TEXT = "Tür 门 ж"
"""Not ASCII: the readers' tables of character sets must be loaded before the files are gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the parent says on the command line."""

    parent_pid: int
    request_fd: int
    reply_fd: int
    frame_fd: int
    frame_bytes: int
    memory_bytes: int
    reads_files: bool
    symbologies: tuple[Symbology, ...]

    @classmethod
    def from_argv(cls, words: list[str]) -> "Orders":
        """Returns the orders in `words`. Raises ValueError."""
        parent, request, reply, frame, size, memory, files = map(int, words[:7])
        return cls(
            parent_pid=parent,
            request_fd=request,
            reply_fd=reply,
            frame_fd=frame,
            frame_bytes=size,
            memory_bytes=memory,
            reads_files=bool(files),
            symbologies=tuple(map(Symbology, words[7:])),
        )


def main(words: list[str]) -> int:
    """Runs until the parent closes the requests; returns the exit status."""
    orders = Orders.from_argv(words)
    try:
        die_with_parent(orders.parent_pid)
        picture = np.frombuffer(
            mmap.mmap(orders.frame_fd, orders.frame_bytes, mmap.MAP_SHARED, mmap.PROT_READ),
            dtype=np.uint8,
        )
        os.close(orders.frame_fd)
        passes = _warmed_up(orders)
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDERR_FD)
        _say_nothing_more(orders)
    except (SandboxError, OSError, MemoryError, ImportError) as err:
        sys.stderr.write(f"decoder: {err}\n")
        os.write(orders.reply_fd, reply_to_wire(HELLO_SERIAL, Status.CANNOT_START))
        return 1
    os.write(orders.reply_fd, reply_to_wire(HELLO_SERIAL, Status.OK))
    _serve(orders, picture, passes)
    return 0


def _say_nothing_more(orders: Orders) -> None:
    enter_sandbox(
        read_fd=orders.request_fd,
        write_fds=(orders.reply_fd, STDERR_FD),
        memory_bytes=orders.memory_bytes,
    )


def _warmed_up(orders: Orders) -> Passes:
    """Reads a real code with every pass, so that nothing is left to be loaded later."""
    cv2.setNumThreads(1)
    load_charsets()
    passes = Passes(orders.symbologies)
    luma = _specimen()
    for number in Pass:
        passes.look(luma, (number,))
        passes.look(np.zeros_like(luma), (number,))
    if orders.reads_files:
        for suffix in (".png", ".jpg", ".webp"):
            cv2.imdecode(cv2.imencode(suffix, luma)[1], cv2.IMREAD_GRAYSCALE)
        _open_file(np.zeros(64, dtype=np.uint8))
    return passes


def _specimen() -> Luma:
    barcode = zxingcpp.create_barcode(WARM_UP_TEXT, zxingcpp.BarcodeFormat.QRCode)
    drawn = zxingcpp.write_barcode_to_image(barcode, scale=4, add_quiet_zones=True)
    return np.pad(np.array(drawn, dtype=np.uint8), 40, constant_values=255)


def _serve(orders: Orders, picture: Luma, passes: Passes) -> None:
    while wire := os.read(orders.request_fd, REQUEST_BYTES):
        request = _request_in(wire)
        if os.read(orders.request_fd, len(GO)) != GO:
            return
        reply = _answer(request, picture, passes)
        while reply:
            reply = reply[os.write(orders.reply_fd, reply) :]


def _request_in(wire: bytes) -> Request | None:
    try:
        return Request.from_wire(wire)
    except ProtocolError:
        return None


def _answer(request: Request | None, picture: Luma, passes: Passes) -> bytes:
    if request is None:
        return reply_to_wire(HELLO_SERIAL, Status.FAILED)
    began, serial = time.perf_counter(), request.serial
    try:
        luma = _luma_of(request, picture)
        if luma is None:
            return reply_to_wire(serial, Status.NOT_AN_IMAGE)
        seen = passes.look(luma, request.passes)
    except MemoryError:
        return reply_to_wire(serial, Status.TOO_LARGE)
    except (DoorwardError, ValueError, RuntimeError, cv2.error):
        return reply_to_wire(serial, Status.FAILED)
    took_us = int((time.perf_counter() - began) * 1e6)
    height, width = luma.shape
    return reply_to_wire(serial, Status.OK, seen, took_us=took_us, size=(width, height))


def _luma_of(request: Request, picture: Luma) -> Luma | None:
    if request.content is Content.FILE:
        return _open_file(picture[: request.size])
    wanted = request.width * request.height
    if wanted != request.size or wanted > picture.size or not wanted:
        raise ProtocolError(f"{request.width}x{request.height} in {request.size} bytes")
    return picture[:wanted].reshape(request.height, request.width)


def _open_file(content: Luma) -> Luma | None:
    try:
        opened = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
    except cv2.error as err:
        if "memory" in str(err).lower():
            raise MemoryError(str(err)) from err
        return None
    if opened is None or max(opened.shape) >= 2**16:
        return None
    return np.asarray(opened, dtype=np.uint8)


if __name__ == "__main__":
    # Nothing that an orderly end would do (flushing, hooks) is allowed any more.
    os._exit(main(sys.argv[1:]))
