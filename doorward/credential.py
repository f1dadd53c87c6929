"""The codes: what a payload says, who vouches for it, and how it is written (docs/protocol.md §2).

Reading goes in two steps, with a type for each so that nobody can skip one:

    bytes -> read_payload -> Badge | HolderPass | StickerClaim | Refusal
          -> verify       -> Credential | StickerClaim | Refusal

A refusal is a value. One credential has exactly one accepted encoding: lengths are fixed, Base45 is
strict, reserved bits are zero, and both signature schemes are checked in their canonical form.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from doorward import base45
from doorward.envelope import Signer
from doorward.errors import MalformedError
from doorward.ids import CredentialId, KeyId
from doorward.keys import Key, Keyring, Purpose
from doorward.reasons import Reason
from doorward.sticker import STICKER_PREFIX, StickerClaim, read_sticker

BADGE_PREFIX = b"DW1:"
PASS_PREFIX = b"DW2:"
MAX_PAYLOAD_BYTES = 512
SLOT_S = 5
SLOT_TOLERANCE = 2
"""A pass counts while its slot is at most this many slots away: 10 s for a phone's clock."""

BADGE_CONTEXT = b"doorward/1/DW1\x00"
PASS_CONTEXT = b"doorward/1/DW2\x00"
SLOT_CONTEXT = b"doorward/1/DW2-slot\x00"

CREDENTIAL_ID_BYTES = 8
_STATEMENT = struct.Struct(">BI8sIIIBB")
_SIGNATURE_BYTES = 64
_HOLDER_KEY_BYTES = 33
_BADGE_BYTES = _STATEMENT.size + _SIGNATURE_BYTES
_PASS_BYTES = _STATEMENT.size + _HOLDER_KEY_BYTES + _SIGNATURE_BYTES + 4 + _SIGNATURE_BYTES
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ISSUED_BYTES = _PASS_BYTES - 4 - _SIGNATURE_BYTES
_VERSIONED_PREFIX_BYTES = 4


class CredentialClass(IntEnum):
    """What kind of holder a credential stands for. The numbers are on the wire, never reused."""

    EMPLOYEE = 1
    CONTRACTOR = 2
    VISITOR = 3
    PARTICIPANT = 4
    RESIDENT = 5
    SERVICE = 6
    THING = 7


class Form(StrEnum):
    """In which form a credential was shown."""

    FOREIGN = "foreign"
    """Somebody else's code, linked by its hash: whoever sees it can copy it."""
    STICKER = "dw0"
    BADGE = "dw1"
    PASS = "dw2"  # noqa: S105  # a form of code, not a secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What an issuer says about a credential (docs/protocol.md §2.1).

    Attributes:
        key_id: the issuing key.
        status_index: place in the status list.
        not_before: first second (UTC) in which it counts.
        expires: first second in which it no longer counts.
    """

    key_id: KeyId
    credential_id: CredentialId
    status_index: int
    not_before: int
    expires: int
    credential_class: CredentialClass

    def to_wire(self, version: int) -> bytes:
        """Returns the 27 bytes. Raises ValueError: a number does not fit, or the span is empty."""
        if len(self.credential_id) != CREDENTIAL_ID_BYTES:
            raise ValueError(f"credential id is {len(self.credential_id)} bytes, must be 8")
        if self.expires <= self.not_before:
            raise ValueError(f"expires {self.expires} is not after not_before {self.not_before}")
        try:
            return _STATEMENT.pack(
                version,
                self.key_id,
                self.credential_id,
                self.status_index,
                self.not_before,
                self.expires,
                0,
                self.credential_class,
            )
        except struct.error as err:
            raise ValueError(f"statement: {err}") from err

    @classmethod
    def from_wire(cls, wire: bytes, version: int) -> Self | None:
        """Returns the statement, or None where the bytes are not one of this version."""
        if len(wire) < _STATEMENT.size:
            return None
        found, key_id, credential_id, index, not_before, expires, flags, class_ = (
            _STATEMENT.unpack_from(wire)
        )
        if found != version or flags or expires <= not_before or class_ not in _CLASSES:
            return None
        return cls(
            key_id=key_id,
            credential_id=credential_id,
            status_index=index,
            not_before=not_before,
            expires=expires,
            credential_class=_CLASSES[class_],
        )


_CLASSES = {int(c): c for c in CredentialClass}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A payload that does not become a credential, and why."""

    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A `DW1:` payload, well formed but not yet authentic."""

    statement: Statement
    signed: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderPass:
    """A `DW2:` payload, well formed but not yet authentic."""

    statement: Statement
    signed: bytes
    signature: bytes
    holder_key: bytes
    slot: int
    holder_signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """An authentic credential: a trusted issuing key signed it.

    Whether it counts here and now is decided later.

    Attributes:
        key: the issuing key, whose window the decision looks at.
        slot: the time slot of a holder-bound pass, or None.
    """

    statement: Statement
    form: Form
    key: Key
    slot: int | None = None


def read_payload(payload: bytes) -> Badge | HolderPass | StickerClaim | Refusal:
    """Returns what the bytes of a code claim to be. Total: never raises for any bytes."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Refusal(Reason.TOO_LONG)
    prefix = payload[:_VERSIONED_PREFIX_BYTES]
    if prefix == BADGE_PREFIX:
        return _read_badge(payload)
    if prefix == PASS_PREFIX:
        return _read_pass(payload)
    if payload.startswith(STICKER_PREFIX):
        return read_sticker(payload) or Refusal(Reason.STICKER_CHECK_WRONG)
    if payload.startswith(b"DW") and payload[2:3].isdigit():
        return Refusal(Reason.UNKNOWN_VERSION)
    return Refusal(Reason.NOT_OURS)


