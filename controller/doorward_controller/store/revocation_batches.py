"""Whom a revocation in bulk is about, what was done, and when suspensions end."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from doorward.status import Status
from doorward_controller.store.integration_tables import directory_members
from doorward_controller.store.pieces import pieces
from doorward_controller.store.rollout_tables import revocation_batches, suspension_ends
from doorward_controller.store.schema import credentials, holders


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A code that is meant."""

    id: bytes
    holder_id: str | None
    status: Status
    status_index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What was done in one go.

    Attributes:
        codes: how many changed.
        already: how many were so already, or could not become so.
        until_utc_s: when a suspension ends by itself; None: when somebody restores.
    """

    id: str
    act: str
    cause: str
    note: str
    source: str
    source_name: str
    asked_by: str
    proposal_id: str
    at_utc_ms: int
    codes: int
    people: int
    already: int
    status_seq: int
    until_utc_s: int | None


_MEMBER = (
    credentials.c.id,
    credentials.c.holder_id,
    credentials.c.status,
    credentials.c.status_index,
)


def by_id(connection: sa.Connection, ids: Collection[bytes]) -> dict[bytes, Member]:
    """Returns those of these credentials that exist."""
    found: dict[bytes, Member] = {}
    for piece in pieces(ids):
        wanted = sa.select(*_MEMBER).where(credentials.c.id.in_(piece))
        found |= {row.id: _member(row) for row in connection.execute(wanted)}
    return found


def by_digest(connection: sa.Connection, digests: Collection[bytes]) -> dict[bytes, Member]:
    """Returns the credential of each of these labels that exists; the one issued last."""
    found: dict[bytes, Member] = {}
    for piece in pieces(digests):
        wanted = (
            sa.select(*_MEMBER, credentials.c.sticker_hash)
            .where(credentials.c.sticker_hash.in_(piece))
            .order_by(credentials.c.status_index)
        )
        found |= {bytes(row.sticker_hash): _member(row) for row in connection.execute(wanted)}
    return found


def of_group(
    connection: sa.Connection, group: str, now_utc_s: int, directory: Collection[str] = ()
) -> tuple[Member, ...]:
    """Returns the codes that bring a group and still count.

    A code brings it by itself, by its holder, or because the holder belongs to one of these groups
    of a directory.
    """
    named = f'%"{group}"%'
    belong = sa.select(directory_members.c.holder_id).where(
        directory_members.c.group_id.in_(directory)
    )
    wanted = (
        sa.select(*_MEMBER)
        .outerjoin(holders, holders.c.id == credentials.c.holder_id)
        .where(
            credentials.c.expires > now_utc_s,
            sa.or_(
                credentials.c.groups_json.like(named),
                holders.c.groups_json.like(named),
                credentials.c.holder_id.in_(belong),
            ),
        )
    )
    return tuple(_member(row) for row in connection.execute(wanted))


def of_key(connection: sa.Connection, key_id: int) -> tuple[Member, ...]:
    """Returns every code that a key has issued, also those that have expired."""
    wanted = sa.select(*_MEMBER).where(credentials.c.key_id == key_id)
    return tuple(_member(row) for row in connection.execute(wanted))


def signed_by(connection: sa.Connection, key_id: int) -> tuple[Member, ...]:
    """Returns the codes that a key vouches for; labels and linked numbers are not among them."""
    wanted = sa.select(*_MEMBER).where(
        credentials.c.key_id == key_id, credentials.c.sticker_hash.is_(None)
    )
    return tuple(_member(row) for row in connection.execute(wanted))


def signed_counts(connection: sa.Connection) -> dict[int, tuple[int, int, int]]:
    """Returns by key how many codes it signed, how many of them are valid, when the last ends."""
    valid = sa.func.sum(sa.case((credentials.c.status == int(Status.VALID), 1), else_=0))
    rows = connection.execute(
        sa.select(credentials.c.key_id, sa.func.count(), valid, sa.func.max(credentials.c.expires))
        .where(credentials.c.sticker_hash.is_(None))
        .group_by(credentials.c.key_id)
    )
    return {int(row[0]): (int(row[1]), int(row[2]), int(row[3])) for row in rows}


def keys(connection: sa.Connection) -> tuple[tuple[int, int, int], ...]:
    """Returns each issuing key: its number, its codes, and how many of them still are valid."""
    valid = sa.func.sum(sa.case((credentials.c.status == int(Status.VALID), 1), else_=0))
    rows = connection.execute(
        sa.select(credentials.c.key_id, sa.func.count(), valid)
        .group_by(credentials.c.key_id)
        .order_by(sa.func.max(credentials.c.issued_at_utc_s).desc())
    )
    return tuple((int(row[0]), int(row[1]), int(row[2])) for row in rows)


def add(connection: sa.Connection, batch: Batch) -> None:
    """Inserts what was done."""
    values = {name: getattr(batch, name) for name in Batch.__dataclass_fields__}
    connection.execute(sa.insert(revocation_batches).values(**values))


def end_later(
    connection: sa.Connection, ids: Sequence[bytes], until_utc_s: int, batch_id: str
) -> None:
    """Notes when these suspensions end by themselves."""
    connection.execute(
        sa.insert(suspension_ends),
        [{"credential_id": id_, "until_utc_s": until_utc_s, "batch_id": batch_id} for id_ in ids],
    )


def forget_ends(connection: sa.Connection, ids: Collection[bytes]) -> None:
    """These suspensions end no more by themselves."""
    for piece in pieces(ids):
        connection.execute(
            sa.delete(suspension_ends).where(suspension_ends.c.credential_id.in_(piece))
        )


def ends_due(connection: sa.Connection, now_utc_s: int, limit: int) -> tuple[bytes, ...]:
    """Returns whose suspension is over, the earliest first."""
    rows = connection.execute(
        sa.select(suspension_ends.c.credential_id)
        .where(suspension_ends.c.until_utc_s <= now_utc_s)
        .order_by(suspension_ends.c.until_utc_s)
        .limit(limit)
    )
    return tuple(bytes(row.credential_id) for row in rows)


def end_of(connection: sa.Connection, id_: bytes) -> int | None:
    """Returns when the suspension of a code ends by itself, or None."""
    wanted = sa.select(suspension_ends.c.until_utc_s).where(suspension_ends.c.credential_id == id_)
    return connection.execute(wanted).scalar_one_or_none()


def count_people(members: Iterable[Member]) -> int:
    """Counts holders; a code without one stands for somebody of its own."""
    return len({member.holder_id or member.id for member in members})


def _member(row: Any) -> Member:  # noqa: ANN401  # a row with whatever columns beside
    return Member(
        id=bytes(row.id),
        holder_id=row.holder_id,
        status=Status(row.status),
        status_index=row.status_index,
    )
