"""Journal records sealed so that only the controller reads them (docs/protocol.md §7, §10).

A segment of the journal has one random key. The key lies on the card sealed to the controller's
public key (HPKE, RFC 9180); the gateway holds it in memory alone and forgets it at its end.
What a command brings back is sealed to the same key, bound to the command.
"""

from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from doorward.errors import UntrustedError
from doorward.ids import MAX_SEQ, Epoch, GatewayId

SEGMENT_KEY_BYTES = 32
SEALED_KEY_BYTES = 32 + SEGMENT_KEY_BYTES + 16
"""Encapsulated X25519 key, ciphertext, tag."""

TAG_BYTES = 16
MAX_SEGMENT = 2**32 - 1
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentName:
    """Which segment of which journal: what its key is bound to."""

    gateway: GatewayId
    epoch: Epoch
    number: int

    def info(self) -> bytes:
        """Returns the bytes that HPKE binds the sealed key to."""
        return b"".join(
            (
                b"doorward/1/segment\x00",
                self.gateway.encode(),
                b"\x00",
                self.epoch.to_bytes(6),
                self.number.to_bytes(4),
            )
        )


def seal_segment_key(key: bytes, recipient: X25519PublicKey, name: SegmentName) -> bytes:
    """Returns the segment's key so that only the holder of the recipient's private key reads it.

    Raises:
        ValueError: the key is not `SEGMENT_KEY_BYTES` long.
    """
    if len(key) != SEGMENT_KEY_BYTES:
        raise ValueError(f"segment key of {len(key)} bytes, must be {SEGMENT_KEY_BYTES}")
    return _SUITE.encrypt(key, recipient, info=name.info())


def open_segment_key(sealed: bytes, private: X25519PrivateKey, name: SegmentName) -> bytes:
    """Returns the segment's key.

    Raises:
        UntrustedError: sealed to another key, for another segment, or altered.
    """
    try:
        key = _SUITE.decrypt(sealed, private, info=name.info())
    except (InvalidTag, ValueError) as err:
        raise UntrustedError(f"segment {name.number} of {name.gateway}: key does not open") from err
    if len(key) != SEGMENT_KEY_BYTES:
        raise UntrustedError(f"segment {name.number} of {name.gateway}: key of {len(key)} bytes")
    return key


def seal_attachment(
    plain: bytes, recipient: X25519PublicKey, gateway: GatewayId, command_id: str
) -> bytes:
    """Returns what a command brought back so that only the controller reads it."""
    return _SUITE.encrypt(plain, recipient, info=_attachment_info(gateway, command_id))


def open_attachment(
    sealed: bytes, private: X25519PrivateKey, gateway: GatewayId, command_id: str
) -> bytes:
    """Returns what a command brought back.

    Raises:
        UntrustedError: sealed to another key, for another command or gateway, or altered.
    """
    try:
        return _SUITE.decrypt(sealed, private, info=_attachment_info(gateway, command_id))
    except (InvalidTag, ValueError) as err:
        raise UntrustedError(f"attachment of command {command_id} does not open") from err


def _attachment_info(gateway: GatewayId, command_id: str) -> bytes:
    return b"\x00".join((b"doorward/1/attachment", gateway.encode(), command_id.encode()))


@dataclass(frozen=True, slots=True)
class SegmentCipher:
    """Seals and opens the records of one segment; make it once and keep it with the segment.

    One record number is sealed once under one key: sealing another record with the same number
    would give both away.
    """

    _aead: ChaCha20Poly1305 = field(repr=False)
    _context: bytes

    @classmethod
    def of(cls, key: bytes, gateway: GatewayId, epoch: Epoch) -> Self:
        """Returns the cipher of a segment's key. Raises ValueError for a key of another length."""
        context = b"".join((b"doorward/1/record\x00", gateway.encode(), b"\x00", epoch.to_bytes(6)))
        return cls(ChaCha20Poly1305(key), context)

    def seal(self, seq: int, record: bytes) -> bytes:
        """Returns ciphertext and tag. Raises ValueError when `seq` is out of bounds."""
        if not 1 <= seq <= MAX_SEQ:
            raise ValueError(f"record number {seq}, must be 1 to {MAX_SEQ}")
        number = seq.to_bytes(8)
        return self._aead.encrypt(b"\0\0\0\0" + number, record, self._context + number)

    def open(self, seq: int, sealed: bytes) -> bytes:
        """Returns the record's bytes.

        Raises:
            UntrustedError: altered, or another record, segment, epoch or gateway.
        """
        number = seq.to_bytes(8)
        try:
            return self._aead.decrypt(b"\0\0\0\0" + number, sealed, self._context + number)
        except InvalidTag as err:
            raise UntrustedError(f"record {seq} does not open: altered or from elsewhere") from err
