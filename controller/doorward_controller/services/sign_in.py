"""Signing in: argon2, a lock after repeated failures, and sessions that live in the database."""

import secrets
from dataclasses import dataclass
from enum import StrEnum

from argon2.exceptions import InvalidHashError, VerifyMismatchError

from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.services import accounts as acts
from doorward_controller.services import audit
from doorward_controller.services.accounts import MAX_PASSWORD, token_hash
from doorward_controller.services.backend import Backend
from doorward_controller.store import accounts
from doorward_controller.store.accounts import Operator, StoredSession

COOKIE = "doorward_session"
MAX_FAILURES = 5
LOCK_S = 15 * 60
SESSION_S = 12 * 3600
"""A working day; nobody stays signed in overnight."""
IDLE_S = 2 * 3600
_TOUCH_S = 60
"""A session's last use is written at most this often."""

_NOBODY = acts.hasher.hash(secrets.token_urlsafe(16))
"""Checked for unknown names, so that the answer takes as long as for known ones."""


class SignInRefusal(StrEnum):
    """Why somebody was not signed in."""

    WRONG = "wrong"
    LOCKED = "locked"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in browser."""

    actor: Actor
    csrf: str
    expires_at_utc_s: int
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The cookie's value, shown this once, and the session behind it."""

    token: str
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRefused:
    """Nobody was signed in; `retry_at_utc_s` says when a locked account opens again."""

    reason: SignInRefusal
    retry_at_utc_s: int | None = None


def sign_in(backend: Backend, *, name: str, password: str, client: str) -> SignedIn | SignInRefused:
    """Checks a name and a password. The slow hash runs outside any transaction."""
    now = backend.clock.now()
    with backend.store.read() as connection:
        operator = accounts.find_operator(connection, name)
    if operator is not None and operator.locked_until_utc_s > now.utc_s:
        return _refused(backend, operator, SignInRefusal.LOCKED, operator.locked_until_utc_s)
    right = _is_right(operator.password_hash if operator else _NOBODY, password)
    if operator is None or not right:
        return _failed(backend, operator)
    if operator.disabled:
        return _refused(backend, operator, SignInRefusal.DISABLED)
    return _open_session(backend, operator, client)


def resume(backend: Backend, token: str) -> Session | None:
    """Returns the session of a cookie, None when it has ended or its account is closed."""
    now_utc_s = backend.clock.now().utc_s
    hashed = token_hash(token)
    with backend.store.read() as connection:
        found = accounts.find_session(connection, hashed)
    if found is None or found.operator.disabled or _is_over(found, now_utc_s):
        return None
    if now_utc_s - found.seen_at_utc_s >= _TOUCH_S:
        with backend.store.write() as connection:
            accounts.touch_session(connection, hashed, now_utc_s)
    return _session(found.operator, found.csrf, found.expires_at_utc_s)


def resume_bearer(backend: Backend, token: str) -> Actor | None:
    """Returns on whose behalf an API token acts, None when it has ended."""
    with backend.store.read() as connection:
        operator = accounts.find_token_holder(
            connection, token_hash(token), backend.clock.now().utc_s
        )
    return None if operator is None or operator.disabled else _actor(operator)


def sign_out(backend: Backend, token: str) -> None:
    """Ends the session of a cookie; an unknown one is no error."""
    now = backend.clock.now()
    hashed = token_hash(token)
    with backend.store.write() as connection:
        found = accounts.find_session(connection, hashed)
        if found is not None:
            accounts.end_session(connection, hashed)
            actor = _actor(found.operator)
            audit.append(connection, now.utc_ms, actor, "sign_out", subject=actor.name)


def set_language(backend: Backend, token: str, language: str) -> None:
    """Remembers the language that the session's operator reads."""
    with backend.store.write() as connection:
        found = accounts.find_session(connection, token_hash(token))
        if found is not None:
            accounts.change_operator(connection, found.operator.id, language=language)


def _is_right(password_hash: str, password: str) -> bool:
    try:
        return acts.hasher.verify(password_hash, password[: MAX_PASSWORD + 1])
    except (VerifyMismatchError, InvalidHashError):
        return False


def _failed(backend: Backend, operator: Operator | None) -> SignInRefused:
    """Counts the failure; the fifth in a row locks the account for a while."""
    if operator is None:
        return _refused(backend, None, SignInRefusal.WRONG)
    now_utc_s = backend.clock.now().utc_s
    with backend.store.write() as connection:
        fresh = accounts.find_operator(connection, operator.name) or operator
        failures = fresh.failures + 1
        locked = now_utc_s + LOCK_S if failures >= MAX_FAILURES else 0
        accounts.change_operator(
            connection,
            operator.id,
            failures=0 if locked else failures,
            locked_until_utc_s=max(locked, fresh.locked_until_utc_s),
        )
    if locked:
        return _refused(backend, operator, SignInRefusal.LOCKED, locked)
    return _refused(backend, operator, SignInRefusal.WRONG)


def _refused(
    backend: Backend, operator: Operator | None, reason: SignInRefusal, retry_at: int | None = None
) -> SignInRefused:
    """An unknown name is not written down: people type their password there."""
    now = backend.clock.now()
    actor = _actor(operator) if operator else Actor(name="unknown", role=Role.AUDITOR)
    with backend.store.write() as connection:
        audit.append(
            connection, now.utc_ms, actor, "sign_in", subject=actor.name, outcome=reason.value
        )
    return SignInRefused(reason=reason, retry_at_utc_s=retry_at)


def _open_session(backend: Backend, operator: Operator, client: str) -> SignedIn:
    now = backend.clock.now()
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    expires = now.utc_s + SESSION_S
    actor = _actor(operator)
    with backend.store.write() as connection:
        accounts.change_operator(connection, operator.id, failures=0, locked_until_utc_s=0)
        accounts.add_session(
            connection,
            token_hash(token),
            operator.id,
            csrf=csrf,
            client=client[:200],
            now_utc_s=now.utc_s,
            expires_at_utc_s=expires,
        )
        audit.append(connection, now.utc_ms, actor, "sign_in", subject=actor.name)
    return SignedIn(token=token, session=_session(operator, csrf, expires))


def _is_over(session: StoredSession, now_utc_s: int) -> bool:
    return session.expires_at_utc_s <= now_utc_s or session.seen_at_utc_s + IDLE_S <= now_utc_s


def _actor(operator: Operator) -> Actor:
    return Actor(name=operator.name, role=operator.role, operator_id=operator.id)


def _session(operator: Operator, csrf: str, expires_at_utc_s: int) -> Session:
    return Session(
        actor=_actor(operator),
        csrf=csrf,
        expires_at_utc_s=expires_at_utc_s,
        language=operator.language or None,
    )
