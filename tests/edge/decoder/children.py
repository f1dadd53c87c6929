"""Programs in the place of the decoder child, each of which misbehaves in its own way."""

import os
import struct
import sys
import time
from collections.abc import Callable

from doorward_edge.decoder.protocol import (
    HELLO_SERIAL,
    REQUEST_BYTES,
    Request,
    Status,
    reply_to_wire,
)
from doorward_edge.stages.decode import Pass

REQUESTS, REPLIES = int(sys.argv[3]), int(sys.argv[4])
FOREVER_S = 300


def say(wire: bytes) -> None:
    """Write all of it."""
    while wire:
        wire = wire[os.write(REPLIES, wire) :]


def hello() -> None:
    """Say what a child says when it is ready."""
    say(reply_to_wire(HELLO_SERIAL, Status.OK))


def asked() -> Request:
    """Wait for a request."""
    return Request.from_wire(os.read(REQUESTS, REQUEST_BYTES))


def header(serial: int, *, count: int = 0, body: int = 0, magic: bytes = b"DWr1") -> bytes:
    """A reply's header with anything in it."""
    return struct.pack("<4sIBBHIHH", magic, serial, 0, count, body, 1, 640, 480)


def silent() -> None:
    """Never be ready."""
    time.sleep(FOREVER_S)


def garbage_at_once() -> None:
    """Speak nonsense instead of hello."""
    say(os.urandom(4096))
    silent()


def ends_at_once() -> None:
    """End before hello."""


def cannot_start() -> None:
    """Say that the sandbox cannot be set up."""
    say(reply_to_wire(HELLO_SERIAL, Status.CANNOT_START))


def garbage_answers() -> None:
    """Answer with random bytes."""
    hello()
    asked()
    say(os.urandom(5000))
    silent()


def endless_answer() -> None:
    """Answer without an end."""
    hello()
    asked()
    while True:
        say(os.urandom(65536))


def huge_count() -> None:
    """Claim more sightings than there may be."""
    hello()
    say(header(asked().serial, count=255, body=65535))
    silent()


def half_a_header() -> None:
    """Begin an answer and stop."""
    hello()
    say(header(asked().serial)[:7])
    silent()


def half_a_body() -> None:
    """Claim a body and send some of it."""
    hello()
    say(header(asked().serial, count=1, body=37) + b"x" * 20)
    silent()


def not_a_number() -> None:
    """Send corners that are no numbers."""
    hello()
    body = struct.pack("<BBBH8f", 0, Pass.ZXING_FAST, 0, 0, *[float("nan")] * 8)
    say(header(asked().serial, count=1, body=len(body)) + body)
    silent()


def wrong_serial() -> None:
    """Answer another question."""
    hello()
    say(header(asked().serial + 1))
    silent()


def speaks_unasked() -> None:
    """Send an answer before the question."""
    hello()
    say(header(2**31))
    silent()


def ends_when_asked() -> None:
    """Die of the first picture."""
    hello()
    asked()


def deaf() -> None:
    """Be ready, and never read a request."""
    hello()
    silent()


BEHAVIOURS: dict[str, Callable[[], None]] = {
    name: behaviour
    for name, behaviour in globals().items()
    if callable(behaviour) and getattr(behaviour, "__module__", "") == __name__
}

if __name__ == "__main__":
    BEHAVIOURS[sys.argv[1]]()
