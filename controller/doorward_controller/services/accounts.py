"""Operators and their API tokens: made, changed and closed by who manages accounts."""

import secrets
from hashlib import sha256

from argon2 import PasswordHasher

from doorward.errors import BadIdError
from doorward.ids import parse_name
from doorward_controller.domain.permissions import Action, Actor, Role
from doorward_controller.errors import ConflictError, InvalidError, NotFoundError
from doorward_controller.services.acting import Act, act
from doorward_controller.services.backend import Backend
from doorward_controller.store import accounts
from doorward_controller.store.accounts import Operator

MIN_PASSWORD = 12
MAX_PASSWORD = 256
TOKEN_PREFIX = "dwt_"  # noqa: S105  # lets scanners of leaked secrets recognise ours
MAX_TOKEN_LIFETIME_S = 366 * 86_400

hasher = PasswordHasher()
"""argon2id with the parameters that RFC 9106 recommends for memory-constrained machines."""


def create_operator(backend: Backend, actor: Actor, *, name: str, password: str, role: Role) -> int:
    """Returns the id of a new account. Raises ForbiddenError, InvalidError or ConflictError."""
    with act(backend, actor, Action.MANAGE_ACCOUNTS, name="create_operator", subject=name) as doing:
        _check_name(name)
        _check_password(name, password)
        if accounts.find_operator(doing.connection, name) is not None:
            raise ConflictError(f"there is an account {name} already", code="name_taken")
        doing.detail["role"] = role.value
        return accounts.add_operator(
            doing.connection, name, role, hasher.hash(password), doing.now.utc_s
        )


def set_password(backend: Backend, actor: Actor, name: str, password: str) -> None:
    """Sets a new password and ends every session.

    Raises ForbiddenError, InvalidError or NotFoundError.
    """
    with act(backend, actor, Action.MANAGE_ACCOUNTS, name="set_password", subject=name) as doing:
        operator = _find(doing, name)
        _check_password(name, password)
        accounts.change_operator(
            doing.connection,
            operator.id,
            password_hash=hasher.hash(password),
            failures=0,
            locked_until_utc_s=0,
        )
        accounts.end_access_of(doing.connection, operator.id)


def disable_operator(backend: Backend, actor: Actor, name: str) -> None:
    """Closes an account for good. Raises ForbiddenError, NotFoundError or ConflictError."""
    with act(
        backend, actor, Action.MANAGE_ACCOUNTS, name="disable_operator", subject=name
    ) as doing:
        operator = _find(doing, name)
        if operator.id == actor.operator_id:
            raise ConflictError("nobody closes their own account", code="own_account")
        accounts.change_operator(doing.connection, operator.id, disabled=True)
        accounts.end_access_of(doing.connection, operator.id)


def create_token(
    backend: Backend, actor: Actor, *, operator: str, label: str, lifetime_s: int
) -> str:
    """Returns a new bearer token of an operator; it is shown this once and kept as a hash.

    Raises ForbiddenError, InvalidError or NotFoundError.
    """
    with act(
        backend, actor, Action.MANAGE_ACCOUNTS, name="create_token", subject=operator
    ) as doing:
        if not 60 <= lifetime_s <= MAX_TOKEN_LIFETIME_S:
            raise InvalidError(f"lifetime is {lifetime_s} s, must be 60 to {MAX_TOKEN_LIFETIME_S}")
        owner = _find(doing, operator)
        token = TOKEN_PREFIX + secrets.token_urlsafe(32)
        accounts.add_token(
            doing.connection,
            token_hash(token),
            owner.id,
            label=label,
            now_utc_s=doing.now.utc_s,
            expires_at_utc_s=doing.now.utc_s + lifetime_s,
        )
        doing.detail["label"] = label
        return token


def token_hash(token: str) -> bytes:
    """Returns what the database keeps of a random token; 256 bits need no slow hash."""
    return sha256(token.encode()).digest()


def _find(doing: Act, name: str) -> Operator:
    operator = accounts.find_operator(doing.connection, name)
    if operator is None or operator.disabled:
        raise NotFoundError(f"there is no account {name[:40]!r}", code="no_account")
    return operator


def _check_name(name: str) -> None:
    try:
        parse_name(name, "account name")
    except BadIdError as err:
        raise InvalidError(str(err), code="bad_name") from err


def _check_password(name: str, password: str) -> None:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidError(
            f"the password has {len(password)} characters,"
            f" must be {MIN_PASSWORD} to {MAX_PASSWORD}",
            code="password_length",
        )
    if name in password.casefold() or len(set(password)) < 5:
        raise InvalidError(
            "the password is too easy: it holds the account's name or hardly any characters",
            code="password_weak",
        )
