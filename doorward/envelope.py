"""What wraps a signed body: who signed which kind of message (docs/protocol.md §3).

The body comes last and unframed, so that a policy of 20 MB is verified and used where it lies.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from doorward import canonical
from doorward.errors import MalformedError, UntrustedError
from doorward.ids import KeyId

MAGIC = b"DWE1"
MAX_HEADER_BYTES = 2048
MAX_SIGNATURES = 8
SIGNATURE_BYTES = 64
_CONTEXT = b"doorward/1/envelope\x00"


class Kind(StrEnum):
    """What a body is; part of what is signed, so one kind never passes for another."""

    KEYRING = "keyring"
    BUNDLE = "bundle"
    STATUS = "status"
    DELTA = "delta"
    ACK = "ack"
    CONFIG = "config"
    COMMAND = "command"
    OUTCOME = "outcome"
    BATCH = "batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature and the id of the key that made it."""

    key_id: KeyId
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A parsed envelope. Nothing in it is trusted before one of the `verify_` functions passed.

    Attributes:
        body: a view into the bytes that were parsed; not copied.
    """

    kind: Kind
    signatures: tuple[Signature, ...]
    body: memoryview


class Signer(Protocol):
    """Whoever can sign with an Ed25519 key that he does not have to show."""

    @property
    def key_id(self) -> KeyId:
        """The id of the public key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Returns the 64 bytes of an Ed25519 signature (RFC 8032)."""
        ...


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """A signer whose key is in this process's memory."""

    private: Ed25519PrivateKey

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Returns the signer of a 32-byte RFC 8032 seed. Raises ValueError for another length."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @property
    def public(self) -> bytes:
        """The raw public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def key_id(self) -> KeyId:
        """The id of the public key."""
        return key_id_of(self.public)

    def sign(self, message: bytes) -> bytes:
        """Returns the 64 bytes of the signature."""
        return self.private.sign(message)


def key_id_of(public: bytes) -> KeyId:
    """Returns the id of a raw public key: the first 4 bytes of its SHA-256."""
    return KeyId(int.from_bytes(hashlib.sha256(public).digest()[:4]))


def seal_envelope(kind: Kind, body: bytes, signers: Sequence[Signer]) -> bytes:
    """Returns `body` with a signature of every signer around it.

    Raises:
        ValueError: no signer, or more than `MAX_SIGNATURES`.
    """
    if not 1 <= len(signers) <= MAX_SIGNATURES:
        raise ValueError(f"{len(signers)} signers, must be 1 to {MAX_SIGNATURES}")
    message = _signed_message(kind, body)
    header = canonical.encode([kind.value, [[s.key_id, s.sign(message)] for s in signers]])
    return b"".join((MAGIC, struct.pack(">H", len(header)), header, body))


def parse_envelope(wire: bytes | memoryview) -> Envelope:
    """Returns the parts of an envelope; its body is a view, not a copy.

    Raises:
        MalformedError: the bytes are not an envelope.
    """
    view = memoryview(wire)
    if len(view) < 6 or view[:4] != MAGIC:
        raise MalformedError("not an envelope: it does not begin with DWE1")
    (length,) = struct.unpack(">H", view[4:6])
    if length > MAX_HEADER_BYTES or 6 + length > len(view):
        raise MalformedError(f"envelope: header of {length} bytes is cut off or too long")
    kind, signatures = _parse_header(canonical.decode(view[6 : 6 + length], "envelope header"))
    return Envelope(kind=kind, signatures=signatures, body=view[6 + length :])


def verify_with_key(envelope: Envelope, public: bytes) -> None:
    """Checks that the holder of one known key signed; for what gateways say.

    Raises:
        UntrustedError: that key signed nothing here, or the signature is wrong.
    """
    key_id = key_id_of(public)
    for signature in envelope.signatures:
        if signature.key_id == key_id:
            return check_signature(envelope, signature, public)
    raise UntrustedError(f"{envelope.kind}: not signed with key {key_id:08x}")


def check_signature(envelope: Envelope, signature: Signature, public: bytes) -> None:
    """Raises UntrustedError when the signature over this envelope was not made with this key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(
            signature.value, _signed_message(envelope.kind, envelope.body)
        )
    except (InvalidSignature, ValueError) as err:
        raise UntrustedError(
            f"{envelope.kind}: the signature with key {signature.key_id:08x} is wrong"
        ) from err


def _signed_message(kind: Kind, body: bytes | memoryview) -> bytes:
    return b"".join((_CONTEXT, kind.encode(), b"\x00", hashlib.sha256(body).digest()))


def _parse_header(header: object) -> tuple[Kind, tuple[Signature, ...]]:
    match header:
        case [str() as name, [_, *_] as pairs] if len(pairs) <= MAX_SIGNATURES:
            pass
        case _:
            raise MalformedError("envelope: header must be [kind, signatures]")
    try:
        kind = Kind(name)
    except ValueError as err:
        raise MalformedError(f"envelope: unknown kind {name[:24]!r}") from err
    signatures = tuple(_parse_signature(pair) for pair in pairs)
    if len({s.key_id for s in signatures}) != len(signatures):
        raise MalformedError("envelope: the same key signed twice")
    return kind, signatures


def _parse_signature(pair: object) -> Signature:
    match pair:
        case [int() as key_id, bytes() as value] if (
            not isinstance(key_id, bool) and 0 <= key_id < 2**32 and len(value) == SIGNATURE_BYTES
        ):
            return Signature(key_id=KeyId(key_id), value=value)
    raise MalformedError("envelope: a signature must be [key id, 64 bytes]")
