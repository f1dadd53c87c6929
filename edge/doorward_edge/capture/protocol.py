"""What the capture process says: fixed binary, one datagram a message, checked field by field.

The pictures themselves lie in shared memory, in places of equal size. The child writes only into
places that are free; a frame's place is free again when the parent has sent its number back.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from doorward.errors import DoorwardError

PLACES = 5
"""One in the mailbox, one with the decoder, one on its way, one that a page shows, one to fill."""
MAX_TEXT_BYTES = 300

_NOTICE = struct.Struct("<4sBBHHIQ")
_MAGIC = b"DWc1"
MAX_NOTICE_BYTES = _NOTICE.size + MAX_TEXT_BYTES


class CaptureProtocolError(DoorwardError):
    """Bytes that are no message of this protocol."""


class Told(IntEnum):
    """What a message of the child's is about."""

    OPEN = 1
    """The camera is open; pictures follow. The text says what it was asked for and does not do."""
    FRAME = 2
    TROUBLE = 3
    """There are no pictures now; the text says why. The child tries again by itself."""
    ENDED = 4
    """There will be no more: a folder or a film is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureNotice:
    """One message from the child.

    Attributes:
        place: where in the ring the picture lies.
        seq: the camera's own number of the picture.
        text: what is wrong, for people.
    """

    told: Told
    place: int = 0
    width_px: int = 0
    height_px: int = 0
    seq: int = 0
    captured_mono_ms: int = 0
    text: str = ""

    def to_wire(self) -> bytes:
        """Returns at most `MAX_NOTICE_BYTES` bytes."""
        head = _NOTICE.pack(
            _MAGIC,
            self.told,
            self.place,
            self.width_px,
            self.height_px,
            self.seq % 2**32,
            self.captured_mono_ms,
        )
        return head + self.text.encode("utf-8", "replace")[:MAX_TEXT_BYTES]

    @classmethod
    def from_wire(cls, wire: bytes, place_bytes: int) -> Self:
        """Returns the message in `wire`.

        Raises:
            CaptureProtocolError: it is none, or its picture does not fit into its place.
        """
        try:
            magic, told, place, width, height, seq, at_ms = _NOTICE.unpack_from(wire)
            notice = cls(
                told=Told(told),
                place=place,
                width_px=width,
                height_px=height,
                seq=seq,
                captured_mono_ms=at_ms,
                text=wire[_NOTICE.size :].decode("utf-8", "replace"),
            )
        except (struct.error, ValueError) as err:
            raise CaptureProtocolError(f"not a message of the capture process: {err}") from err
        if magic != _MAGIC:
            raise CaptureProtocolError(f"the message begins with {magic!r}")
        if notice.told is Told.FRAME and not (
            place < PLACES and 0 < width * height <= place_bytes and at_ms < 2**63
        ):
            raise CaptureProtocolError(f"{width}x{height} at place {place} do not fit")
        return notice
