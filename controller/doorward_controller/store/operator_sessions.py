"""Signed-in browsers, and sign-ins that were begun. Only hashes of their tokens are kept."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.account_tables import operators, sessions, sign_in_steps
from doorward_controller.store.accounts import OPERATOR_COLUMNS, Operator, to_operator

MAX_OPEN_STEPS = 1000
"""Anybody may begin one: the oldest go when there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """What is kept of a browser at the moment of signing in."""

    token_hash: bytes
    operator_id: int
    csrf: str
    client: str
    browser: str
    factor: str
    now_utc_s: int
    expires_at_utc_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A signed-in browser and who sits before it."""

    operator: Operator
    token_hash: bytes
    csrf: str
    factor: str
    began_at_utc_s: int
    seen_at_utc_s: int
    expires_at_utc_s: int
    proved_at_utc_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStep:
    """What was begun: by whom, if that is known, and the challenge that was given."""

    purpose: str
    operator_id: int | None
    challenge: bytes
    expires_at_utc_s: int


def add_session(connection: sa.Connection, new: NewSession) -> None:
    """Inserts a session and clears those that have ended."""
    connection.execute(sa.delete(sessions).where(sessions.c.expires_at_utc_s <= new.now_utc_s))
    connection.execute(
        sa.insert(sessions).values(
            token_hash=new.token_hash,
            operator_id=new.operator_id,
            csrf=new.csrf,
            client=new.client,
            browser=new.browser,
            factor=new.factor,
            created_at_utc_s=new.now_utc_s,
            seen_at_utc_s=new.now_utc_s,
            proved_at_utc_s=new.now_utc_s,
            expires_at_utc_s=new.expires_at_utc_s,
        )
    )


def find_session(connection: sa.Connection, token_hash: bytes) -> StoredSession | None:
    """Returns the session with that token, ended or not."""
    own = sessions.c
    found = connection.execute(
        sa.select(
            own.token_hash,
            own.csrf,
            own.factor,
            own.created_at_utc_s.label("began_at_utc_s"),
            own.seen_at_utc_s,
            own.expires_at_utc_s,
            own.proved_at_utc_s,
            *OPERATOR_COLUMNS,
        )
        .join(operators, operators.c.id == own.operator_id)
        .where(own.token_hash == token_hash)
    ).one_or_none()
    if found is None:
        return None
    names = [name for name in StoredSession.__dataclass_fields__ if name != "operator"]
    values = {name: found._mapping[name] for name in names}  # noqa: SLF001  # SQLAlchemy's public name
    return StoredSession(operator=to_operator(found), **values)


def change_session(connection: sa.Connection, token_hash: bytes, **values: str | int) -> None:
    """Sets columns of one session."""
    statement = sa.update(sessions).where(sessions.c.token_hash == token_hash)
    connection.execute(statement.values(**values))


def end_session(connection: sa.Connection, token_hash: bytes) -> None:
    """Deletes one session."""
    connection.execute(sa.delete(sessions).where(sessions.c.token_hash == token_hash))


def token_hashes_of(connection: sa.Connection, operator_id: int) -> tuple[bytes, ...]:
    """Returns the keys of an operator's sessions."""
    statement = sa.select(sessions.c.token_hash).where(sessions.c.operator_id == operator_id)
    return tuple(connection.scalars(statement))


def end_sessions_of(connection: sa.Connection, operator_id: int, but: bytes = b"") -> int:
    """Deletes an operator's sessions, except one; returns how many there were."""
    statement = sa.delete(sessions).where(
        sessions.c.operator_id == operator_id, sessions.c.token_hash != but
    )
    return connection.execute(statement).rowcount


def begin_step(
    connection: sa.Connection, token_hash: bytes, step: StoredStep, now_utc_s: int
) -> None:
    """Keeps what was begun; what is over goes, and the oldest when there are too many."""
    table = sign_in_steps.c
    connection.execute(sa.delete(sign_in_steps).where(table.expires_at_utc_s <= now_utc_s))
    oldest = (
        sa.select(table.token_hash)
        .order_by(table.expires_at_utc_s.desc())
        .offset(MAX_OPEN_STEPS - 1)
        .limit(MAX_OPEN_STEPS)
    )
    connection.execute(sa.delete(sign_in_steps).where(table.token_hash.in_(oldest)))
    connection.execute(
        sa.insert(sign_in_steps).values(
            token_hash=token_hash,
            purpose=step.purpose,
            operator_id=step.operator_id,
            challenge=step.challenge,
            expires_at_utc_s=step.expires_at_utc_s,
        )
    )


def find_step(connection: sa.Connection, token_hash: bytes, now_utc_s: int) -> StoredStep | None:
    """Returns what was begun with that token, None when it is over."""
    row = connection.execute(
        sa.select(sign_in_steps).where(
            sign_in_steps.c.token_hash == token_hash,
            sign_in_steps.c.expires_at_utc_s > now_utc_s,
        )
    ).one_or_none()
    if row is None:
        return None
    return StoredStep(
        purpose=row.purpose,
        operator_id=row.operator_id,
        challenge=row.challenge,
        expires_at_utc_s=row.expires_at_utc_s,
    )


def end_step(connection: sa.Connection, token_hash: bytes) -> bool:
    """Deletes what was begun; False when it was not there any more."""
    statement = sa.delete(sign_in_steps).where(sign_in_steps.c.token_hash == token_hash)
    return connection.execute(statement).rowcount == 1
