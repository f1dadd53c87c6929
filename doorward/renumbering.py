"""A policy bundle under another version, for a controller that lost count (docs/protocol.md §4)."""

import struct

from doorward import canonical
from doorward.errors import MalformedError

_LENGTH = struct.Struct(">I")


def renumbered(body: bytes, version: int) -> bytes:
    """Returns the body of a bundle with another version in it and nothing else changed.

    Raises:
        MalformedError: the bytes are no body of a bundle.
    """
    if len(body) < _LENGTH.size:
        raise MalformedError("policy: cut off")
    (length,) = _LENGTH.unpack_from(body)
    end = _LENGTH.size + length
    header = canonical.decode(body[_LENGTH.size : end], "policy header")
    if not isinstance(header, dict) or "version" not in header:
        raise MalformedError("policy: wrong header fields")
    changed = canonical.encode({**header, "version": version})
    return _LENGTH.pack(len(changed)) + changed + body[end:]
