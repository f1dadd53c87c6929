"""Commands to gateways and what they brought back."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from doorward.outcomes import Attachment, JobState
from doorward_controller.store.schema import command_attachments, commands, gateways


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCommand:
    """A command as its services need it.

    Attributes:
        seq: number of the gateway's newest word about it.
        sent_at_utc_ms: None while it waits for its gateway.
    """

    id: str
    gateway_id: int
    name: str
    state: JobState
    seq: int
    asked_by: str
    expires_at_utc_s: int
    sent_at_utc_ms: int | None
    wire: bytes


_STORED = tuple(commands.c[name] for name in StoredCommand.__dataclass_fields__)


def add(connection: sa.Connection, **values: object) -> None:
    """Inserts a command."""
    connection.execute(sa.insert(commands).values(**values))


def find(connection: sa.Connection, command_id: str, *, lock: bool = False) -> StoredCommand | None:
    """Returns a command; with `lock` nobody else changes it within the transaction."""
    statement = sa.select(*_STORED).where(commands.c.id == command_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else _stored(row)


def waiting_for(
    connection: sa.Connection, gateway_id: int, now_utc_s: int
) -> tuple[StoredCommand, ...]:
    """Returns what was never sent to a gateway and has not expired, oldest first."""
    rows = connection.execute(
        sa.select(*_STORED)
        .where(
            commands.c.gateway_id == gateway_id,
            commands.c.state == JobState.QUEUED.value,
            commands.c.sent_at_utc_ms.is_(None),
            commands.c.expires_at_utc_s > now_utc_s,
        )
        .order_by(commands.c.asked_at_utc_ms, commands.c.id)
        .with_for_update()
    )
    return tuple(_stored(row) for row in rows)


def unanswered(
    connection: sa.Connection,
    gateway_id: int,
    *,
    expired_after_s: int,
    sent_before_ms: int,
    but: str,
    limit: int,
) -> tuple[StoredCommand, ...]:
    """Returns what was sent to a gateway and of whose end nothing was heard, oldest first.

    Args:
        connection: of the transaction.
        gateway_id: whose.
        expired_after_s: what expired before is not asked about any more.
        sent_before_ms: what was sent later may still be on its way.
        but: the name of a command that is left out.
        limit: at most so many.
    """
    open_ = [state.value for state in (JobState.QUEUED, JobState.IN_PROGRESS, JobState.TIMED_OUT)]
    rows = connection.execute(
        sa.select(*_STORED)
        .where(
            commands.c.gateway_id == gateway_id,
            commands.c.state.in_(open_),
            commands.c.sent_at_utc_ms <= sent_before_ms,
            commands.c.expires_at_utc_s > expired_after_s,
            commands.c.name != but,
        )
        .order_by(commands.c.asked_at_utc_ms, commands.c.id)
        .limit(limit)
    )
    return tuple(_stored(row) for row in rows)


def overdue(
    connection: sa.Connection, *, unsent_s: int, sent_s: int, begun_s: int
) -> tuple[StoredCommand, ...]:
    """Returns commands that expired at or before a time (UTC seconds) by how far they came."""
    queued, begun = JobState.QUEUED.value, JobState.IN_PROGRESS.value
    expires, sent = commands.c.expires_at_utc_s, commands.c.sent_at_utc_ms
    rows = connection.execute(
        sa.select(*_STORED)
        .where(
            sa.or_(
                sa.and_(commands.c.state == queued, sent.is_(None), expires <= unsent_s),
                sa.and_(commands.c.state == queued, sent.is_not(None), expires <= sent_s),
                sa.and_(commands.c.state == begun, expires <= begun_s),
            )
        )
        .order_by(commands.c.id)
    )
    return tuple(_stored(row) for row in rows)


def mark_sent(connection: sa.Connection, ids: Sequence[str], now_utc_ms: int) -> None:
    """Notes that commands are handed to the broker."""
    connection.execute(
        sa.update(commands).where(commands.c.id.in_(ids)).values(sent_at_utc_ms=now_utc_ms)
    )


def change(
    connection: sa.Connection, command_id: str, from_state: JobState, **values: object
) -> bool:
    """Sets columns where the command is still in `from_state`; says whether it was."""
    changed = connection.execute(
        sa.update(commands)
        .where(commands.c.id == command_id, commands.c.state == from_state.value)
        .values(**values)
    )
    return changed.rowcount == 1


def keep_attachment(
    connection: sa.Connection, command_id: str, attachment: Attachment, now_utc_ms: int
) -> None:
    """Keeps what a command brought back; the first one stays."""
    known = sa.select(command_attachments.c.command_id).where(
        command_attachments.c.command_id == command_id
    )
    if connection.execute(known).one_or_none() is None:
        connection.execute(
            sa.insert(command_attachments).values(
                command_id=command_id,
                kind=attachment.kind.value,
                is_personal=attachment.is_personal,
                received_at_utc_ms=now_utc_ms,
                sealed=attachment.sealed,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttachment:
    """What a command brought back, still sealed."""

    gateway: str
    kind: str
    is_personal: bool
    sealed: bytes


def attachment(connection: sa.Connection, command_id: str) -> StoredAttachment | None:
    """Returns what a command brought back."""
    row = connection.execute(
        sa.select(
            gateways.c.name.label("gateway"),
            command_attachments.c.kind,
            command_attachments.c.is_personal,
            command_attachments.c.sealed,
        )
        .join(commands, commands.c.id == command_attachments.c.command_id)
        .join(gateways, gateways.c.id == commands.c.gateway_id)
        .where(commands.c.id == command_id)
    ).one_or_none()
    return None if row is None else StoredAttachment(**row._asdict())


def _stored(row: sa.Row[tuple[object, ...]]) -> StoredCommand:
    values = row._asdict()
    return StoredCommand(**{**values, "state": JobState(values["state"])})
