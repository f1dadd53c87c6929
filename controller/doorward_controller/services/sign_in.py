"""Signing in: a password, a second factor where there is one, and sessions in the database."""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from doorward_controller.config import Config
from doorward_controller.domain.permissions import Action, Actor, for_programs, narrower
from doorward_controller.services import audit, passwords, proving
from doorward_controller.services.backend import Backend
from doorward_controller.services.proving import (
    Factor,
    SignInRefusal,
    SignInRefused,
    actor_of,
)
from doorward_controller.store import accounts, api_tokens, operator_sessions
from doorward_controller.store.accounts import Operator
from doorward_controller.store.operator_sessions import NewSession, StoredSession, StoredStep

__all__ = ["Factor", "SignInRefusal", "SignInRefused"]

COOKIE = "doorward_session"
STEP_COOKIE = "doorward_sign_in"
STEP_S = 5 * 60
"""How long a second factor may take."""

_TOUCH_S = 60
"""A session's or token's last use is written at most this often."""

SECOND = "second_factor"
AFTER_OUTSIDE = b"outside"
"""What a second factor's step remembers where an outside account was the first."""

_OUTSIDE = frozenset({Factor.OUTSIDE, Factor.OUTSIDE_STRONG, Factor.OUTSIDE_CODE})
_CHARACTERS_OF_BROWSER = 300

_nobody: list[str] = []


class Duty(StrEnum):
    """What somebody must do before anything else."""

    CHANGE_PASSWORD = "change_password"  # noqa: S105  # no password
    SET_UP_SECOND_FACTOR = "set_up_second_factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A signed-in browser.

    Attributes:
        token_hash: by what the session is found; not what the cookie holds.
        factor: by what it began.
        proved_at_utc_s: when its operator last proved who they are.
        duties: what is to be done before anything else.
    """

    actor: Actor
    token_hash: bytes
    csrf: str
    expires_at_utc_s: int
    language: str | None
    factor: Factor
    proved_at_utc_s: int
    duties: tuple[Duty, ...]
    has_second_factor: bool

    def is_fresh(self, config: Config, now_utc_s: int) -> bool:
        """Whether the operator has proved who they are a moment ago."""
        return now_utc_s - self.proved_at_utc_s < config.accounts.fresh_minutes * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """The cookie's value, shown this once, and the session behind it."""

    token: str
    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactorNeeded:
    """The password was right; `token` continues with the second factor."""

    token: str


def sign_in(
    backend: Backend, *, name: str, password: str, client: str, browser: str = "", code: str = ""
) -> SignedIn | SignInRefused | SecondFactorNeeded:
    """Checks a name and a password, and the code where one is needed and given.

    The slow hash runs outside any transaction.
    """
    with backend.store.read() as connection:
        operator = accounts.find_operator(connection, name)
    before = proving.refusal_before(backend, name, operator, client)
    if before is not None:
        return before
    right = passwords.is_right(operator.password_hash if operator else _nobodys_hash(), password)
    if operator is None or not right:
        return proving.failed(backend, name, operator, client)
    if operator.disabled:
        return proving.refused(backend, operator, SignInRefusal.DISABLED, client)
    if not operator.has_second_factor:
        return open_session(backend, operator, Factor.PASSWORD, client, browser)
    if code:
        return _with_code(backend, operator, code, client, browser)
    return SecondFactorNeeded(token=begin_step(backend, SECOND, operator.id))


def finish(
    backend: Backend, *, token: str, code: str, client: str, browser: str = ""
) -> SignedIn | SignInRefused:
    """Checks the second factor of a sign-in that was begun."""
    now_s = backend.clock.now().utc_s
    with backend.store.read() as connection:
        step = operator_sessions.find_step(connection, token_hash(token), now_s)
        operator = None
        outside = step is not None and step.challenge == AFTER_OUTSIDE
        if step is not None and step.purpose == SECOND and step.operator_id is not None:
            operator = accounts.operator_with_id(connection, step.operator_id)
    if operator is None or operator.disabled:
        return SignInRefused(reason=SignInRefusal.OVER)
    before = proving.refusal_before(backend, operator.name, operator, client)
    if before is not None:
        return before
    proven = Factor.OUTSIDE_CODE if outside else None
    result = _with_code(backend, operator, code, client, browser, proven)
    if isinstance(result, SignedIn):
        with backend.store.write() as connection:
            operator_sessions.end_step(connection, token_hash(token))
    return result


