"""Sites, keyrings, rule books and released bundles."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.schema import bundles, keyrings, rule_books, sites


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBundle:
    """A released bundle."""

    version: int
    rule_book_id: int
    released_at_utc_s: int
    released_by: str
    sha256: str
    credentials: int
    wire: bytes


def add_site(connection: sa.Connection, site: str, now_utc_s: int) -> bool:
    """Inserts a site; False when it is there already."""
    if connection.execute(sa.select(sites).where(sites.c.name == site)).one_or_none():
        return False
    connection.execute(sa.insert(sites).values(name=site, created_at_utc_s=now_utc_s))
    return True


def site_created_at(connection: sa.Connection, site: str) -> int:
    """Returns when a site began, in seconds of UTC."""
    wanted = sa.select(sites.c.created_at_utc_s).where(sites.c.name == site)
    return int(connection.execute(wanted).scalar_one())


def lock_site(connection: sa.Connection, site: str) -> None:
    """Keeps others from releasing for this site until we commit (PostgreSQL)."""
    connection.execute(sa.select(sites.c.name).where(sites.c.name == site).with_for_update())


def site_names(connection: sa.Connection) -> tuple[str, ...]:
    """Returns every site of the database."""
    return tuple(connection.execute(sa.select(sites.c.name).order_by(sites.c.name)).scalars())


def add_keyring(connection: sa.Connection, site: str, version: int, wire: bytes) -> None:
    """Inserts a signed keyring."""
    connection.execute(sa.insert(keyrings).values(site=site, version=version, wire=wire))


def keyring_wires(connection: sa.Connection, site: str) -> tuple[bytes, ...]:
    """Returns every keyring of a site, oldest first."""
    wanted = sa.select(keyrings.c.wire).where(keyrings.c.site == site)
    return tuple(connection.execute(wanted.order_by(keyrings.c.version)).scalars())


def count_keyrings(connection: sa.Connection, site: str) -> int:
    """Returns how many keyrings a site has had."""
    wanted = sa.select(sa.func.count()).where(keyrings.c.site == site)
    return connection.execute(wanted).scalar_one()


def add_rule_book(
    connection: sa.Connection, site: str, body_json: str, now_utc_s: int, saved_by: str
) -> None:
    """Inserts a rule book; the newest counts, the older ones stay to be read."""
    connection.execute(
        sa.insert(rule_books).values(
            site=site, body_json=body_json, saved_at_utc_s=now_utc_s, saved_by=saved_by
        )
    )


def newest_rule_book(connection: sa.Connection, site: str) -> tuple[int, str]:
    """Returns id and body of the rule book that counts."""
    wanted = sa.select(rule_books.c.id, rule_books.c.body_json).where(rule_books.c.site == site)
    row = connection.execute(wanted.order_by(rule_books.c.id.desc()).limit(1)).one()
    return row.id, row.body_json


def rule_book(connection: sa.Connection, site: str, book_id: int | None) -> tuple[int, str] | None:
    """Returns id and body of one edition, the newest for None, or None where there is none."""
    if book_id is None:
        return newest_rule_book(connection, site)
    wanted = sa.select(rule_books.c.id, rule_books.c.body_json).where(
        rule_books.c.site == site, rule_books.c.id == book_id
    )
    row = connection.execute(wanted).one_or_none()
    return None if row is None else (row.id, row.body_json)


def add_bundle(connection: sa.Connection, site: str, bundle: StoredBundle) -> None:
    """Inserts a released bundle and lets go of the bytes of all but the last ten."""
    values = {name: getattr(bundle, name) for name in StoredBundle.__dataclass_fields__}
    connection.execute(sa.insert(bundles).values(site=site, **values))
    connection.execute(
        sa.update(bundles)
        .where(bundles.c.site == site, bundles.c.version <= bundle.version - 10)
        .where(bundles.c.wire != b"")
        .values(wire=b"")
    )


def newest_bundle(connection: sa.Connection, site: str) -> StoredBundle | None:
    """Returns the bundle that gateways should have, None before the first release."""
    columns = (bundles.c[name] for name in StoredBundle.__dataclass_fields__)
    wanted = sa.select(*columns).where(bundles.c.site == site)
    row = connection.execute(wanted.order_by(bundles.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else StoredBundle(**row._asdict())


def newest_bundle_version(connection: sa.Connection, site: str) -> int:
    """Returns the newest released version, 0 before the first."""
    newest = sa.select(sa.func.max(bundles.c.version)).where(bundles.c.site == site)
    return connection.execute(newest).scalar_one() or 0
