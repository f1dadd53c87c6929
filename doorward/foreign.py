"""Foreign codes: somebody else's numbers, linked to a credential (docs/protocol.md §2.5).

An existing staff number in Code 128 says nothing by itself and is copied by whoever sees it. What
is kept of it is a hash, under a salt of the site and slow on purpose: staff numbers are so few that
all of them can be tried. How much that is worth says docs/adr/0011-foreign-codes.md.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from doorward.sticker import HASH_BYTES

SALT_BYTES = 16
SHORTEST_BYTES = 4
"""What is shorter is a misread, or so short that the next one is somebody's, too."""
LONGEST_BYTES = 128

_CONTEXT = b"doorward/1/foreign\x00"
_COST, _BLOCK = 2**12, 8
_BLANKS = b" \t\r\n"


class Family(StrEnum):
    """Which numbers are the same number: those in bars, or those in squares."""

    LINES = "lines"
    """Code 128, Code 39, EAN-13, ITF."""
    SQUARES = "squares"
    """QR, Micro QR, Data Matrix, Aztec, PDF417."""


@dataclass(frozen=True, slots=True)
class ForeignClaim:
    """A code that is not ours, by the hashes under which it may be linked.

    Attributes:
        digests: one, or one for each family where the scanner does not tell which it read.
    """

    digests: tuple[bytes, ...]


def read_foreign(payload: bytes, families: tuple[Family, ...], salt: bytes) -> ForeignClaim | None:
    """Returns the claim that the bytes of a code are, or None for what is never linked.

    Takes some milliseconds, on purpose.

    Args:
        payload: the bytes of the code; blanks round them do not count.
        families: what the code may be of.
        salt: of the site; empty where nothing is linked.
    """
    text = payload.strip(_BLANKS)
    if not salt or not families or not SHORTEST_BYTES <= len(text) <= LONGEST_BYTES:
        return None
    slow = _slowly(text, salt)
    return ForeignClaim(tuple(_digest(slow, family) for family in families))


def foreign_digest(text: bytes, family: Family, salt: bytes) -> bytes:
    """Returns the 16 bytes by which gateways of the site know a foreign code.

    Raises:
        ValueError: the text is too short or too long, or there is no salt.
    """
    claim = read_foreign(text, (family,), salt)
    if claim is None:
        raise ValueError(
            f"a foreign code has {SHORTEST_BYTES} to {LONGEST_BYTES} bytes, this one "
            f"{len(text.strip(_BLANKS))}; the salt has {len(salt)}"
        )
    return claim.digests[0]


def _slowly(text: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(text, salt=_CONTEXT + salt, n=_COST, r=_BLOCK, p=1, dklen=32)


def _digest(slow: bytes, family: Family) -> bytes:
    return hashlib.sha256(_CONTEXT + family.value.encode() + b"\x00" + slow).digest()[:HASH_BYTES]
