"""Issued credentials and the status lists made of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.credential import CredentialClass, Form
from doorward.status import Status
from doorward_controller.store.schema import credentials, holders, status_changes, status_lists


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCredential:
    """A row of `credentials`."""

    id: bytes
    holder_id: str | None
    credential_class: CredentialClass
    form: Form
    status_index: int
    status: Status
    not_before: int
    expires: int
    groups_json: str
    purpose: str
    issued_at_utc_s: int
    issued_by: str
    key_id: int
    sealed_code: bytes
    sticker_hash: bytes | None
    changed_reason: str = ""
    changed_by: str = ""
    changed_at_utc_s: int | None = None
    changed_seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListState:
    """Where a site's status list stands."""

    seq: int
    base_seq: int
    size: int
    next_index: int

    @property
    def next_seq(self) -> int:
        """The number that the next change gets."""
        return self.seq + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRow:
    """What a bundle says of one credential."""

    id: bytes
    status_index: int
    not_before: int
    expires: int
    groups_json: str
    form: str
    status: int
    sticker_hash: bytes | None
    holder_id: str | None
    holder_groups_json: str | None
    holder_qualifications_json: str | None


def add(connection: sa.Connection, row: StoredCredential) -> None:
    """Inserts an issued credential."""
    values = {name: getattr(row, name) for name in StoredCredential.__dataclass_fields__}
    values |= {"credential_class": int(row.credential_class), "form": row.form.value}
    connection.execute(sa.insert(credentials).values({**values, "status": int(row.status)}))


def find(connection: sa.Connection, ids: Sequence[bytes]) -> tuple[StoredCredential, ...]:
    """Returns the credentials that exist of those asked for."""
    rows = connection.execute(sa.select(credentials).where(credentials.c.id.in_(ids)))
    return tuple(
        StoredCredential(
            **{
                **row._asdict(),
                "credential_class": CredentialClass(row.credential_class),
                "form": Form(row.form),
                "status": Status(row.status),
            }
        )
        for row in rows
    )


def holding(connection: sa.Connection, digest: bytes, now_utc_s: int) -> bytes | None:
    """Returns the credential, neither revoked nor expired, to which a digest leads, or None."""
    wanted = sa.select(credentials.c.id).where(
        credentials.c.sticker_hash == digest,
        credentials.c.status != int(Status.REVOKED),
        credentials.c.expires > now_utc_s,
    )
    return connection.execute(wanted).scalars().first()


def set_status(
    connection: sa.Connection,
    ids: Sequence[bytes],
    status: Status,
    *,
    reason: str,
    by: str,
    now_utc_s: int,
    seq: int,
) -> None:
    """Gives several credentials a new status, which the list tells at `seq`."""
    statement = sa.update(credentials).where(credentials.c.id.in_(ids))
    connection.execute(
        statement.values(
            status=int(status),
            changed_reason=reason,
            changed_by=by,
            changed_at_utc_s=now_utc_s,
            changed_seq=seq,
        )
    )


def roster(connection: sa.Connection, now_utc_s: int) -> Iterator[RosterRow]:
    """Yields every credential that has not expired, with what its holder brings."""
    wanted = (
        sa.select(
            credentials.c.id,
            credentials.c.status_index,
            credentials.c.not_before,
            credentials.c.expires,
            credentials.c.groups_json,
            credentials.c.form,
            credentials.c.status,
            credentials.c.sticker_hash,
            credentials.c.holder_id,
            holders.c.groups_json.label("holder_groups_json"),
            holders.c.qualifications_json.label("holder_qualifications_json"),
        )
        .outerjoin(holders, holders.c.id == credentials.c.holder_id)
        .where(credentials.c.expires > now_utc_s)
        .order_by(credentials.c.id)
    )
    with connection.execute(wanted, execution_options={"yield_per": 5000}) as rows:
        for row in rows:
            yield RosterRow(**row._asdict())


def first_of_holders(connection: sa.Connection, now_utc_s: int) -> dict[str, bytes]:
    """Returns the smallest credential ever issued to each holder who has several that count.

    Gateways keep presence under it, so that a badge and a phone of one person are one person; it
    stays the same when that credential itself expires.
    """
    held = credentials.c.holder_id
    several = (
        sa.select(held)
        .where(credentials.c.expires > now_utc_s, held.is_not(None))
        .group_by(held)
        .having(sa.func.count() > 1)
    )
    rows = connection.execute(
        sa.select(held, credentials.c.id).where(held.in_(several)).order_by(credentials.c.id.desc())
    )
    return {row.holder_id: row.id for row in rows}


def not_valid(connection: sa.Connection) -> tuple[tuple[int, Status], ...]:
    """Returns index and status of everything that is not valid, ascending."""
    rows = connection.execute(
        sa.select(credentials.c.status_index, credentials.c.status)
        .where(credentials.c.status != int(Status.VALID))
        .order_by(credentials.c.status_index)
    )
    return tuple((row.status_index, Status(row.status)) for row in rows)


def lock_list(connection: sa.Connection, site: str) -> ListState:
    """Returns where the list stands and keeps others from changing it until we commit."""
    columns = (status_lists.c[name] for name in ListState.__dataclass_fields__)
    wanted = sa.select(*columns).where(status_lists.c.site == site).with_for_update()
    return ListState(**connection.execute(wanted).one()._asdict())


def list_number(connection: sa.Connection, site: str) -> int:
    """Returns the newest number of a site's list."""
    wanted = sa.select(status_lists.c.seq).where(status_lists.c.site == site)
    return int(connection.execute(wanted).scalar_one())


def add_list(connection: sa.Connection, site: str, state: ListState, full_wire: bytes) -> None:
    """Inserts a site's first list."""
    values = {name: getattr(state, name) for name in ListState.__dataclass_fields__}
    connection.execute(
        sa.insert(status_lists).values(site=site, full_wire=full_wire, delta_wire=b"", **values)
    )


def change_list(connection: sa.Connection, site: str, **values: int | bytes) -> None:
    """Sets columns of a site's list."""
    connection.execute(sa.update(status_lists).where(status_lists.c.site == site).values(**values))


def list_wires(connection: sa.Connection, site: str) -> tuple[bytes, bytes]:
    """Returns the signed full list and the signed delta (empty when there is none)."""
    row = connection.execute(
        sa.select(status_lists.c.full_wire, status_lists.c.delta_wire).where(
            status_lists.c.site == site
        )
    ).one()
    return row.full_wire, row.delta_wire


def add_changes(
    connection: sa.Connection, site: str, seq: int, changes: Iterable[tuple[int, Status]]
) -> None:
    """Keeps what changed at one sequence number."""
    rows = [
        {"site": site, "seq": seq, "status_index": index, "status": int(status)}
        for index, status in changes
    ]
    if rows:
        connection.execute(sa.insert(status_changes), rows)


def changes_since(
    connection: sa.Connection, site: str, base_seq: int
) -> tuple[tuple[int, Status], ...]:
    """Returns the latest change of each index after `base_seq`, ascending by index."""
    rows = connection.execute(
        sa.select(status_changes.c.status_index, status_changes.c.status)
        .where(status_changes.c.site == site, status_changes.c.seq > base_seq)
        .order_by(status_changes.c.seq, status_changes.c.id)
    )
    latest = {row.status_index: Status(row.status) for row in rows}
    return tuple(sorted(latest.items()))
