"""With which of its keys the controller works now.

A site begins with the keys in the key folder. Every later one lies in the database, sealed by the
same key file: all processes of a site find it there, and the change of a key is one transaction
with whatever it changes (docs/adr/0030). An act that must not miss a change reads within its own
transaction; what is signed all the time goes by what was read within the last seconds.
"""

import os
from dataclasses import dataclass

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from doorward.envelope import Ed25519Signer, key_id_of
from doorward.ids import KeyId
from doorward_controller.domain.site_keys import KeyUse
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_vault import KeyVault, seal, unseal
from doorward_controller.store import signing_keys
from doorward_controller.store.signing_keys import StoredKey

_SEED_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSecret:
    """A key that was just drawn.

    Attributes:
        sealed_seed: as it is kept.
    """

    key_id: KeyId
    public: bytes
    sealed_seed: bytes


def signer(backend: Backend, use: KeyUse, connection: sa.Connection) -> Ed25519Signer:
    """Returns the signer that counts within this transaction. Raises KeyVaultError."""
    stored = signing_keys.in_use(connection, backend.config.site, use.value)
    first = first_signer(backend.keys, use)
    if stored is None or stored.key_id == first.key_id:
        return first
    return Ed25519Signer.from_seed(_unsealed(backend.keys, stored))


def recent_signer(backend: Backend, use: KeyUse) -> Ed25519Signer:
    """Returns the signer as it was a moment ago; for what is signed many times a second."""
    now_ms = backend.clock.now().mono_ms
    known = backend.signers.find(use, now_ms)
    if known is not None:
        return known
    with backend.store.read() as connection:
        found = signer(backend, use, connection)
    backend.signers.keep(use, found, now_ms)
    return found


def first_signer(vault: KeyVault, use: KeyUse) -> Ed25519Signer:
    """Returns the key of a use with which the site began. Raises KeyError for the intake's."""
    return {
        KeyUse.ISSUE: vault.issue,
        KeyUse.POLICY: vault.policy,
        KeyUse.CONTROL: vault.control,
        KeyUse.COMMAND: vault.command,
    }[use]


def intake_keys(backend: Backend, connection: sa.Connection) -> tuple[X25519PrivateKey, ...]:
    """Returns every key to which a gateway may have sealed; the one given out now comes first.

    Raises:
        KeyVaultError: one of them does not open.
    """
    stored = [
        key
        for key in signing_keys.every(connection, backend.config.site)
        if key.key_use == KeyUse.INTAKE.value and key.sealed_seed is not None
    ]
    later = [X25519PrivateKey.from_private_bytes(_unsealed(backend.keys, key)) for key in stored]
    return (*reversed(later), backend.keys.intake)


def draw(vault: KeyVault, use: KeyUse) -> NewSecret:
    """Returns a new key of 32 random bytes."""
    seed = os.urandom(_SEED_BYTES)
    if use is KeyUse.INTAKE:
        public = X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    else:
        public = Ed25519Signer.from_seed(seed).public
    key_id = key_id_of(public)
    return NewSecret(
        key_id=key_id, public=public, sealed_seed=seal(vault.signing, seed, _context(key_id))
    )


def _unsealed(vault: KeyVault, stored: StoredKey) -> bytes:
    return unseal(vault.signing, stored.sealed_seed or b"", _context(stored.key_id))


def _context(key_id: int) -> bytes:
    return b"signing key %08x" % key_id
