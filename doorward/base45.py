"""Base45 (RFC 9285), strict: every byte string has one encoding and nothing else decodes."""

import struct

from doorward.errors import MalformedError

ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_BAD = 255
_VALUES = bytes(ALPHABET.find(c) if c in ALPHABET else _BAD for c in range(256))


def encode(data: bytes) -> str:
    """Returns the Base45 text of `data`."""
    pairs = struct.unpack(f">{len(data) // 2}H", data[: len(data) & ~1])
    out = bytearray()
    for pair in pairs:
        high, low = divmod(pair, 2025)
        out += bytes((ALPHABET[low % 45], ALPHABET[low // 45], ALPHABET[high]))
    if len(data) % 2:
        out += bytes((ALPHABET[data[-1] % 45], ALPHABET[data[-1] // 45]))
    return out.decode("ascii")


def decode(text: bytes) -> bytes:
    """Returns the bytes that `text` stands for.

    Raises:
        MalformedError: another character, a length that no encoding has, or a group past its range.
    """
    values = text.translate(_VALUES)
    if _BAD in values:
        raise MalformedError("Base45: a character outside the alphabet")
    whole, rest = divmod(len(values), 3)
    if rest == 1:
        raise MalformedError(f"Base45: no encoding is {len(values)} characters long")
    cut = 3 * whole
    groups = [
        a + 45 * b + 2025 * c
        for a, b, c in zip(values[0:cut:3], values[1:cut:3], values[2:cut:3], strict=True)
    ]
    try:
        data = struct.pack(f">{whole}H", *groups)
        if rest:
            data += struct.pack(">B", values[-2] + 45 * values[-1])
    except struct.error as err:
        raise MalformedError("Base45: a group is past its range") from err
    return data
