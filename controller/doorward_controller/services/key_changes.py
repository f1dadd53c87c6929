"""The site's keys within the transaction of an act that changes them."""

from dataclasses import dataclass, replace
from typing import Any, Self

import sqlalchemy as sa

from doorward.envelope import Kind, key_id_of, seal_envelope
from doorward.ids import KeyId, SiteId
from doorward.keys import Key, Keyring, pin_keyring
from doorward_controller.domain.permissions import Actor
from doorward_controller.domain.site_keys import MAX_KEYRINGS, KeyUse, fresh_key, next_keyring
from doorward_controller.errors import ConflictError, InvalidError
from doorward_controller.services import signing
from doorward_controller.services.acting import Act
from doorward_controller.services.backend import Backend
from doorward_controller.services.overtaking import MOST_LEAP
from doorward_controller.services.signing import NewSecret
from doorward_controller.store import gateways, policies, signing_keys
from doorward_controller.store.signing_keys import StoredKey

_ID_DIGITS = 8


def parse_key_id(text: str) -> KeyId:
    """Returns the number of a key. Raises InvalidError."""
    if len(text) != _ID_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise InvalidError(f"{text[:40]!r} is not the number of a key: 8 hex digits", code="no_key")
    return KeyId(int(text, 16))


def name_of(key_id: int) -> str:
    """Returns how a key is written."""
    return f"{key_id:08x}"


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What is read and written of the keys.

    Attributes:
        held: the newest keyring.
        rows: the keys that something was noted of, by number; kept in step with the table.
    """

    backend: Backend
    doing: Act
    held: Keyring
    rows: dict[int, StoredKey]

    @classmethod
    def begin(cls, backend: Backend, doing: Act) -> Self:
        """Locks the site's keys and reads them."""
        site = backend.config.site
        policies.lock_site(doing.connection, site)
        held = pin_keyring(policies.keyring_wires(doing.connection, site)[-1])
        rows = {each.key_id: each for each in signing_keys.every(doing.connection, site)}
        return cls(backend, doing, held, rows)

    def refuse_while_one_waits(self, use: KeyUse) -> None:
        """Raises ConflictError where a key of this use was made and is not used yet."""
        waiting = [each for each in self._of(use) if each.is_waiting]
        if waiting:
            raise ConflictError(
                f"key {name_of(waiting[0].key_id)} was made for this and waits to be used",
                code="key_waits",
            )

    def note_first(self, use: KeyUse) -> None:
        """Gives the key in the folder a row, so that what becomes of it can be noted."""
        public = _first_public(self.backend, use)
        key_id = key_id_of(public)
        if key_id in self.rows:
            return
        began = policies.site_created_at(self.doing.connection, self._site)
        self._insert(
            StoredKey(
                key_id=key_id,
                key_use=use.value,
                public=public,
                sealed_seed=None,
                keyring_version=0 if use is KeyUse.INTAKE else 1,
                made_at_utc_s=began,
                made_by="init",
                used_from_utc_s=began,
            )
        )

    def add(self, secret: NewSecret, use: KeyUse, version: int, actor: Actor) -> StoredKey:
        """Notes a new key, which waits."""
        key = StoredKey(
            key_id=secret.key_id,
            key_use=use.value,
            public=secret.public,
            sealed_seed=secret.sealed_seed,
            keyring_version=version,
            made_at_utc_s=self.doing.now.utc_s,
            made_by=actor.name,
        )
        self._insert(key)
        return key

    def take_up(self, key: StoredKey) -> None:
        """Has a key take the place of the one in use, whose secret is forgotten.

        What was sealed to the intake has to be opened later, too.
        """
        now_utc_s = self.doing.now.utc_s
        for other in self._of(KeyUse(key.key_use)):
            if other.is_in_use:
                self._set(other, used_until_utc_s=now_utc_s)
                if other.key_use != KeyUse.INTAKE.value:
                    self._set(other, sealed_seed=None)
        self._set(key, used_from_utc_s=now_utc_s)

    def withdraw(self, number: KeyId, use: KeyUse, actor: Actor, reason: str) -> tuple[int, str]:
        """Puts a key out of the keyring, and another one in its place where it was in use.

        Raises ConflictError.

        Returns:
            The keyring that says so, and the successor, empty where there is none.
        """
        gone, now_utc_s = self.rows.get(number), self.doing.now.utc_s
        successor = next((each for each in self._of(use) if each.is_waiting), None)
        secret = None
        if gone is None or not gone.is_in_use:
            successor = None
        elif successor is None:
            secret = signing.draw(self.backend.keys, use)
        version = self.sign_keyring(
            added=fresh_key(secret.public, use, now_utc_s) if secret else None, withdrawn=number
        )
        if secret:
            successor = self.add(secret, use, version, actor)
        if gone is not None:
            self._set(
                gone,
                withdrawn_at_utc_s=now_utc_s,
                withdrawn_by=actor.name,
                withdrawn_note=reason,
                sealed_seed=None,
            )
        if successor:
            self._set(successor, used_from_utc_s=now_utc_s)
        return version, name_of(successor.key_id) if successor else ""

    def sign_keyring(self, *, added: Key | None, withdrawn: KeyId | None) -> int:
        """Signs and keeps the keyring that follows; returns its version. Raises ConflictError."""
        root = self.backend.keys.root
        if root is None:
            raise ConflictError(
                "root.key, which signs keyrings, is not in the key folder: bring it back for this",
                code="root_key_away",
            )
        site, connection = self._site, self.doing.connection
        if policies.count_keyrings(connection, site) >= MAX_KEYRINGS:
            raise ConflictError(
                f"the site has had {MAX_KEYRINGS} keyrings, more than gateways follow",
                code="keyrings_full",
            )
        version = _next_version(connection, site, self.held, self.doing.now.utc_s)
        try:
            ring = next_keyring(
                self.held, version, self.doing.now.utc_s, added=added, withdrawn=withdrawn
            )
        except ValueError as err:
            raise ConflictError(str(err), code="keyring_full") from err
        wire = seal_envelope(Kind.KEYRING, ring.to_body(), [root])
        policies.add_keyring(connection, site, version, wire)
        return version

    @property
    def _site(self) -> SiteId:
        return self.backend.config.site

    def _of(self, use: KeyUse) -> tuple[StoredKey, ...]:
        return tuple(each for each in self.rows.values() if each.key_use == use.value)

    def _insert(self, key: StoredKey) -> None:
        signing_keys.add(self.doing.connection, self._site, key)
        self.rows[key.key_id] = key

    def _set(self, key: StoredKey, **values: Any) -> None:  # noqa: ANN401  # columns of any type
        signing_keys.change(self.doing.connection, self._site, key.key_id, **values)
        self.rows[key.key_id] = replace(self.rows[key.key_id], **values)


def _next_version(connection: sa.Connection, site: SiteId, held: Keyring, now_utc_s: int) -> int:
    """Returns a version that also follows the keyrings of a database that was restored.

    There were never more of them than seconds since the site began, and none beyond what gateways
    hold; a gateway that claims far more is lying.
    """
    passed_s = now_utc_s - policies.site_created_at(connection, site)
    least = max(held.version, passed_s - 1)
    seen = gateways.newest_keyring_seen(connection, site)
    return (seen if least < seen <= least + MOST_LEAP else least) + 1


def _first_public(backend: Backend, use: KeyUse) -> bytes:
    if use is KeyUse.INTAKE:
        return backend.keys.intake_public
    return signing.first_signer(backend.keys, use).public
