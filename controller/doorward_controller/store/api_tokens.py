"""Tokens by which programs act for an operator. Only their hashes are kept."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.account_tables import api_tokens, operators
from doorward_controller.store.accounts import OPERATOR_COLUMNS, Operator, to_operator


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A token, beside its secret. An empty scope is everything that programs may do.

    No zones are those of its owner.
    """

    token_hash: bytes
    operator_id: int
    label: str
    scope: str
    created_by: str
    created_at_utc_s: int
    expires_at_utc_s: int
    used_at_utc_s: int | None
    zones: str | None = None


_COLUMNS = tuple(api_tokens.c[name] for name in StoredToken.__dataclass_fields__)


def add_token(connection: sa.Connection, token: StoredToken) -> None:
    """Inserts a token."""
    values = {name: getattr(token, name) for name in StoredToken.__dataclass_fields__}
    connection.execute(sa.insert(api_tokens).values(**values))


def find_token(connection: sa.Connection, token_hash: bytes) -> tuple[StoredToken, Operator] | None:
    """Returns a token and whose it is, whether it has ended or not."""
    own = [column.label(f"own_{column.name}") for column in _COLUMNS]
    row = connection.execute(
        sa.select(*own, *OPERATOR_COLUMNS)
        .join(operators, operators.c.id == api_tokens.c.operator_id)
        .where(api_tokens.c.token_hash == token_hash)
    ).one_or_none()
    if row is None:
        return None
    values = {name: row._mapping[f"own_{name}"] for name in StoredToken.__dataclass_fields__}  # noqa: SLF001  # SQLAlchemy's public name
    return StoredToken(**values), to_operator(row)


def tokens_of(connection: sa.Connection, operator_id: int) -> tuple[StoredToken, ...]:
    """Returns an operator's tokens, the newest first."""
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(api_tokens.c.operator_id == operator_id)
        .order_by(api_tokens.c.created_at_utc_s.desc(), api_tokens.c.token_hash)
    ).all()
    return tuple(StoredToken(**row._asdict()) for row in rows)


def use_token(connection: sa.Connection, token_hash: bytes, now_utc_s: int) -> None:
    """Notes that a token was used."""
    statement = sa.update(api_tokens).where(api_tokens.c.token_hash == token_hash)
    connection.execute(statement.values(used_at_utc_s=now_utc_s))


def end_token(connection: sa.Connection, token_hash: bytes) -> None:
    """Deletes one token."""
    connection.execute(sa.delete(api_tokens).where(api_tokens.c.token_hash == token_hash))


def end_tokens_of(connection: sa.Connection, operator_id: int) -> int:
    """Deletes an operator's tokens; returns how many there were."""
    statement = sa.delete(api_tokens).where(api_tokens.c.operator_id == operator_id)
    return connection.execute(statement).rowcount
