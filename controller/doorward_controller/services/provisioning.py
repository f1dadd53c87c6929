"""What a site begins with, and what a gateway must be given at its enrolment."""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from doorward.envelope import Kind, key_id_of, seal_envelope
from doorward.errors import DoorwardError
from doorward.ids import KeyId, SiteId
from doorward.keys import Key, Keyring, Purpose, pin_keyring
from doorward_controller.domain.rule_book import first_rule_book
from doorward_controller.domain.site_keys import BACKDATED_S, KEY_LIFETIME_S, KeyUse
from doorward_controller.errors import KeyVaultError, StoreError
from doorward_controller.services import signing, status_publishing
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_vault import KeyVault
from doorward_controller.store import policies, signing_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioning:
    """What a gateway trusts from its first minute, besides its own certificate and keys.

    Attributes:
        keyring: the signed keyring that it pins.
        intake_key: raw X25519 key to which it seals its journal.
        control_key: raw Ed25519 key that signs acknowledgements; also in the keyring.
    """

    site: SiteId
    keyring: bytes
    intake_key: bytes
    intake_key_id: KeyId
    control_key: bytes


def start_site(backend: Backend) -> bool:
    """Makes the site's first keyring, rule book and status list; False when it was there already.

    A site of an older program, whose keyring lacks a key that this one signs with, gets the next
    keyring; gateways learn of it with the next policy.

    Raises:
        StoreError: the database belongs to another site.
        KeyVaultError: the root key that must sign the first keyring is not here.
    """
    site, now_utc_s = backend.config.site, backend.clock.now().utc_s
    with backend.store.write() as connection:
        others = set(policies.site_names(connection)) - {site}
        if others:
            raise StoreError(f"the database belongs to site {min(others)}, ours is {site}")
        if not policies.add_site(connection, site, now_utc_s):
            _complete_keyring(backend, connection, now_utc_s)
            return False
        wire = _first_keyring(backend.keys, site, now_utc_s)
        policies.add_keyring(connection, site, 1, wire)
        body = first_rule_book().model_dump_json()
        policies.add_rule_book(connection, site, body, now_utc_s, "init")
        status_publishing.start(backend, connection, now_utc_s)
    return True


def provision(backend: Backend) -> Provisioning:
    """Returns what gateways are given. Raises StoreError before the site was started."""
    with backend.store.read() as connection:
        wires = policies.keyring_wires(connection, backend.config.site)
        intake = signing.intake_keys(backend, connection)[0].public_key().public_bytes_raw()
        control = signing.signer(backend, KeyUse.CONTROL, connection).public
    if not wires:
        raise StoreError(
            f"site {backend.config.site} was not started; run `doorward-controller init`"
        )
    return Provisioning(
        site=backend.config.site,
        keyring=wires[-1],
        intake_key=intake,
        intake_key_id=key_id_of(intake),
        control_key=control,
    )


def current_keyring(backend: Backend) -> Keyring:
    """Returns the newest keyring. Raises StoreError when the stored bytes are none."""
    try:
        return pin_keyring(provision(backend).keyring)
    except DoorwardError as err:
        raise StoreError(f"the stored keyring cannot be read: {err}") from err


def _complete_keyring(backend: Backend, connection: sa.Connection, now_utc_s: int) -> None:
    keys = backend.keys
    held = pin_keyring(policies.keyring_wires(connection, backend.config.site)[-1])
    known = {key.key_id for key in signing_keys.every(connection, backend.config.site)}
    missing = tuple(
        key
        for key in _keys_of(keys, now_utc_s)
        if held.find(key.key_id) is None and key.key_id not in known
    )
    if not missing or keys.root is None:
        return
    ring = replace(
        held, version=held.version + 1, created_at=now_utc_s, keys=(*held.keys, *missing)
    )
    wire = seal_envelope(Kind.KEYRING, ring.to_body(), [keys.root])
    policies.add_keyring(connection, backend.config.site, ring.version, wire)


def _first_keyring(keys: KeyVault, site: SiteId, now_utc_s: int) -> bytes:
    if keys.root is None:
        raise KeyVaultError("root.key is not in the key folder; it must sign the first keyring")
    ring = Keyring(
        site=site,
        version=1,
        created_at=now_utc_s,
        threshold=1,
        keys=_keys_of(keys, now_utc_s),
    )
    return seal_envelope(Kind.KEYRING, ring.to_body(), [keys.root])


def _keys_of(keys: KeyVault, now_utc_s: int) -> tuple[Key, ...]:
    signers = [
        (keys.issue, Purpose.ISSUE),
        (keys.policy, Purpose.POLICY),
        (keys.control, Purpose.CONTROL),
        (keys.command, Purpose.COMMAND),
    ]
    if keys.root is not None:
        signers.insert(0, (keys.root, Purpose.ROOT))
    return tuple(
        Key(
            public=signer.public,
            purposes=purpose,
            not_before=now_utc_s - BACKDATED_S,
            not_after=now_utc_s + KEY_LIFETIME_S,
        )
        for signer, purpose in signers
    )
