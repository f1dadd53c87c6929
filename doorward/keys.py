"""Which public keys count, for what, when, and how the set of them changes (docs/protocol.md §4).

The rules, in the order of the code below:

1. A keyring names every key that a site trusts, its purposes, its window, and whether it was
   revoked.
2. A message counts when a key that has the message's purpose, whose window holds now and that is
   not revoked, signed it.
3. A new keyring is taken when it is our site's, newer than the held one, and signed by at least
   `threshold` root keys of the held keyring *and* of itself: who holds only new keys cannot bring
   himself in, and who brings himself in must show that he holds the new keys.

No I/O and no clock: the caller passes the time.
"""

from dataclasses import dataclass, field
from enum import IntFlag
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from doorward import canonical
from doorward.envelope import (
    Envelope,
    Kind,
    Signature,
    check_signature,
    key_id_of,
    parse_envelope,
)
from doorward.errors import (
    BadIdError,
    MalformedError,
    RollbackError,
    UntrustedError,
    WrongRecipientError,
)
from doorward.ids import KeyId, SiteId, parse_site_id

MAX_KEYS = 64


class Purpose(IntFlag):
    """What a key may sign. The numbers are on the wire and never reused."""

    ROOT = 1
    ISSUE = 2
    POLICY = 4
    CONTROL = 8


PURPOSE_OF_KIND = {
    Kind.BUNDLE: Purpose.POLICY,
    Kind.STATUS: Purpose.POLICY,
    Kind.DELTA: Purpose.POLICY,
    Kind.ACK: Purpose.CONTROL,
    Kind.CONFIG: Purpose.CONTROL,
    Kind.COMMAND: Purpose.CONTROL,
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
        """Loads the key once; raises ValueError when `public` is not 32 bytes."""
        object.__setattr__(self, "key_id", key_id_of(self.public))
        object.__setattr__(self, "loaded", Ed25519PublicKey.from_public_bytes(self.public))

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
        roots = sum(Purpose.ROOT in key.purposes and not key.revoked for key in self.keys)
        if not 1 <= self.threshold <= roots:
            raise MalformedError(f"keyring: threshold is {self.threshold}, must be 1 to {roots}")
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
        match canonical.decode(body, "keyring"):
            case {
                "site": str() as site,
                "version": int() as version,
                "created_at": int() as created_at,
                "threshold": int() as threshold,
                "keys": list() as rows,
                **others,
            } if not others and version >= 1:
                pass
            case _:
                raise MalformedError("keyring: wrong fields")
        try:
            site_id = parse_site_id(site)
        except BadIdError as err:
            raise MalformedError(f"keyring: {err}") from err
        keys = tuple(_parse_key(row) for row in rows)
        return cls(
            site=site_id, version=version, created_at=created_at, threshold=threshold, keys=keys
        )


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
        UntrustedError: no signature of a key that is known, allowed, in its window and not revoked.
    """
    problem = "not signed"
    for signature in envelope.signatures:
        key = keyring.find(signature.key_id)
        if key is None:
            problem = f"key {signature.key_id:08x} is unknown"
        elif key.revoked:
            problem = f"key {signature.key_id:08x} was revoked"
        elif purpose not in key.purposes:
            problem = f"key {signature.key_id:08x} may not sign this"
        elif now_utc_s is not None and not key.is_in_window(now_utc_s):
            problem = f"key {signature.key_id:08x} is outside its window"
        else:
            check_signature(envelope, signature, key.public)
            return signature.key_id
    raise UntrustedError(f"{envelope.kind}: {problem}")


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
    """Counts good root signatures; root keys have no window, so that a lapse locks nobody out."""
    good = sum(_is_good_root(envelope, signature, keyring) for signature in envelope.signatures)
    if good < keyring.threshold:
        raise UntrustedError(
            f"keyring: {good} of {keyring.threshold} needed {whose} root keys signed it"
        )


def _is_good_root(envelope: Envelope, signature: Signature, keyring: Keyring) -> bool:
    key = keyring.find(signature.key_id)
    if key is None or key.revoked or Purpose.ROOT not in key.purposes:
        return False
    try:
        check_signature(envelope, signature, key.public)
    except UntrustedError:
        return False
    return True


def _parse_key(row: object) -> Key:
    match row:
        case [
            bytes() as public,
            int() as purposes,
            int() as not_before,
            int() as not_after,
            bool() as revoked,
        ] if len(public) == 32 and 1 <= purposes <= 15 and 0 <= not_before < not_after:
            return Key(
                public=public,
                purposes=Purpose(purposes),
                not_before=not_before,
                not_after=not_after,
                revoked=revoked,
            )
    raise MalformedError(
        "keyring: a key must be [public, purposes, not before, not after, revoked]"
    )
