"""`DW0` stickers: a random number with a check symbol (docs/protocol.md §2.4).

Crockford's base32 and check symbol (value mod 37), in the characters that a QR code's alphanumeric
mode has. The number proves nothing by itself; it only points into the policy.
"""

import hashlib
from dataclasses import dataclass

STICKER_PREFIX = b"DW0"
NUMBER_BYTES = 10
HASH_BYTES = 16

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHECKS = _DIGITS + "*~$=U"
_NOT_IN_QR = frozenset("~=")
_VALUES = {ord(c): i for i, c in enumerate(_DIGITS)}
_LENGTH = len(STICKER_PREFIX) + 16 + 1
_CONTEXT = b"doorward/1/DW0\x00"
_TYPED = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None, ":": None})


@dataclass(frozen=True, slots=True)
class StickerClaim:
    """A well-formed sticker, known by the hash of its number.

    Attributes:
        digest: 16 bytes; the only thing that a gateway ever keeps of a sticker.
    """

    digest: bytes


def make_sticker(number: bytes) -> str | None:
    """Returns the text of the sticker with this number.

    Args:
        number: 10 random bytes.

    Returns:
        20 characters, or None where the check symbol is not in the QR set: draw another number.

    Raises:
        ValueError: not 10 bytes.
    """
    if len(number) != NUMBER_BYTES:
        raise ValueError(f"sticker number is {len(number)} bytes, must be {NUMBER_BYTES}")
    value = int.from_bytes(number)
    check = _CHECKS[value % 37]
    if check in _NOT_IN_QR:
        return None
    digits = "".join(_DIGITS[value >> shift & 31] for shift in range(75, -1, -5))
    return STICKER_PREFIX.decode() + digits + check


def read_sticker(payload: bytes) -> StickerClaim | None:
    """Returns the sticker that the bytes of a code are, or None where the check does not hold."""
    if len(payload) != _LENGTH or not payload.startswith(STICKER_PREFIX):
        return None
    value = 0
    for symbol in payload[len(STICKER_PREFIX) : -1]:
        digit = _VALUES.get(symbol)
        if digit is None:
            return None
        value = value << 5 | digit
    check = _CHECKS[value % 37]
    if check in _NOT_IN_QR or ord(check) != payload[-1]:
        return None
    return StickerClaim(sticker_digest(value.to_bytes(NUMBER_BYTES)))


def sticker_digest(number: bytes) -> bytes:
    """Returns the 16 bytes by which gateways know the sticker with this number."""
    return hashlib.sha256(_CONTEXT + number).digest()[:HASH_BYTES]


def group_for_reading(text: str) -> str:
    """Returns `text` with hyphens, as printed under the symbol: ``DW0-XXXX-XXXX-XXXX-XXXX-C``."""
    body = text[len(STICKER_PREFIX) :]
    return "-".join((text[:3], body[:4], body[4:8], body[8:12], body[12:16], body[16:]))


def normalise_typed(text: str) -> bytes:
    """Returns the payload that a person meant who typed a sticker by hand.

    Case, hyphens, spaces and the letters O, I and L are forgiven; nothing else is.
    """
    return text.upper().translate(_TYPED).encode("ascii", "replace")
