"""Proofs of who somebody is, and what their failures lead to."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

import sqlalchemy as sa

from doorward_controller.domain import lockout, one_time_codes
from doorward_controller.domain.permissions import Actor, Role
from doorward_controller.services import audit
from doorward_controller.services.backend import Backend
from doorward_controller.services.key_vault import KeyVault, seal, unseal
from doorward_controller.store import accounts, second_factors
from doorward_controller.store.accounts import Operator

_RECOVERY_LETTERS = frozenset("0123456789abcdefghjkmnpqrstvwxyz")


class Factor(StrEnum):
    """By what somebody proved who they are; a session keeps the strongest of its beginning."""

    PASSWORD = "password"  # noqa: S105  # a kind, no password
    TOTP = "totp"
    RECOVERY = "recovery"
    PASSKEY = "passkey"
    OUTSIDE = "outside"
    """An account at the organisation's provider, without a word of a second factor."""
    OUTSIDE_STRONG = "outside_strong"
    """The same, and the provider vouches for a second factor."""
    OUTSIDE_CODE = "outside_code"
    """The same, and a code of ours."""


class SignInRefusal(StrEnum):
    """Why somebody was not signed in."""

    WRONG = "wrong"
    LOCKED = "locked"
    DISABLED = "disabled"
    ADDRESS_LOCKED = "address_locked"
    OVER = "over"
    """What was begun lies too far back; begin again."""
    UNREACHABLE = "unreachable"
    """The organisation's provider does not answer, or not as it must."""
    NOT_ACCEPTED = "not_accepted"
    """What the provider's answer brought is not for this sign-in."""
    CANCELLED = "cancelled"
    """The provider says that the person, or it, did not want to."""
    NOT_LINKED = "not_linked"
    """Nobody here is linked to that account."""
    LINKED_ALREADY = "linked_already"
    """The account there, or the one here, is linked to another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRefused:
    """Nobody was signed in.

    Attributes:
        retry_at_utc_s: when a locked account or address opens again; None when it is not locked,
            or until somebody opens it.
    """

    reason: SignInRefusal
    retry_at_utc_s: int | None = None


def actor_of(operator: Operator) -> Actor:
    """Returns the operator as one who acts."""
    return Actor(
        name=operator.name, role=operator.role, operator_id=operator.id, zones=operator.zones
    )


def refusal_before(
    backend: Backend, name: str, operator: Operator | None, client: str
) -> SignInRefused | None:
    """Returns why nothing is checked now: too many failures at this address or account."""
    now_s = backend.clock.now().utc_s
    waits = backend.doorstep.address_locked_until_s(client, now_s)
    if waits:
        return SignInRefused(reason=SignInRefusal.ADDRESS_LOCKED, retry_at_utc_s=waits)
    if operator is None:
        until = backend.doorstep.stranger_locked_until_s(name, now_s)
    else:
        until = operator.locked_until_utc_s if operator.locked_until_utc_s > now_s else 0
    return refused(backend, operator, SignInRefusal.LOCKED, client, until) if until else None


def failed(backend: Backend, name: str, operator: Operator | None, client: str) -> SignInRefused:
    """Counts a failure of the account and of the address; either is locked longer each time."""
    now_s = backend.clock.now().utc_s
    backend.doorstep.address_failed(client, now_s)
    if operator is None:
        until = backend.doorstep.stranger_failed(name, now_s)
    else:
        with backend.store.write() as connection:
            failures = accounts.add_failure(connection, operator.id)
            until = lockout.account_locked_until(failures, now_s)
            accounts.change_operator(connection, operator.id, locked_until_utc_s=until)
    reason = SignInRefusal.LOCKED if until else SignInRefusal.WRONG
    return refused(backend, operator, reason, client, until)


def refused(
    backend: Backend,
    operator: Operator | None,
    reason: SignInRefusal,
    client: str,
    until_utc_s: int = 0,
) -> SignInRefused:
    """Audits a refusal. An unknown name is not written down: people type their password there."""
    now = backend.clock.now()
    actor = actor_of(operator) if operator else Actor(name="unknown", role=Role.AUDITOR)
    with backend.store.write() as connection:
        audit.append(
            connection, now.utc_ms, actor, "sign_in",
            subject=actor.name, outcome=reason.value, detail={"from": client[:64]},
        )  # fmt: skip
    opens_by_itself = 0 < until_utc_s < lockout.FOREVER_UTC_S
    return SignInRefused(reason=reason, retry_at_utc_s=until_utc_s if opens_by_itself else None)


def take_code(
    connection: sa.Connection, backend: Backend, operator: Operator, code: str
) -> Factor | None:
    """Uses up a one-time or recovery code; None when it is wrong or was used before."""
    secret = totp_secret(backend.keys, operator)
    if secret is not None:
        now_s = backend.clock.now().utc_s
        step = one_time_codes.step_of(secret, code, now_s, operator.totp_step)
        if step is not None and accounts.use_step(connection, operator.id, step):
            return Factor.TOTP
    hashed = recovery_hash(code)
    if hashed and second_factors.use_recovery_code(connection, operator.id, hashed):
        return Factor.RECOVERY
    return None


def totp_secret(keys: KeyVault, operator: Operator) -> bytes | None:
    """Returns what the operator's authenticator holds, None without one. Raises KeyVaultError."""
    if operator.totp_sealed is None:
        return None
    return opened_totp(keys, operator.id, operator.totp_sealed)


def opened_totp(keys: KeyVault, operator_id: int, sealed: bytes) -> bytes:
    """Returns what `sealed_totp` made. Raises KeyVaultError."""
    return unseal(keys.second_factors, sealed, _context(operator_id))


def sealed_totp(keys: KeyVault, operator_id: int, secret: bytes) -> bytes:
    """Returns what the database keeps of an authenticator's secret."""
    return seal(keys.second_factors, secret, _context(operator_id))


def recovery_hash(code: str) -> bytes:
    """Returns what is kept of a recovery code; empty for what cannot be one."""
    typed = code.casefold().replace("-", "").replace(" ", "")
    if len(typed) != 16 or not _RECOVERY_LETTERS.issuperset(typed):
        return b""
    return sha256(b"doorward/1/recovery\x00" + typed.encode()).digest()


def _context(operator_id: int) -> bytes:
    return f"second factor of operator {operator_id}".encode()
