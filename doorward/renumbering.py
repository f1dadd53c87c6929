"""A policy bundle under another version, and with further keyrings (docs/protocol.md §4, §5).

For a controller that lost count, and for one whose keys changed while its rules did not.
"""

import struct
from collections.abc import Sequence

from doorward import canonical
from doorward.errors import MalformedError

_LENGTH = struct.Struct(">I")


def renumbered(body: bytes, version: int) -> bytes:
    """Returns the body of a bundle with another version in it and nothing else changed.

    Raises:
        MalformedError: the bytes are no body of a bundle.
    """
    return _with(body, {"version": version})


def with_keyrings(body: bytes, version: int, keyrings: Sequence[bytes]) -> bytes:
    """Returns the body of a bundle with another version and these keyrings, the oldest first.

    Raises:
        MalformedError: the bytes are no body of a bundle.
    """
    return _with(body, {"version": version, "keyrings": list(keyrings)})


def _with(body: bytes, fields: dict[str, object]) -> bytes:
    if len(body) < _LENGTH.size:
        raise MalformedError("policy: cut off")
    (length,) = _LENGTH.unpack_from(body)
    end = _LENGTH.size + length
    header = canonical.decode(body[_LENGTH.size : end], "policy header")
    if not isinstance(header, dict) or not header.keys() >= fields.keys():
        raise MalformedError("policy: wrong header fields")
    changed = canonical.encode({**header, **fields})
    return _LENGTH.pack(len(changed)) + changed + body[end:]
