"""A checkpoint of the audit log: signed words about its last entry, and so about all before it.

Whoever keeps checkpoints elsewhere can show later that the log he is given is the same one. What is
signed: `"doorward/1/audit-checkpoint" 00 | canonical [site, number, entry, entry hash, at]`.
"""

import json
from dataclasses import dataclass
from typing import Self

from cryptography.exceptions import InvalidSignature

from doorward import canonical
from doorward.envelope import Ed25519Signer, load_public
from doorward_controller.errors import InvalidError

_CONTEXT = b"doorward/1/audit-checkpoint\x00"
_HASH_BYTES, _SIGNATURE_BYTES, _KEY_BYTES = 32, 64, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What was said of the log at one moment.

    Attributes:
        number: counts up from 1 without a gap.
        entry: number of the last entry then.
        entry_hash: its hash in the chain.
        public_key: the raw Ed25519 key that signed.
    """

    number: int
    entry: int
    entry_hash: bytes
    at_utc_ms: int
    public_key: bytes
    signature: bytes

    def holds(self, site: str) -> bool:
        """Whether the key in it signed it for this site; whose key it is, is another question."""
        said = _said(site, self.number, self.entry, self.entry_hash, self.at_utc_ms)
        try:
            load_public(self.public_key).verify(self.signature, said)
        except (InvalidSignature, ValueError):
            return False
        return True

    def to_line(self) -> str:
        """Returns it as one line of JSON, as it is published."""
        return json.dumps(
            {
                "number": self.number,
                "entry": self.entry,
                "entry_hash": self.entry_hash.hex(),
                "at_utc_ms": self.at_utc_ms,
                "public_key": self.public_key.hex(),
                "signature": self.signature.hex(),
            }
        )

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Returns the checkpoint in a published line. Raises InvalidError."""
        try:
            found = json.loads(line)
            made = cls(
                number=found["number"],
                entry=found["entry"],
                entry_hash=bytes.fromhex(found["entry_hash"]),
                at_utc_ms=found["at_utc_ms"],
                public_key=bytes.fromhex(found["public_key"]),
                signature=bytes.fromhex(found["signature"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError) as err:
            raise InvalidError(f"{line[:60]!r} is not a checkpoint: {err}") from err
        if not made._is_in_bounds():
            raise InvalidError(f"{line[:60]!r} is not a checkpoint: a value is out of bounds")
        return made

    def _is_in_bounds(self) -> bool:
        numbers = (self.number, self.entry, self.at_utc_ms)
        sizes = (len(self.entry_hash), len(self.public_key), len(self.signature))
        return all(type(one) is int and 0 <= one < 2**63 for one in numbers) and sizes == (
            _HASH_BYTES,
            _KEY_BYTES,
            _SIGNATURE_BYTES,
        )


def sign_checkpoint(
    signer: Ed25519Signer, site: str, *, number: int, entry: int, entry_hash: bytes, at_utc_ms: int
) -> Checkpoint:
    """Returns the signed words about an entry."""
    return Checkpoint(
        number=number,
        entry=entry,
        entry_hash=entry_hash,
        at_utc_ms=at_utc_ms,
        public_key=signer.public,
        signature=signer.sign(_said(site, number, entry, entry_hash, at_utc_ms)),
    )


def _said(site: str, number: int, entry: int, entry_hash: bytes, at_utc_ms: int) -> bytes:
    return _CONTEXT + canonical.encode([site, number, entry, entry_hash, at_utc_ms])
