"""Holders whom a directory keeps."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.status import Status
from doorward_controller.store.integration_tables import directory_members, directory_people
from doorward_controller.store.schema import credentials, holders

_of = directory_people.c


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPerson:
    """A row of `directory_people` that was not removed."""

    holder_id: str
    sealed_document: bytes
    active: bool
    version: int
    created_at_utc_ms: int
    changed_at_utc_ms: int
    left_at_utc_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A credential of somebody who leaves."""

    id: bytes
    status_index: int


_PERSON = tuple(_of[name] for name in StoredPerson.__dataclass_fields__)


def add(connection: sa.Connection, **values: object) -> None:
    """Inserts a person."""
    connection.execute(sa.insert(directory_people).values(**values))


def change(connection: sa.Connection, holder_id: str, **values: object) -> None:
    """Sets columns of one person."""
    connection.execute(
        sa.update(directory_people).where(_of.holder_id == holder_id).values(**values)
    )


def forget(connection: sa.Connection, holder_id: str, now_ms: int) -> None:
    """Removes a person from the directory: nothing by which to find or read them stays."""
    gone = directory_members.c.holder_id == holder_id
    connection.execute(sa.delete(directory_members).where(gone))
    change(
        connection,
        holder_id,
        user_name_index=None,
        external_id_index=None,
        sealed_document=None,
        active=False,
        changed_at_utc_ms=now_ms,
        removed_at_utc_ms=now_ms,
    )


def find(connection: sa.Connection, holder_id: str, *, lock: bool = False) -> StoredPerson | None:
    """Returns a person who was not removed; `lock` keeps others away until we commit."""
    wanted = sa.select(*_PERSON).where(_of.holder_id == holder_id, _of.removed_at_utc_ms.is_(None))
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    return None if row is None else StoredPerson(**row._asdict())


def page(
    connection: sa.Connection, wanted: Mapping[str, object], *, skip: int, limit: int
) -> tuple[int, tuple[StoredPerson, ...]]:
    """Returns how many people have these values, and some of them, the first added first."""
    conditions = [_of.removed_at_utc_ms.is_(None), *(_of[k] == v for k, v in wanted.items())]
    total = connection.execute(sa.select(sa.func.count()).where(*conditions)).scalar_one()
    rows = connection.execute(
        sa.select(*_PERSON)
        .where(*conditions)
        .order_by(_of.created_at_utc_ms, _of.holder_id)
        .offset(skip)
        .limit(limit)
    )
    return int(total), tuple(StoredPerson(**row._asdict()) for row in rows)


def has_left(connection: sa.Connection, holder_id: str) -> bool:
    """Says whether a directory says of this holder that they are no longer there."""
    wanted = sa.select(_of.active).where(_of.holder_id == holder_id)
    return connection.execute(wanted).scalar_one_or_none() is False


def unlinked(connection: sa.Connection, indexes: Mapping[str, bytes]) -> tuple[str, ...]:
    """Returns up to two holders with these blind indexes whom no directory has ever kept."""
    wanted = (
        sa.select(holders.c.id)
        .outerjoin(directory_people, _of.holder_id == holders.c.id)
        .where(_of.holder_id.is_(None), holders.c.erased_at_utc_s.is_(None))
        .where(*(holders.c[f"{name}_index"] == value for name, value in indexes.items()))
        .order_by(holders.c.id)
        .limit(2)
    )
    return tuple(connection.execute(wanted).scalars())


def codes_of(connection: sa.Connection, holder_id: str) -> tuple[Code, ...]:
    """Returns every code of a holder that is not revoked, also those that have expired."""
    rows = connection.execute(
        sa.select(credentials.c.id, credentials.c.status_index)
        .where(credentials.c.holder_id == holder_id, credentials.c.status != int(Status.REVOKED))
        .order_by(credentials.c.status_index)
    )
    return tuple(Code(id=row.id, status_index=row.status_index) for row in rows)
