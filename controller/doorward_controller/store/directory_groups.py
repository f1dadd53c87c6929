"""Groups that a directory keeps, and who belongs to them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

import sqlalchemy as sa

from doorward_controller.store.integration_tables import (
    directory_groups,
    directory_members,
    directory_people,
)
from doorward_controller.store.pieces import pieces

_of = directory_groups.c
_member = directory_members.c


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredGroup:
    """A row of `directory_groups`."""

    id: str
    name: str
    folded: str
    external_id: str
    version: int
    created_at_utc_ms: int
    changed_at_utc_ms: int


_GROUP = tuple(_of[name] for name in StoredGroup.__dataclass_fields__)


def add(connection: sa.Connection, group: StoredGroup) -> None:
    """Inserts a group."""
    values = {name: getattr(group, name) for name in StoredGroup.__dataclass_fields__}
    connection.execute(sa.insert(directory_groups).values(**values))


def change(connection: sa.Connection, group: StoredGroup) -> None:
    """Sets every column of one group."""
    values = {name: getattr(group, name) for name in StoredGroup.__dataclass_fields__}
    connection.execute(sa.update(directory_groups).where(_of.id == group.id).values(**values))


def remove(connection: sa.Connection, group_id: str) -> None:
    """Deletes a group; nobody belongs to it any more."""
    connection.execute(sa.delete(directory_members).where(_member.group_id == group_id))
    connection.execute(sa.delete(directory_groups).where(_of.id == group_id))


def find(connection: sa.Connection, group_id: str, *, lock: bool = False) -> StoredGroup | None:
    """Returns a group; `lock` keeps others away until we commit."""
    wanted = sa.select(*_GROUP).where(_of.id == group_id)
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    return None if row is None else StoredGroup(**row._asdict())


def count(connection: sa.Connection) -> int:
    """Returns how many groups there are."""
    counted = sa.select(sa.func.count()).select_from(directory_groups)
    return int(connection.execute(counted).scalar_one())


def page(
    connection: sa.Connection,
    wanted: Mapping[str, str],
    *,
    member: str | None,
    skip: int,
    limit: int,
) -> tuple[int, tuple[StoredGroup, ...]]:
    """Returns how many groups have these columns (and this member), and some, the oldest first."""
    conditions = [_of[name] == value for name, value in wanted.items()]
    if member is not None:
        conditions.append(
            sa.exists().where(_member.group_id == _of.id, _member.holder_id == member)
        )
    counted = sa.select(sa.func.count()).select_from(directory_groups).where(*conditions)
    total = connection.execute(counted).scalar_one()
    rows = connection.execute(
        sa.select(*_GROUP)
        .where(*conditions)
        .order_by(_of.created_at_utc_ms, _of.id)
        .offset(skip)
        .limit(limit)
    )
    return int(total), tuple(StoredGroup(**row._asdict()) for row in rows)


def all_groups(connection: sa.Connection) -> tuple[tuple[StoredGroup, int], ...]:
    """Returns every group and how many belong to it, by name."""
    belong = sa.func.count(_member.holder_id)
    rows = connection.execute(
        sa.select(*_GROUP, belong.label("members"))
        .outerjoin(directory_members, _member.group_id == _of.id)
        .group_by(*_GROUP)
        .order_by(_of.folded)
    ).mappings()
    return tuple(
        (StoredGroup(**{n: row[n] for n in StoredGroup.__dataclass_fields__}), int(row["members"]))
        for row in rows
    )


def ids_of(connection: sa.Connection, folded: Collection[str]) -> dict[str, str]:
    """Returns the id of each group that has one of these names, with its folded name."""
    found: dict[str, str] = {}
    for piece in pieces(folded):
        wanted = sa.select(_of.id, _of.folded).where(_of.folded.in_(piece))
        found |= {row.id: row.folded for row in connection.execute(wanted)}
    return found


def members(connection: sa.Connection, group_id: str) -> frozenset[str]:
    """Returns who belongs to a group."""
    wanted = sa.select(_member.holder_id).where(_member.group_id == group_id)
    return frozenset(connection.execute(wanted).scalars())


def count_members(connection: sa.Connection, group_ids: Collection[str]) -> dict[str, int]:
    """Returns how many belong to each of these groups."""
    wanted = (
        sa.select(_member.group_id, sa.func.count())
        .where(_member.group_id.in_(group_ids))
        .group_by(_member.group_id)
    )
    return {row[0]: int(row[1]) for row in connection.execute(wanted)}


def join(connection: sa.Connection, group_id: str, people: Collection[str]) -> None:
    """Adds people who do not belong yet."""
    for piece in pieces(people):
        rows = [{"group_id": group_id, "holder_id": each} for each in piece]
        connection.execute(sa.insert(directory_members), rows)


def leave(connection: sa.Connection, group_id: str, people: Collection[str]) -> None:
    """Removes people."""
    for piece in pieces(people):
        wanted = sa.and_(_member.group_id == group_id, _member.holder_id.in_(piece))
        connection.execute(sa.delete(directory_members).where(wanted))


def unknown(connection: sa.Connection, people: Collection[str]) -> set[str]:
    """Returns those of these people whom the directory does not keep."""
    left = set(people)
    for piece in pieces(people):
        wanted = sa.select(directory_people.c.holder_id).where(
            directory_people.c.holder_id.in_(piece),
            directory_people.c.removed_at_utc_ms.is_(None),
        )
        left -= set(connection.execute(wanted).scalars())
    return left


def groups_of(connection: sa.Connection, people: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Returns by person the names of the groups to which they belong, where there are any."""
    found: dict[str, tuple[str, ...]] = {}
    for piece in pieces(people):
        wanted = (
            sa.select(_member.holder_id, _of.name)
            .join(directory_groups, _member.group_id == _of.id)
            .where(_member.holder_id.in_(piece))
            .order_by(_of.folded)
        )
        for row in connection.execute(wanted):
            found[row.holder_id] = (*found.get(row.holder_id, ()), row.name)
    return found


def memberships(
    connection: sa.Connection, group_ids: Collection[str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yields who belongs to any of these groups and is still there, with the groups' ids."""
    wanted = (
        sa.select(_member.holder_id, _member.group_id)
        .join(directory_people, directory_people.c.holder_id == _member.holder_id)
        .where(directory_people.c.active, _member.group_id.in_(group_ids))
        .order_by(_member.holder_id, _member.group_id)
    )
    with connection.execute(wanted, execution_options={"yield_per": 5000}) as rows:
        for holder_id, mine in groupby(rows, key=lambda row: str(row.holder_id)):
            yield holder_id, tuple(row.group_id for row in mine)
