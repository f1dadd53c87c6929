"""Who is inside, kept: read by pages, replaced person by person by who folds movements."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import sqlalchemy as sa

from doorward.records import RecordKind
from doorward_controller.store.prepared import PreparedInsert
from doorward_controller.store.presence_notes import Place
from doorward_controller.store.schema import credentials, records
from doorward_controller.store.sum_tables import (
    presence_changes,
    presence_people,
    presence_places,
    presence_rules,
)

_AT_ONCE = 400
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPlace:
    """Somebody inside a zone.

    Attributes:
        person: who, as the fold tells people apart.
        record_id: the movement that says so.
        is_by_hand: a guard wrote that record.
    """

    person: str
    zone: str
    portal: str
    since_utc_ms: int
    record_id: int
    credential_id: bytes | None
    is_by_hand: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """Whose a record is that changes named by its place.

    Attributes:
        credential_id: None where it names no badge.
        is_by_hand: a guard wrote it.
    """

    record_id: int
    credential_id: bytes | None
    is_by_hand: bool


def lock(connection: sa.Connection) -> None:
    """Keeps others from folding until we commit (PostgreSQL); who only reads does not wait."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE presence_rules IN SHARE ROW EXCLUSIVE MODE")


def fingerprint(connection: sa.Connection) -> str | None:
    """Returns by which rules presence was folded, None before the first time."""
    return connection.scalar(sa.select(presence_rules.c.fingerprint))


def is_known_large(connection: sa.Connection, more_than: int) -> bool:
    """Whether more people have moved than so many."""
    some = sa.select(presence_people.c.person).offset(more_than).limit(1)
    return connection.scalar(some) is not None


def is_counted_anew(connection: sa.Connection) -> bool:
    """Whether somebody is still where the rules of before say."""
    last = sa.select(presence_rules.c.anew_to_id).scalar_subquery()
    waiting = sa.select(presence_changes.c.id).where(presence_changes.c.id <= last).limit(1)
    return connection.scalar(waiting) is not None


def begin_anew(connection: sa.Connection, by: str) -> None:
    """From now on these rules count; everybody has been noted within this transaction."""
    last = sa.select(sa.func.max(presence_changes.c.id)).scalar_subquery()
    connection.execute(sa.delete(presence_rules))
    connection.execute(
        sa.insert(presence_rules).values(only_row=1, fingerprint=by, anew_to_id=last)
    )


def has_expired(connection: sa.Connection, since_utc_ms: int) -> bool:
    """Whether a movement counts for somebody that is older than this."""
    oldest = presence_people.c.oldest_utc_ms
    return connection.scalar(sa.select(oldest).where(oldest < since_utc_ms).limit(1)) is not None


def expired(connection: sa.Connection, since_utc_ms: int, most: int) -> tuple[str, ...]:
    """Returns some people for whom a movement counts that is older than this."""
    table = presence_people.c
    wanted = sa.select(table.person).where(table.oldest_utc_ms < since_utc_ms)
    return tuple(connection.scalars(wanted.order_by(table.oldest_utc_ms).limit(most)))


def people(connection: sa.Connection, beginning: str) -> tuple[str, ...]:
    """Returns everybody who has moved and whose name here begins so."""
    person = presence_people.c.person
    end = beginning[:-1] + chr(ord(beginning[-1]) + 1)
    wanted = sa.select(person).where(person >= beginning, person < end)
    return tuple(connection.scalars(wanted))


def movers(connection: sa.Connection, places: Iterable[Place]) -> Iterator[Mover]:
    """Yields whose these records are, of those that are stored."""
    table = records.c
    for gateway_id, epoch, seq in places:
        row = connection.execute(
            sa.select(table.id, table.credential_id, table.kind).where(
                table.gateway_id == gateway_id, table.epoch == epoch, table.seq == seq
            )
        ).first()
        if row is not None:
            yield Mover(
                record_id=row.id,
                credential_id=row.credential_id,
                is_by_hand=row.kind == int(RecordKind.MANUAL),
            )


def badges_of(connection: sa.Connection, holders: Collection[str]) -> dict[bytes, str]:
    """Returns every badge of these people, and whose it is."""
    found: dict[bytes, str] = {}
    for some in parts(sorted(holders)):
        wanted = sa.select(credentials.c.id, credentials.c.holder_id)
        rows = connection.execute(wanted.where(credentials.c.holder_id.in_(some)))
        found |= {row.id: row.holder_id for row in rows}
    return found


def replace(
    connection: sa.Connection,
    people: Collection[str],
    oldest: dict[str, int],
    places: Sequence[StoredPlace],
) -> None:
    """Puts what was folded in the place of what was known of these people.

    Args:
        connection: within whose transaction.
        people: everybody who is replaced.
        oldest: when the oldest movement was of those of them who moved.
        places: where those are who are inside.
    """
    for some in parts(sorted(people)):
        for table in (presence_people, presence_places):
            connection.execute(sa.delete(table).where(table.c.person.in_(some)))
    _insert(connection, oldest, places)


def _insert(
    connection: sa.Connection, oldest: dict[str, int], places: Sequence[StoredPlace]
) -> None:
    _ADD_PEOPLE.run(connection, list(oldest.items()))
    rows = [tuple(getattr(place, name) for name in _PLACE) for place in places]
    _ADD_PLACES.run(connection, rows)


_PLACE = tuple(StoredPlace.__dataclass_fields__)
_ADD_PEOPLE = PreparedInsert(presence_people, ("person", "oldest_utc_ms"))
_ADD_PLACES = PreparedInsert(presence_places, _PLACE)


def numbers(connection: sa.Connection) -> dict[str, int]:
    """Returns how many people are inside each zone that somebody is in."""
    zone = presence_places.c.zone
    rows = connection.execute(sa.select(zone, sa.func.count()).group_by(zone))
    return {row[0]: int(row[1]) for row in rows}


def places(
    connection: sa.Connection,
    *,
    zones: Collection[str] | None = None,
    after: tuple[int | str, ...] | None = None,
    limit: int | None = None,
) -> tuple[StoredPlace, ...]:
    """Returns who is inside, by zone, the longest there first.

    Args:
        connection: within whose transaction.
        zones: these alone.
        after: the `place_in_list` of whom the list before ended with.
        limit: how many at most.
    """
    table = presence_places.c
    order = (table.zone, table.since_utc_ms, table.record_id, table.person)
    wanted = sa.select(*(table[name] for name in _PLACE)).order_by(*order).limit(limit)
    if zones is not None:
        wanted = wanted.where(table.zone.in_(zones))
    if after is not None:
        wanted = wanted.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, after)))
    return tuple(StoredPlace(**row._asdict()) for row in connection.execute(wanted))


def place_in_list(one: StoredPlace) -> tuple[int | str, ...]:
    """Returns where somebody stands in the order of `places`."""
    return one.zone, one.since_utc_ms, one.record_id, one.person


def parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Yields the items, as many at a time as a statement takes."""
    return (items[first : first + _AT_ONCE] for first in range(0, len(items), _AT_ONCE))
