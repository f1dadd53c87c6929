"""What parent and child say to each other: fixed binary, bounded, checked field by field.

The picture itself lies in shared memory. A request says where to look, a reply what was seen. The
request goes first and `GO` follows when the picture is there: the child wakes up meanwhile.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from doorward.errors import DoorwardError
from doorward_edge.scan import MAX_PAYLOAD_BYTES, Point, Sighting, Symbology
from doorward_edge.stages.decode import Pass

MAX_PASSES = 12
MAX_SIGHTINGS = 16

_REQUEST = struct.Struct(f"<4sBBHHII{MAX_PASSES}s")
_REPLY = struct.Struct("<4sIBBHIHH")
_SIGHTING = struct.Struct("<BBBH8f")
_REQUEST_MAGIC, _REPLY_MAGIC = b"DWq1", b"DWr1"

REQUEST_BYTES = _REQUEST.size
REPLY_HEADER_BYTES = _REPLY.size
MAX_BODY_BYTES = MAX_SIGHTINGS * (_SIGHTING.size + MAX_PAYLOAD_BYTES)
MAX_REPLY_BYTES = REPLY_HEADER_BYTES + MAX_BODY_BYTES

GO = b"\x01"
"""Follows each request when its picture is in the shared memory."""

PROBLEMS = ("", "structured_append", "non_utf8_eci", "too_long")
SYMBOLOGIES = tuple(Symbology)
HELLO_SERIAL = 0
"""The child's first reply, when it is ready, answers no request."""


class ProtocolError(DoorwardError):
    """Bytes that are no message of this protocol."""


class Content(IntEnum):
    """What lies in the shared memory."""

    LUMA = 1
    FILE = 2


