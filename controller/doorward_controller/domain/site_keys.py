"""The keys of a site: what each is for, how it stands, and the keyring that follows (pure).

A signing key waits until gateways hold the keyring that brings it, is in use until another one
takes its place, verifies what it signed until its window ends, and then is over. Withdrawn, nothing
that it ever signed counts any more.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType

from doorward.ids import KeyId
from doorward.keys import MAX_KEYS, Key, Keyring, Purpose, is_root

KEY_LIFETIME_S = 3 * 366 * 86_400
BACKDATED_S = 86_400
"""Keys count from the day before, so that a gateway whose clock lags takes them."""

ROOMY = 32
"""So many keys a keyring keeps before those of no use are left out: about 1.5 kB."""

MAX_KEYRINGS = 250
"""A gateway follows a chain of 256 keyrings; a site that has come so far begins anew."""


class KeyUse(StrEnum):
    """What a key is for. The names are stored and never reused."""

    ISSUE = "issue"
    POLICY = "policy"
    CONTROL = "control"
    COMMAND = "command"
    INTAKE = "intake"
    """Gateways seal to it; it stands in no keyring."""


PURPOSES: Mapping[KeyUse, Purpose] = MappingProxyType(
    {
        KeyUse.ISSUE: Purpose.ISSUE,
        KeyUse.POLICY: Purpose.POLICY,
        KeyUse.CONTROL: Purpose.CONTROL,
        KeyUse.COMMAND: Purpose.COMMAND,
    }
)
"""What the keyring says that a signing key may sign."""


class KeyState(StrEnum):
    """How a key stands."""

    WAITING = "waiting"
    IN_USE = "in_use"
    REPLACED = "replaced"
    OVER = "over"
    WITHDRAWN = "withdrawn"


def use_of(purposes: Purpose) -> KeyUse | None:
    """Returns the one use of a signing key; None for a root key and for one with several."""
    return next((use for use, purpose in PURPOSES.items() if purpose == purposes), None)


def fresh_key(public: bytes, use: KeyUse, now_utc_s: int) -> Key:
    """Returns the entry of a new signing key. Raises KeyError for a use that no keyring holds."""
    return Key(
        public=public,
        purposes=PURPOSES[use],
        not_before=max(now_utc_s - BACKDATED_S, 0),
        not_after=now_utc_s + KEY_LIFETIME_S,
    )


def next_keyring(
    held: Keyring,
    version: int,
    now_utc_s: int,
    *,
    added: Key | None = None,
    withdrawn: KeyId | None = None,
) -> Keyring:
    """Returns the keyring that follows: with a key more, one withdrawn, or both.

    Raises:
        ValueError: it would hold more keys than fit.
    """
    keys = [replace(key, revoked=True) if key.key_id == withdrawn else key for key in held.keys]
    if added is not None:
        keys.append(added)
    kept = _without_the_useless(keys, now_utc_s, withdrawn)
    if len(kept) > MAX_KEYS:
        raise ValueError(f"{len(kept)} keys would be in the keyring, at most {MAX_KEYS}")
    return replace(held, version=version, created_at=now_utc_s, keys=tuple(kept))


def _without_the_useless(
    keys: list[Key], now_utc_s: int, withdrawn: KeyId | None
) -> tuple[Key, ...]:
    """Leaves the oldest out that count for nothing, while there is little room.

    A code of a key that left altogether is refused as one of an unknown key.
    """
    useless = [
        key
        for key in keys
        if not is_root(key)
        and key.key_id != withdrawn
        and (key.revoked or key.not_after <= now_utc_s)
    ]
    useless.sort(key=lambda key: key.not_after)
    gone = {key.key_id for key in useless[: max(len(keys) - ROOMY, 0)]}
    return tuple(key for key in keys if key.key_id not in gone)
