"""Operators, their sessions and their API tokens. Only hashes of secrets are kept."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.permissions import Role
from doorward_controller.store.schema import api_tokens, operators, sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person who may sign in."""

    id: int
    name: str
    role: Role
    password_hash: str
    disabled: bool
    failures: int
    locked_until_utc_s: int
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A signed-in browser and who sits before it."""

    operator: Operator
    csrf: str
    seen_at_utc_s: int
    expires_at_utc_s: int


_OPERATOR = tuple(operators.c[name] for name in Operator.__dataclass_fields__)


def _operator(row: sa.Row[tuple[object, ...]]) -> Operator:
    values = {name: row._mapping[name] for name in Operator.__dataclass_fields__}  # noqa: SLF001  # SQLAlchemy's public name
    return Operator(**{**values, "role": Role(values["role"])})


def find_operator(connection: sa.Connection, name: str) -> Operator | None:
    """Returns the operator with that name."""
    row = connection.execute(sa.select(*_OPERATOR).where(operators.c.name == name)).one_or_none()
    return None if row is None else _operator(row)


def add_operator(
    connection: sa.Connection, name: str, role: Role, password_hash: str, now_utc_s: int
) -> int:
    """Inserts an operator and returns the id."""
    statement = sa.insert(operators).values(
        name=name,
        role=role.value,
        password_hash=password_hash,
        disabled=False,
        failures=0,
        locked_until_utc_s=0,
        created_at_utc_s=now_utc_s,
        language="",
    )
    return int(connection.execute(statement.returning(operators.c.id)).scalar_one())


def change_operator(
    connection: sa.Connection, operator_id: int, **values: str | int | bool
) -> None:
    """Sets columns of one operator."""
    statement = sa.update(operators).where(operators.c.id == operator_id).values(**values)
    connection.execute(statement)


def add_session(
    connection: sa.Connection,
    token_hash: bytes,
    operator_id: int,
    *,
    csrf: str,
    client: str,
    now_utc_s: int,
    expires_at_utc_s: int,
) -> None:
    """Inserts a session and clears those that have ended."""
    connection.execute(sa.delete(sessions).where(sessions.c.expires_at_utc_s <= now_utc_s))
    connection.execute(
        sa.insert(sessions).values(
            token_hash=token_hash,
            operator_id=operator_id,
            csrf=csrf,
            client=client,
            created_at_utc_s=now_utc_s,
            seen_at_utc_s=now_utc_s,
            expires_at_utc_s=expires_at_utc_s,
        )
    )


def find_session(connection: sa.Connection, token_hash: bytes) -> StoredSession | None:
    """Returns the session with that token, ended or not."""
    found = connection.execute(
        sa.select(
            sessions.c.csrf, sessions.c.seen_at_utc_s, sessions.c.expires_at_utc_s, *_OPERATOR
        )
        .join(operators, operators.c.id == sessions.c.operator_id)
        .where(sessions.c.token_hash == token_hash)
    ).one_or_none()
    if found is None:
        return None
    return StoredSession(
        operator=_operator(found),
        csrf=found.csrf,
        seen_at_utc_s=found.seen_at_utc_s,
        expires_at_utc_s=found.expires_at_utc_s,
    )


def touch_session(connection: sa.Connection, token_hash: bytes, now_utc_s: int) -> None:
    """Notes that the session was used."""
    statement = sa.update(sessions).where(sessions.c.token_hash == token_hash)
    connection.execute(statement.values(seen_at_utc_s=now_utc_s))


def end_session(connection: sa.Connection, token_hash: bytes) -> None:
    """Deletes one session."""
    connection.execute(sa.delete(sessions).where(sessions.c.token_hash == token_hash))


def end_access_of(connection: sa.Connection, operator_id: int) -> None:
    """Deletes every session and token of an operator."""
    for table in (sessions, api_tokens):
        connection.execute(sa.delete(table).where(table.c.operator_id == operator_id))


def add_token(
    connection: sa.Connection,
    token_hash: bytes,
    operator_id: int,
    *,
    label: str,
    now_utc_s: int,
    expires_at_utc_s: int,
) -> None:
    """Inserts an API token."""
    connection.execute(
        sa.insert(api_tokens).values(
            token_hash=token_hash,
            operator_id=operator_id,
            label=label,
            created_at_utc_s=now_utc_s,
            expires_at_utc_s=expires_at_utc_s,
        )
    )


def find_token_holder(
    connection: sa.Connection, token_hash: bytes, now_utc_s: int
) -> Operator | None:
    """Returns whose token that is, None when it is unknown or has ended."""
    row = connection.execute(
        sa.select(*_OPERATOR)
        .join(api_tokens, api_tokens.c.operator_id == operators.c.id)
        .where(api_tokens.c.token_hash == token_hash, api_tokens.c.expires_at_utc_s > now_utc_s)
    ).one_or_none()
    return None if row is None else _operator(row)