class Status(IntEnum):
    """How a request ended; all but OK come without sightings."""

    OK = 0
    NOT_AN_IMAGE = 1
    TOO_LARGE = 2
    FAILED = 3
    CANNOT_START = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One picture to look at.

    Attributes:
        serial: returned in the reply; from 1.
        size: bytes in the shared memory.
        passes: tried in this order until one sees something.
    """

    serial: int
    content: Content
    width: int
    height: int
    size: int
    passes: tuple[Pass, ...]

    def to_wire(self) -> bytes:
        """Returns exactly `REQUEST_BYTES` bytes."""
        return _REQUEST.pack(
            _REQUEST_MAGIC,
            self.content,
            len(self.passes),
            self.width,
            self.height,
            self.size,
            self.serial,
            bytes(self.passes),
        )

    @classmethod
    def from_wire(cls, wire: bytes) -> "Request":
        """Returns the request in `wire`. Raises ProtocolError."""
        try:
            magic, content, count, width, height, size, serial, passes = _REQUEST.unpack(wire)
            request = cls(
                serial=serial,
                content=Content(content),
                width=width,
                height=height,
                size=size,
                passes=tuple(Pass(number) for number in passes[:count]),
            )
        except (struct.error, ValueError) as err:
            raise ProtocolError(f"not a request: {err}") from err
        if magic != _REQUEST_MAGIC:
            raise ProtocolError(f"request begins with {magic!r}")
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyHeader:
    """What stands before the sightings.

    Attributes:
        took_us: the reader's own time.
        width: of the picture that was looked at (a file's is not known before).
    """

    serial: int
    status: Status
    count: int
    body_bytes: int
    took_us: int
    width: int
    height: int

    @classmethod
    def from_wire(cls, wire: bytes, expected_serial: int) -> "ReplyHeader":
        """Returns the header in `wire`, if it can be believed. Raises ProtocolError."""
        try:
            magic, serial, status, count, body, took_us, width, height = _REPLY.unpack(wire)
            header = cls(
                serial=serial,
                status=Status(status),
                count=count,
                body_bytes=body,
                took_us=took_us,
                width=width,
                height=height,
            )
        except (struct.error, ValueError) as err:
            raise ProtocolError(f"not a reply: {err}") from err
        if magic != _REPLY_MAGIC:
            raise ProtocolError(f"reply begins with {magic!r}")
        if serial != expected_serial:
            raise ProtocolError(f"reply has serial {serial}, expected {expected_serial}")
        if count > MAX_SIGHTINGS or body > MAX_BODY_BYTES:
            raise ProtocolError(f"reply says {count} sightings in {body} bytes")
        return header

    def expect_hello(self) -> None:
        """Raises ProtocolError unless the child says that it is ready."""
        if self.status is not Status.OK or self.body_bytes:
            raise ProtocolError("the child cannot start; its own message stands above")


def reply_to_wire(
    serial: int,
    status: Status,
    sightings: Sequence[Sighting] = (),
    *,
    took_us: int = 0,
    size: tuple[int, int] = (0, 0),
) -> bytes:
    """Returns a reply; what is beyond the bounds is cut off."""
    body = b"".join(_sighting_to_wire(s) for s in sightings[:MAX_SIGHTINGS])
    count = min(len(sightings), MAX_SIGHTINGS)
    took = min(took_us, 2**32 - 1)
    return _REPLY.pack(_REPLY_MAGIC, serial, status, count, len(body), took, *size) + body


def _sighting_to_wire(sighting: Sighting) -> bytes:
    payload, problem = sighting.payload, sighting.problem
    if len(payload) > MAX_PAYLOAD_BYTES:
        payload, problem = payload[:MAX_PAYLOAD_BYTES], "too_long"
    head = _SIGHTING.pack(
        SYMBOLOGIES.index(sighting.symbology),
        _pass_of(sighting.reader),
        PROBLEMS.index(problem),
        len(payload),
        *(value for corner in sighting.corners for value in corner),
    )
    return head + payload


def _pass_of(label: str) -> Pass:
    return Pass[label.replace("/", "_").upper()]


def sightings_from_wire(
    body: bytes, header: ReplyHeader, size_px: tuple[int, int]
) -> tuple[Sighting, ...]:
    """Returns the sightings of a reply; every number in them is checked.

    Args:
        body: what came after the header.
        header: which was checked already.
        size_px: width and height of the picture that was asked about, (0, 0) for a file.

    Raises:
        ProtocolError: something in it cannot be.
    """
    if header.count and (header.width, header.height) != size_px != (0, 0):
        raise ProtocolError(f"reply is about {header.width}x{header.height} pixels")
    sightings, offset = [], 0
    try:
        for _ in range(header.count):
            fields = _SIGHTING.unpack_from(body, offset)
            offset += _SIGHTING.size
            symbology, reader, problem, length = fields[:4]
            if length > MAX_PAYLOAD_BYTES or offset + length > len(body):
                raise ProtocolError(f"payload of {length} bytes")
            sightings.append(
                Sighting(
                    payload=bytes(body[offset : offset + length]),
                    symbology=SYMBOLOGIES[symbology],
                    corners=_corners(fields[4:], header),
                    reader=Pass(reader).label,
                    problem=PROBLEMS[problem],
                )
            )
            offset += length
    except (struct.error, ValueError, IndexError) as err:
        raise ProtocolError(f"not a sighting: {err}") from err
    if offset != len(body):
        raise ProtocolError(f"{len(body) - offset} bytes after the last sighting")
    return tuple(sightings)


def _corners(values: Sequence[float], header: ReplyHeader) -> tuple[Point, Point, Point, Point]:
    """Corners may lie somewhat outside of the frame (an extrapolated fourth one), not anywhere."""
    for value, side in zip(values, (header.width, header.height) * 4, strict=True):
        if not math.isfinite(value) or not -side <= value <= 2 * side:
            raise ProtocolError(f"corner at {value} in a picture of {side} pixels")
    a, b, c, d, e, f, g, h = values
    return ((a, b), (c, d), (e, f), (g, h))
