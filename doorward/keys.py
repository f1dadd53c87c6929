"""Which public keys count, for what, when, and how the set of them changes (docs/protocol.md §4).

The rules, in the order of the code below:

1. A keyring names every key that a site trusts, its purposes, its window, and whether it was
   revoked.
2. A message counts when a key that has the message's purpose, whose window holds now and that is
   not revoked, signed it.
3. A new keyring is taken when it is our site's, newer than the held one, and signed by at least
   `threshold` root keys of the held keyring *and* of itself: who holds only new keys cannot bring
   himself in, and who brings himself in must show that he holds the new keys.

Keyrings may skip versions. What root keys decide together is the last word: they may bring back a
key that an earlier keyring revoked or left out.

No I/O and no clock: the caller passes the time.
"""

from dataclasses import dataclass, field
from enum import IntFlag
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from doorward import canonical, shapes
from doorward.envelope import (
    MAX_SIGNATURES,
    Envelope,
    Kind,
    Signature,
    is_signed_by,
    key_id_of,
    load_public,
    parse_envelope,
    signed_message,
)
from doorward.errors import (
    MalformedError,
    RollbackError,
    UntrustedError,
    WrongRecipientError,
)
from doorward.ids import MAX_SEQ, KeyId, SiteId

MAX_KEYS = 64
MAX_BODY_BYTES = 16 * 1024
MAX_THRESHOLD = MAX_SIGNATURES // 2
"""So that a keyring that replaces every root key still has room for both sets of signatures."""
_FIELDS = frozenset({"site", "version", "created_at", "threshold", "keys"})


class Purpose(IntFlag):
    """What a key may sign. The numbers are on the wire and never reused."""

    ROOT = 1
    ISSUE = 2
    POLICY = 4
    CONTROL = 8
    COMMAND = 16


_MOST = sum(Purpose)

