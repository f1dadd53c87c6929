"""Keys that came after the first ones, and what became of any."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.key_tables import signing_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """One key.

    Attributes:
        sealed_seed: its secret, sealed; None where it lies in the key folder or was destroyed.
        keyring_version: of the keyring that brought it; 0 for a key that no keyring holds.
        used_from_utc_s: when the controller began to work with it; None while it waits.
        used_until_utc_s: when another one took its place.
    """

    key_id: int
    key_use: str
    public: bytes
    sealed_seed: bytes | None
    keyring_version: int
    made_at_utc_s: int
    made_by: str
    used_from_utc_s: int | None = None
    used_until_utc_s: int | None = None
    withdrawn_at_utc_s: int | None = None
    withdrawn_by: str = ""
    withdrawn_note: str = ""

    @property
    def is_in_use(self) -> bool:
        """Whether the controller works with it now."""
        ends = (self.used_until_utc_s, self.withdrawn_at_utc_s)
        return self.used_from_utc_s is not None and ends == (None, None)

    @property
    def is_waiting(self) -> bool:
        """Whether it was published and nothing is signed with it yet."""
        return self.used_from_utc_s is None and self.withdrawn_at_utc_s is None


_KEY = tuple(signing_keys.c[name] for name in StoredKey.__dataclass_fields__)


def every(connection: sa.Connection, site: str) -> tuple[StoredKey, ...]:
    """Returns every key that has a row, the oldest first."""
    rows = connection.execute(
        sa.select(*_KEY)
        .where(signing_keys.c.site == site)
        .order_by(signing_keys.c.made_at_utc_s, signing_keys.c.keyring_version)
    )
    return tuple(StoredKey(**row._asdict()) for row in rows)


def in_use(connection: sa.Connection, site: str, use: str) -> StoredKey | None:
    """Returns the key of a use that works now; None while that is the first one, in the folder."""
    wanted = sa.select(*_KEY).where(
        signing_keys.c.site == site,
        signing_keys.c.key_use == use,
        signing_keys.c.used_from_utc_s.is_not(None),
        signing_keys.c.used_until_utc_s.is_(None),
        signing_keys.c.withdrawn_at_utc_s.is_(None),
    )
    row = connection.execute(wanted).one_or_none()
    return None if row is None else StoredKey(**row._asdict())


def waiting(connection: sa.Connection, site: str) -> tuple[StoredKey, ...]:
    """Returns the keys that were published and are not used yet."""
    return tuple(each for each in every(connection, site) if each.is_waiting)


def add(connection: sa.Connection, site: str, key: StoredKey) -> None:
    """Inserts a key."""
    values = {name: getattr(key, name) for name in StoredKey.__dataclass_fields__}
    connection.execute(sa.insert(signing_keys).values(site=site, **values))


def change(connection: sa.Connection, site: str, key_id: int, **values: object) -> None:
    """Sets columns of one key."""
    where = (signing_keys.c.site == site, signing_keys.c.key_id == key_id)
    connection.execute(sa.update(signing_keys).where(*where).values(**values))
