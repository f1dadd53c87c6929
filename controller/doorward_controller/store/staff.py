"""Guards and technicians: entries, and the signed list that was made of them last."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.schema import staff, staff_lists


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMember:
    """An entry; once removed it stays, so that its number is never given to somebody else."""

    id: str
    abilities: int
    pin_hash: str
    not_after: int
    added_by: str
    added_at_utc_s: int
    removed_at_utc_s: int | None


_MEMBER = tuple(staff.c[name] for name in StoredMember.__dataclass_fields__)


def members(connection: sa.Connection, site: str) -> tuple[StoredMember, ...]:
    """Returns every entry of a site, the removed ones too, ascending by id."""
    rows = connection.execute(sa.select(*_MEMBER).where(staff.c.site == site).order_by(staff.c.id))
    # Sorted here as the list wants it: databases differ in how they order hyphens.
    found = (StoredMember(**row._asdict()) for row in rows)
    return tuple(sorted(found, key=lambda each: each.id))


def add(connection: sa.Connection, site: str, member: StoredMember) -> None:
    """Inserts an entry."""
    values = {name: getattr(member, name) for name in StoredMember.__dataclass_fields__}
    connection.execute(sa.insert(staff).values(site=site, **values))


def change(connection: sa.Connection, site: str, member_id: str, **values: object) -> None:
    """Sets columns of one entry."""
    where = (staff.c.site == site, staff.c.id == member_id)
    connection.execute(sa.update(staff).where(*where).values(**values))


def newest_list(connection: sa.Connection, site: str) -> tuple[int, bytes | None]:
    """Returns version and bytes of the newest list; 0 and None before the first."""
    wanted = sa.select(staff_lists.c.version, staff_lists.c.wire).where(staff_lists.c.site == site)
    row = connection.execute(wanted).one_or_none()
    return (0, None) if row is None else (row.version, row.wire)


def save_list(connection: sa.Connection, site: str, version: int, wire: bytes) -> None:
    """Replaces the newest list."""
    connection.execute(sa.delete(staff_lists).where(staff_lists.c.site == site))
    connection.execute(sa.insert(staff_lists).values(site=site, version=version, wire=wire))