def confirm(backend: Backend, session: Session, proof: str, client: str) -> SignInRefused | None:
    """Has a session's operator prove again who they are; None when they did.

    Who has a second factor gives a code of it, everybody else the password.
    """
    with backend.store.read() as connection:
        operator = accounts.find_operator(connection, session.actor.name)
    if operator is None or operator.disabled:
        return SignInRefused(reason=SignInRefusal.OVER)
    before = proving.refusal_before(backend, operator.name, operator, client)
    if before is not None:
        return before
    factor: Factor | None
    if operator.has_second_factor:
        with backend.store.write() as connection:
            factor = proving.take_code(connection, backend, operator, proof)
    else:
        factor = Factor.PASSWORD if passwords.is_right(operator.password_hash, proof) else None
    if factor is None:
        return proving.failed(backend, operator.name, operator, client)
    note_proof(backend, session, factor)
    return None


def note_proof(backend: Backend, session: Session, factor: Factor) -> None:
    """Remembers that a session's operator has just proved who they are."""
    now = backend.clock.now()
    with backend.store.write() as connection:
        operator_sessions.change_session(connection, session.token_hash, proved_at_utc_s=now.utc_s)
        if session.actor.operator_id is not None:
            accounts.change_operator(
                connection, session.actor.operator_id, failures=0, locked_until_utc_s=0
            )
        audit.append(
            connection, now.utc_ms, session.actor, "prove",
            subject=session.actor.name, detail={"factor": factor.value},
        )  # fmt: skip


def resume(backend: Backend, token: str) -> Session | None:
    """Returns the session of a cookie, None when it has ended or its account is closed."""
    now_utc_s = backend.clock.now().utc_s
    hashed = token_hash(token)
    with backend.store.read() as connection:
        found = operator_sessions.find_session(connection, hashed)
    if found is None or found.operator.disabled or is_over(backend.config, found, now_utc_s):
        return None
    if now_utc_s - found.seen_at_utc_s >= _TOUCH_S:
        with backend.store.write() as connection:
            operator_sessions.change_session(connection, hashed, seen_at_utc_s=now_utc_s)
    return _session(backend.config, found, now_utc_s)


def resume_bearer(backend: Backend, token: str) -> Actor | None:
    """Returns on whose behalf an API token acts, None when it has ended."""
    now_utc_s = backend.clock.now().utc_s
    hashed = token_hash(token)
    with backend.store.read() as connection:
        found = api_tokens.find_token(connection, hashed)
    if found is None:
        return None
    stored, operator = found
    if operator.disabled or stored.expires_at_utc_s <= now_utc_s:
        return None
    if now_utc_s - (stored.used_at_utc_s or 0) >= _TOUCH_S:
        with backend.store.write() as connection:
            api_tokens.use_token(connection, hashed, now_utc_s)
    most = for_programs(operator.role)
    scope = frozenset(Action(name) for name in stored.scope.split()) & most
    actor = actor_of(operator)
    return Actor(
        name=actor.name,
        role=actor.role,
        operator_id=actor.operator_id,
        scope=scope if stored.scope else most,
        zones=narrower(actor.zones, accounts.zones_of(stored.zones)),
    )


def sign_out(backend: Backend, token: str) -> None:
    """Ends the session of a cookie; an unknown one is no error."""
    now = backend.clock.now()
    hashed = token_hash(token)
    with backend.store.write() as connection:
        found = operator_sessions.find_session(connection, hashed)
        if found is not None:
            operator_sessions.end_session(connection, hashed)
            actor = actor_of(found.operator)
            audit.append(connection, now.utc_ms, actor, "sign_out", subject=actor.name)


def set_language(backend: Backend, token: str, language: str) -> None:
    """Remembers the language that the session's operator reads."""
    with backend.store.write() as connection:
        found = operator_sessions.find_session(connection, token_hash(token))
        if found is not None:
            accounts.change_operator(connection, found.operator.id, language=language)