PURPOSE_OF_KIND = {
    Kind.BUNDLE: Purpose.POLICY,
    Kind.STATUS: Purpose.POLICY,
    Kind.DELTA: Purpose.POLICY,
    Kind.STAFF: Purpose.POLICY,
    Kind.ACK: Purpose.CONTROL,
    Kind.CONFIG: Purpose.COMMAND,
    Kind.COMMAND: Purpose.COMMAND,
}
"""Which purpose a key needs for which downward message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One public key of a site.

    Attributes:
        public: raw Ed25519 public key, 32 bytes.
        not_before: first second (UTC) in which it counts.
        not_after: first second in which it no longer counts.
        revoked: nothing that it ever signed counts any more.
    """

    public: bytes
    purposes: Purpose
    not_before: int
    not_after: int
    revoked: bool = False
    key_id: KeyId = field(init=False, compare=False)
    loaded: Ed25519PublicKey = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Loads the key once. Raises MalformedError for a key that could not be used safely."""
        if not 1 <= self.purposes <= _MOST:
            raise MalformedError(f"key: purposes are {int(self.purposes)}, must be 1 to {_MOST}")
        if not 0 <= self.not_before < self.not_after <= MAX_SEQ:
            raise MalformedError(f"key: its window is {self.not_before} to {self.not_after}")
        try:
            loaded = load_public(self.public)
        except ValueError as err:
            raise MalformedError(f"key: {err}") from err
        object.__setattr__(self, "key_id", key_id_of(self.public))
        object.__setattr__(self, "loaded", loaded)

    def is_in_window(self, now_utc_s: int) -> bool:
        """Whether the key's time has come and has not passed."""
        return self.not_before <= now_utc_s < self.not_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """All keys that a site trusts, at one version.

    Attributes:
        threshold: how many root keys must sign the next keyring.
    """

    site: SiteId
    version: int
    created_at: int
    threshold: int
    keys: tuple[Key, ...]
    _by_id: dict[KeyId, Key] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raises MalformedError for a keyring that could not be used or replaced."""
        by_id = {key.key_id: key for key in self.keys}
        if len(by_id) != len(self.keys):
            raise MalformedError("keyring: two keys share an id")
        if not 1 <= len(self.keys) <= MAX_KEYS:
            raise MalformedError(f"keyring: {len(self.keys)} keys, must be 1 to {MAX_KEYS}")
        most = min(sum(is_root(key) for key in self.keys), MAX_THRESHOLD)
        if not 1 <= self.threshold <= most:
            raise MalformedError(f"keyring: threshold is {self.threshold}, must be 1 to {most}")
        if not 1 <= self.version <= MAX_SEQ or not 0 <= self.created_at <= MAX_SEQ:
            raise MalformedError("keyring: version or time of creation is out of range")
        object.__setattr__(self, "_by_id", by_id)

    def find(self, key_id: KeyId) -> Key | None:
        """Returns the key with that id, revoked or not, or None."""
        return self._by_id.get(key_id)

    def to_body(self) -> bytes:
        """Returns the canonical bytes that are signed."""
        rows = [
            [k.public, int(k.purposes), k.not_before, k.not_after, k.revoked] for k in self.keys
        ]
        return canonical.encode(
            {
                "site": self.site,
                "version": self.version,
                "created_at": self.created_at,
                "threshold": self.threshold,
                "keys": rows,
            }
        )

    @classmethod
    def from_body(cls, body: bytes | memoryview) -> Self:
        """Returns the keyring. Raises MalformedError."""
        if len(body) > MAX_BODY_BYTES:
            raise MalformedError(f"keyring of {len(body)} bytes, at most {MAX_BODY_BYTES}")
        fields = canonical.decode(body, "keyring")
        if not isinstance(fields, dict) or fields.keys() != _FIELDS:
            raise MalformedError("keyring: wrong fields")
        if not isinstance(fields["keys"], list):
            raise MalformedError("keyring: keys must be a list")
        return cls(
            site=shapes.site(fields["site"], "keyring: site"),
            version=shapes.number(fields["version"], "keyring: version", MAX_SEQ),
            created_at=shapes.number(fields["created_at"], "keyring: created_at", MAX_SEQ),
            threshold=shapes.number(fields["threshold"], "keyring: threshold", MAX_THRESHOLD),
            keys=tuple(_parse_key(row) for row in fields["keys"]),
        )


def is_root(key: Key) -> bool:
    """Whether the key may sign keyrings; root keys have no window, so a lapse locks nobody out."""
    return Purpose.ROOT in key.purposes and not key.revoked


def verify_signed(
    envelope: Envelope, keyring: Keyring, purpose: Purpose, now_utc_s: int | None
) -> KeyId:
    """Returns the id of the key whose signature makes the message count.

    Args:
        envelope: what arrived.
        keyring: the keys that are trusted now.
        purpose: what the signing key must be allowed to sign.
        now_utc_s: the time for the key's window, or None where the clock cannot be trusted (then
            the window is not looked at; versions still protect against old messages).

    Raises:
        UntrustedError: no signature of a key that is known, allowed, in its window and not revoked;
            or keys of this purpose never sign messages of this kind.
    """
    if PURPOSE_OF_KIND.get(envelope.kind) is not purpose:
        raise UntrustedError(f"{envelope.kind}: never counts by a {purpose.name} key")
    message = signed_message(envelope.kind, envelope.body)
    problems = []
    for signature in envelope.signatures:
        problem = _problem_with(
            signature, message, keyring.find(signature.key_id), purpose, now_utc_s
        )
        if problem is None:
            return signature.key_id
        problems.append(f"key {signature.key_id:08x} {problem}")
    raise UntrustedError(f"{envelope.kind}: {', '.join(problems)}")


def _problem_with(
    signature: Signature, message: bytes, key: Key | None, purpose: Purpose, now_utc_s: int | None
) -> str | None:
    if key is None:
        return "is unknown"
    if key.revoked:
        return "was revoked"
    if purpose not in key.purposes:
        return "may not sign this"
    if now_utc_s is not None and not key.is_in_window(now_utc_s):
        return "is outside its window"
    return None if is_signed_by(message, signature, key.loaded) else "did not sign this"


def accept_keyring(held: Keyring, wire: bytes | memoryview) -> Keyring:
    """Returns the keyring in `wire` when it may follow the held one (rule 3).

    Raises:
        MalformedError: not a keyring envelope.
        WrongRecipientError: another site's.
        RollbackError: not newer than the held one.
        UntrustedError: too few root keys of the held or of the new keyring signed it.
    """
    envelope = _keyring_envelope(wire)
    new = Keyring.from_body(envelope.body)
    if new.site != held.site:
        raise WrongRecipientError(f"keyring: made for site {new.site}, ours is {held.site}")
    if new.version <= held.version:
        raise RollbackError(f"keyring: version {new.version}, already at {held.version}")
    _check_roots(envelope, held, "held")
    _check_roots(envelope, new, "new")
    return new


def pin_keyring(wire: bytes | memoryview) -> Keyring:
    """Returns the first keyring, which enrolment vouches for; it must at least sign itself.

    Raises:
        MalformedError: not a keyring envelope.
        UntrustedError: too few of its own root keys signed it.
    """
    envelope = _keyring_envelope(wire)
    keyring = Keyring.from_body(envelope.body)
    _check_roots(envelope, keyring, "own")
    return keyring


def _keyring_envelope(wire: bytes | memoryview) -> Envelope:
    envelope = parse_envelope(wire)
    if envelope.kind is not Kind.KEYRING:
        raise MalformedError(f"expected a keyring, this is a {envelope.kind}")
    return envelope


def _check_roots(envelope: Envelope, keyring: Keyring, whose: str) -> None:
    message = signed_message(envelope.kind, envelope.body)
    good = sum(_is_good_root(message, signature, keyring) for signature in envelope.signatures)
    if good < keyring.threshold:
        raise UntrustedError(
            f"keyring: {good} of {keyring.threshold} needed {whose} root keys signed it"
        )


def _is_good_root(message: bytes, signature: Signature, keyring: Keyring) -> bool:
    key = keyring.find(signature.key_id)
    return key is not None and is_root(key) and is_signed_by(message, signature, key.loaded)


def _parse_key(row: object) -> Key:
    match row:
        case [bytes() as public, purposes, not_before, not_after, bool() as revoked]:
            return Key(
                public=public,
                purposes=Purpose(shapes.number(purposes, "key: purposes", _MOST)),
                not_before=shapes.number(not_before, "key: not before", MAX_SEQ),
                not_after=shapes.number(not_after, "key: not after", MAX_SEQ),
                revoked=revoked,
            )
    raise MalformedError(
        "keyring: a key must be [public, purposes, not before, not after, revoked]"
    )