def verify(
    claim: Badge | HolderPass | StickerClaim | Refusal, keyring: Keyring
) -> Credential | StickerClaim | Refusal:
    """Returns the authentic credential behind a claim, or why it is none.

    Nothing here depends on the time: a gateway that does not know the time must say so (`decide`)
    rather than call a good key out of date. A sticker proves nothing by itself and passes through;
    the policy says whether it is known.
    """
    if isinstance(claim, (Refusal, StickerClaim)):
        return claim
    key = keyring.find(claim.statement.key_id)
    if key is None or Purpose.ISSUE not in key.purposes:
        return Refusal(Reason.KEY_UNKNOWN)
    if key.revoked:
        return Refusal(Reason.KEY_REVOKED)
    context = BADGE_CONTEXT if isinstance(claim, Badge) else PASS_CONTEXT
    try:
        key.loaded.verify(claim.signature, context + claim.signed)
    except InvalidSignature:
        return Refusal(Reason.SIGNATURE_WRONG)
    if isinstance(claim, Badge):
        return Credential(statement=claim.statement, form=Form.BADGE, key=key)
    if not _is_held(claim):
        return Refusal(Reason.HOLDER_SIGNATURE_WRONG)
    return Credential(statement=claim.statement, form=Form.PASS, key=key, slot=claim.slot)


def issue_badge(statement: Statement, signer: Signer) -> str:
    """Returns the text of a `DW1:` code. Raises ValueError for a statement that is not one."""
    signed = statement.to_wire(1)
    signature = signer.sign(BADGE_CONTEXT + signed)
    return BADGE_PREFIX.decode() + base45.encode(signed + signature)


def issue_pass(statement: Statement, holder_key: bytes, signer: Signer) -> bytes:
    """Returns the issuer's part of a `DW2:` code, which the holder's device keeps.

    Args:
        statement: about the credential.
        holder_key: compressed P-256 point of the device's key, 33 bytes.
        signer: the issuing key.

    Raises:
        ValueError: not a statement, or not a point on the curve.
    """
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), holder_key)
    if len(holder_key) != _HOLDER_KEY_BYTES:
        raise ValueError(f"holder key is {len(holder_key)} bytes, must be {_HOLDER_KEY_BYTES}")
    signed = statement.to_wire(2) + holder_key
    return signed + signer.sign(PASS_CONTEXT + signed)


def slot_message(issued: bytes, slot: int) -> bytes:
    """Returns what the holder's device signs to show `issued` (from `issue_pass`) in a slot.

    Raises:
        struct.error: the slot does not fit 32 bits.
    """
    signed = issued[: _STATEMENT.size + _HOLDER_KEY_BYTES]
    return SLOT_CONTEXT + signed + struct.pack(">I", slot)


def show_pass(issued: bytes, slot: int, r: int, s: int) -> str:
    """Returns the text of a `DW2:` code from an ECDSA signature over `slot_message`.

    Raises:
        ValueError: `issued` is not what `issue_pass` returns, or a number is outside its range.
    """
    if len(issued) != _ISSUED_BYTES:
        raise ValueError(f"issued part is {len(issued)} bytes, must be {_ISSUED_BYTES}")
    if not 0 <= slot < 2**32 or not 0 < r < _P256_ORDER or not 0 < s < _P256_ORDER:
        raise ValueError("slot, r or s is outside its range")
    low_s = min(s, _P256_ORDER - s)
    signature = r.to_bytes(32) + low_s.to_bytes(32)
    return PASS_PREFIX.decode() + base45.encode(issued + struct.pack(">I", slot) + signature)


def slot_of(utc_s: int) -> int:
    """Returns the slot in which a second lies."""
    return utc_s // SLOT_S


def _read_badge(payload: bytes) -> Badge | Refusal:
    body = _decode_body(payload, _BADGE_BYTES)
    statement = Statement.from_wire(body, 1) if body else None
    if body is None or statement is None:
        return Refusal(Reason.MALFORMED)
    cut = _STATEMENT.size
    return Badge(statement=statement, signed=body[:cut], signature=body[cut:])


def _read_pass(payload: bytes) -> HolderPass | Refusal:
    body = _decode_body(payload, _PASS_BYTES)
    statement = Statement.from_wire(body, 2) if body else None
    if body is None or statement is None:
        return Refusal(Reason.MALFORMED)
    signed_end = _STATEMENT.size + _HOLDER_KEY_BYTES
    issued_end = signed_end + _SIGNATURE_BYTES
    return HolderPass(
        statement=statement,
        signed=body[:signed_end],
        signature=body[signed_end:issued_end],
        holder_key=body[_STATEMENT.size : signed_end],
        slot=int.from_bytes(body[issued_end : issued_end + 4]),
        holder_signature=body[issued_end + 4 :],
    )


def _decode_body(payload: bytes, expected_bytes: int) -> bytes | None:
    try:
        body = base45.decode(payload[_VERSIONED_PREFIX_BYTES:])
    except MalformedError:
        return None
    return body if len(body) == expected_bytes else None


def _is_held(claim: HolderPass) -> bool:
    """Whether the holder's key signed this slot; only the low of the two equivalent s counts."""
    r = int.from_bytes(claim.holder_signature[:32])
    s = int.from_bytes(claim.holder_signature[32:])
    if s > _P256_ORDER // 2:
        return False
    message = SLOT_CONTEXT + claim.signed + struct.pack(">I", claim.slot)
    try:
        holder = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), claim.holder_key)
        holder.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True
