"""Accounts at an outside provider that operators sign in by, and invitations to link one."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.account_tables import outside_accounts, outside_invitations


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideAccount:
    """An account there: by issuer and subject alone, never by a name or an address."""

    issuer: str
    subject: str
    operator_id: int
    linked_by: str
    linked_at_utc_s: int
    used_at_utc_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A word of an administrator: whoever holds it links their account to the operator."""

    operator_id: int
    invited_by: str
    expires_at_utc_s: int


def find(connection: sa.Connection, issuer: str, subject: str) -> OutsideAccount | None:
    """Returns the account of this pair."""
    table = outside_accounts.c
    return _one(connection, table.issuer == issuer, table.subject == subject)


def of_operator(connection: sa.Connection, operator_id: int) -> OutsideAccount | None:
    """Returns the account by which an operator signs in."""
    return _one(connection, outside_accounts.c.operator_id == operator_id)


def add(connection: sa.Connection, account: OutsideAccount) -> None:
    """Links an account."""
    values = {name: getattr(account, name) for name in OutsideAccount.__dataclass_fields__}
    connection.execute(sa.insert(outside_accounts).values(**values))


def use(connection: sa.Connection, issuer: str, subject: str, now_utc_s: int) -> None:
    """Notes that somebody signed in by an account."""
    table = outside_accounts.c
    here = sa.update(outside_accounts).where(table.issuer == issuer, table.subject == subject)
    connection.execute(here.values(used_at_utc_s=now_utc_s))


def remove(connection: sa.Connection, operator_id: int) -> int:
    """Forgets an operator's account and invitations; returns how many accounts there were."""
    end_invitations(connection, operator_id)
    gone = sa.delete(outside_accounts).where(outside_accounts.c.operator_id == operator_id)
    return connection.execute(gone).rowcount


def invite(connection: sa.Connection, token_hash: bytes, invitation: Invitation) -> None:
    """Keeps an invitation; the one before it ends."""
    end_invitations(connection, invitation.operator_id)
    connection.execute(
        sa.insert(outside_invitations).values(
            token_hash=token_hash,
            operator_id=invitation.operator_id,
            invited_by=invitation.invited_by,
            expires_at_utc_s=invitation.expires_at_utc_s,
        )
    )


def invitation(connection: sa.Connection, token_hash: bytes, now_utc_s: int) -> Invitation | None:
    """Returns an invitation that still counts."""
    table = outside_invitations.c
    row = connection.execute(
        sa.select(table.operator_id, table.invited_by, table.expires_at_utc_s).where(
            table.token_hash == token_hash, table.expires_at_utc_s > now_utc_s
        )
    ).one_or_none()
    return None if row is None else Invitation(**row._asdict())


def end_invitations(connection: sa.Connection, operator_id: int) -> int:
    """Ends what invites an operator; returns how many there were."""
    gone = sa.delete(outside_invitations).where(outside_invitations.c.operator_id == operator_id)
    return connection.execute(gone).rowcount


def _one(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> OutsideAccount | None:
    row = connection.execute(sa.select(outside_accounts).where(*conditions)).one_or_none()
    return None if row is None else OutsideAccount(**row._asdict())
