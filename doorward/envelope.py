"""What wraps a signed body: who signed which kind of message (docs/protocol.md §3).

The body comes last and unframed, so that a policy of 20 MB is verified and used where it lies.
"""

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from doorward import canonical, shapes
from doorward.errors import MalformedError, UntrustedError
from doorward.ids import KeyId

MAGIC = b"DWE1"
MAX_HEADER_BYTES = 2048
MAX_SIGNATURES = 8
SIGNATURE_BYTES = 64
_CONTEXT = b"doorward/1/envelope\x00"
_FIELD = 2**255 - 19
_ORDER_8_Y = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y = frozenset({0, 1, _FIELD - 1, _ORDER_8_Y, _FIELD - _ORDER_8_Y})
"""The y of the eight points of edwards25519 whose order divides 8."""


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
    STAFF = "staff"
    PRESENCE = "presence"


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
    """A signer whose key is in this process's memory.

    Attributes:
        public: the raw public key, 32 bytes.
        key_id: its id.
    """

    private: Ed25519PrivateKey
    public: bytes = field(init=False, compare=False)
    key_id: KeyId = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Computes once what every envelope names."""
        object.__setattr__(self, "public", self.private.public_key().public_bytes_raw())
        object.__setattr__(self, "key_id", key_id_of(self.public))

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Returns the signer of a 32-byte RFC 8032 seed. Raises ValueError for another length."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    def sign(self, message: bytes) -> bytes:
        """Returns the 64 bytes of the signature."""
        return self.private.sign(message)


def key_id_of(public: bytes) -> KeyId:
    """Returns the id of a raw public key: the first 4 bytes of its SHA-256."""
    return KeyId(int.from_bytes(hashlib.sha256(public).digest()[:4]))


def load_public(public: bytes) -> Ed25519PublicKey:
    """Returns the key behind 32 raw bytes.

    Raises:
        ValueError: not 32 bytes, a second spelling of a point, or a point of small order: under
            such a key anybody can make signatures over anything, and OpenSSL accepts them.
    """
    loaded = Ed25519PublicKey.from_public_bytes(public)
    y = int.from_bytes(public, "little") & (2**255 - 1)
    if y >= _FIELD or y in _SMALL_ORDER_Y:
        raise ValueError(f"public key {public.hex()} is weak or not in its one spelling")
    return loaded


def seal_envelope(kind: Kind, body: bytes, signers: Sequence[Signer]) -> bytes:
    """Returns `body` with a signature of every signer around it.

    Raises:
        ValueError: no signer, more than `MAX_SIGNATURES`, or the same one twice.
    """
    if not 1 <= len(signers) <= MAX_SIGNATURES:
        raise ValueError(f"{len(signers)} signers, must be 1 to {MAX_SIGNATURES}")
    if len({signer.key_id for signer in signers}) != len(signers):
        raise ValueError("the same key signs twice")
    message = signed_message(kind, body)
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
            return _check(envelope, signature, public)
    raise UntrustedError(f"{envelope.kind}: not signed with key {key_id:08x}")


def signed_message(kind: Kind, body: bytes | memoryview) -> bytes:
    """Returns what the signatures of an envelope are over; reads all of `body` once."""
    return b"".join((_CONTEXT, kind.encode(), b"\x00", hashlib.sha256(body).digest()))


def is_signed_by(message: bytes, signature: Signature, public: Ed25519PublicKey) -> bool:
    """Whether this key made this signature over `signed_message`."""
    try:
        public.verify(signature.value, message)
    except InvalidSignature:
        return False
    return True


def _check(envelope: Envelope, signature: Signature, public: bytes) -> None:
    try:
        loaded = load_public(public)
    except ValueError as err:
        raise UntrustedError(f"{envelope.kind}: {err}") from err
    if not is_signed_by(signed_message(envelope.kind, envelope.body), signature, loaded):
        raise UntrustedError(
            f"{envelope.kind}: the signature with key {signature.key_id:08x} is wrong"
        )


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
        case [key_id, bytes() as value] if len(value) == SIGNATURE_BYTES:
            number = shapes.number(key_id, "envelope: key id", 2**32 - 1)
            return Signature(key_id=KeyId(number), value=value)
    raise MalformedError("envelope: a signature must be [key id, 64 bytes]")