def open_session(
    backend: Backend, operator: Operator, factor: Factor, client: str, browser: str
) -> SignedIn:
    """Signs in somebody who has proved who they are."""
    now = backend.clock.now()
    token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    new = NewSession(
        token_hash=token_hash(token),
        operator_id=operator.id,
        csrf=csrf,
        client=client[:200],
        browser=browser[:_CHARACTERS_OF_BROWSER],
        factor=factor.value,
        now_utc_s=now.utc_s,
        expires_at_utc_s=now.utc_s + backend.config.accounts.session_hours * 3600,
    )
    with backend.store.write() as connection:
        accounts.change_operator(
            connection, operator.id,
            failures=0, locked_until_utc_s=0, signed_in_at_utc_s=now.utc_s,
        )  # fmt: skip
        operator_sessions.add_session(connection, new)
        found = operator_sessions.find_session(connection, new.token_hash)
        if found is None:
            raise LookupError("the session that was just added is not there")
        audit.append(
            connection, now.utc_ms, actor_of(operator), "sign_in",
            subject=operator.name, detail={"factor": factor.value, "from": client[:64]},
        )  # fmt: skip
    return SignedIn(token=token, session=_session(backend.config, found, now.utc_s))


def begin_step(
    backend: Backend, purpose: str, operator_id: int | None, challenge: bytes = b""
) -> str:
    """Keeps what was begun for some minutes; returns the token that continues it."""
    now_s = backend.clock.now().utc_s
    token = secrets.token_urlsafe(32)
    step = StoredStep(
        purpose=purpose,
        operator_id=operator_id,
        challenge=challenge,
        expires_at_utc_s=now_s + STEP_S,
    )
    with backend.store.write() as connection:
        operator_sessions.begin_step(connection, token_hash(token), step, now_s)
    return token


def token_hash(token: str) -> bytes:
    """Returns what the database keeps of a random token; 256 bits need no slow hash."""
    return sha256(token.encode("utf-8", "replace")).digest()


def is_over(config: Config, session: StoredSession, now_utc_s: int) -> bool:
    """Whether a session has ended, by its age or because nobody used it."""
    idle_s = config.accounts.idle_minutes * 60
    return session.expires_at_utc_s <= now_utc_s or session.seen_at_utc_s + idle_s <= now_utc_s


def _with_code(
    backend: Backend,
    operator: Operator,
    code: str,
    client: str,
    browser: str,
    proven: Factor | None = None,
) -> SignedIn | SignInRefused:
    with backend.store.write() as connection:
        factor = proving.take_code(connection, backend, operator, code)
    if factor is None:
        return proving.failed(backend, operator.name, operator, client)
    return open_session(backend, operator, proven or factor, client, browser)


def _nobodys_hash() -> str:
    """Checked for unknown names, so that the answer takes as long as for known ones."""
    if not _nobody:
        _nobody.append(passwords.hashed(secrets.token_urlsafe(16)))
    return _nobody[0]


def _session(config: Config, found: StoredSession, now_utc_s: int) -> Session:
    operator, factor = found.operator, Factor(found.factor)
    return Session(
        actor=actor_of(operator),
        token_hash=found.token_hash,
        csrf=found.csrf,
        expires_at_utc_s=found.expires_at_utc_s,
        language=operator.language or None,
        factor=factor,
        proved_at_utc_s=found.proved_at_utc_s,
        duties=duties_of(config, operator, now_utc_s, factor),
        has_second_factor=operator.has_second_factor,
    )


def duties_of(
    config: Config, operator: Operator, now_utc_s: int, factor: Factor = Factor.PASSWORD
) -> tuple[Duty, ...]:
    """Returns what an operator must do before anything else, in order.

    Who came by an outside account has no need of the password here, nor of a second factor here
    where the provider vouches for one.
    """
    days = config.accounts.password_days
    is_old = bool(days) and now_utc_s - operator.password_set_at_utc_s >= days * 86_400
    due = []
    if (operator.must_change or is_old) and factor not in _OUTSIDE:
        due.append(Duty.CHANGE_PASSWORD)
    if operator.role.value in config.accounts.second_factor_roles and (
        not operator.has_second_factor and factor is not Factor.OUTSIDE_STRONG
    ):
        due.append(Duty.SET_UP_SECOND_FACTOR)
    return tuple(due)
