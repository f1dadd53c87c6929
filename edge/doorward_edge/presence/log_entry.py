"""What is written into the log of presence: messages that count for long, and what was sent."""

import struct
from dataclasses import dataclass

from doorward import shapes
from doorward.errors import MalformedError
from doorward.ids import Epoch
from doorward.presence_message import PresenceMessage

_SENT = struct.Struct(">QQ")
_IS_MESSAGE, _IS_SENT = b"M", b"S"


@dataclass(frozen=True, slots=True)
class Sent:
    """The broker has this message of ours."""

    epoch: Epoch
    seq: int


LogEntry = PresenceMessage | Sent


def entry_wire(entry: LogEntry) -> bytes:
    """Returns the bytes of an entry."""
    if isinstance(entry, Sent):
        return _IS_SENT + _SENT.pack(entry.epoch, entry.seq)
    return _IS_MESSAGE + entry.to_body()


def read_entry(wire: bytes) -> LogEntry:
    """Returns the entry. Raises MalformedError."""
    kind, body = wire[:1], wire[1:]
    if kind == _IS_MESSAGE:
        return PresenceMessage.from_body(body)
    if kind == _IS_SENT and len(body) == _SENT.size:
        epoch, seq = _SENT.unpack(body)
        return Sent(shapes.epoch(epoch, "sent: epoch"), seq)
    raise MalformedError("presence log: unknown entry")
