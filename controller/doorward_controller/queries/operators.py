"""Accounts, sessions, tokens and second factors as people see them: without any secret."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.permissions import Role, Zones
from doorward_controller.store import accounts, api_tokens, outside_accounts, second_factors
from doorward_controller.store.account_tables import sessions
from doorward_controller.store.accounts import Operator
from doorward_controller.store.outside_accounts import OutsideAccount
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRow:
    """One account; `zones` are those to which it is limited, none where it has the whole site."""

    name: str
    role: Role
    disabled: bool
    failures: int
    locked_until_utc_s: int
    created_at_utc_s: int
    signed_in_at_utc_s: int | None
    password_set_at_utc_s: int
    must_change: bool
    has_authenticator: bool
    has_passkey: bool
    zones: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One signed-in browser."""

    handle: str
    client: str
    browser: str
    factor: str
    began_at_utc_s: int
    seen_at_utc_s: int
    expires_at_utc_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """One API token. An empty scope is everything that programs of the role may do.

    Without zones it acts wherever its owner may.
    """

    handle: str
    label: str
    scope: tuple[str, ...]
    created_by: str
    created_at_utc_s: int
    expires_at_utc_s: int
    used_at_utc_s: int | None
    zones: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRow:
    """One passkey; `credential_id` is public."""

    credential_id: bytes
    label: str
    created_at_utc_s: int
    used_at_utc_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorsRow:
    """How somebody can prove who they are beside the password."""

    has_authenticator: bool
    passkeys: tuple[PasskeyRow, ...]
    recovery_codes: int


def all_operators(store: Store) -> tuple[OperatorRow, ...]:
    """Returns every account, by name."""
    with store.read() as connection:
        return tuple(map(_row, accounts.all_operators(connection)))


def one_operator(store: Store, name: str) -> OperatorRow | None:
    """Returns one account."""
    with store.read() as connection:
        found = accounts.find_operator(connection, name)
    return None if found is None else _row(found)


def sessions_of(store: Store, name: str, *, now_utc_s: int, idle_s: int) -> tuple[SessionRow, ...]:
    """Returns an account's sessions that have not ended, the one used last first."""
    table = sessions.c
    with store.read() as connection:
        operator = accounts.find_operator(connection, name)
        if operator is None:
            return ()
        rows = connection.execute(
            sa.select(sessions)
            .where(
                table.operator_id == operator.id,
                table.expires_at_utc_s > now_utc_s,
                table.seen_at_utc_s > now_utc_s - idle_s,
            )
            .order_by(table.seen_at_utc_s.desc(), table.created_at_utc_s.desc())
        ).all()
    return tuple(
        SessionRow(
            handle=row.token_hash.hex()[:16],
            client=row.client,
            browser=row.browser,
            factor=row.factor,
            began_at_utc_s=row.created_at_utc_s,
            seen_at_utc_s=row.seen_at_utc_s,
            expires_at_utc_s=row.expires_at_utc_s,
        )
        for row in rows
    )


def tokens_of(store: Store, name: str) -> tuple[TokenRow, ...]:
    """Returns an account's tokens, those that have ended too, the newest first."""
    with store.read() as connection:
        operator = accounts.find_operator(connection, name)
        found = api_tokens.tokens_of(connection, operator.id) if operator else ()
    return tuple(
        TokenRow(
            handle=token.token_hash.hex()[:16],
            label=token.label,
            scope=tuple(token.scope.split()),
            created_by=token.created_by,
            created_at_utc_s=token.created_at_utc_s,
            expires_at_utc_s=token.expires_at_utc_s,
            used_at_utc_s=token.used_at_utc_s,
            zones=_listed(accounts.zones_of(token.zones)),
        )
        for token in found
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideRow:
    """An account at the organisation's provider by which somebody signs in here."""

    issuer: str
    linked_by: str
    linked_at_utc_s: int
    used_at_utc_s: int | None


def outside_of(store: Store, name: str) -> OutsideRow | None:
    """Returns an account's link to an outside one, None without."""
    with store.read() as connection:
        operator = accounts.find_operator(connection, name)
        found = operator and outside_accounts.of_operator(connection, operator.id)
    if not isinstance(found, OutsideAccount):
        return None
    return OutsideRow(
        issuer=found.issuer,
        linked_by=found.linked_by,
        linked_at_utc_s=found.linked_at_utc_s,
        used_at_utc_s=found.used_at_utc_s,
    )


def factors_of(store: Store, name: str) -> FactorsRow:
    """Returns which second factors an account has."""
    with store.read() as connection:
        operator = accounts.find_operator(connection, name)
        if operator is None:
            return FactorsRow(has_authenticator=False, passkeys=(), recovery_codes=0)
        keys = second_factors.passkeys_of(connection, operator.id)
        left = second_factors.recovery_codes_left(connection, operator.id)
    return FactorsRow(
        has_authenticator=operator.totp_sealed is not None,
        passkeys=tuple(
            PasskeyRow(
                credential_id=key.credential_id,
                label=key.label,
                created_at_utc_s=key.created_at_utc_s,
                used_at_utc_s=key.used_at_utc_s,
            )
            for key in keys
        ),
        recovery_codes=left,
    )


def _row(operator: Operator) -> OperatorRow:
    return OperatorRow(
        name=operator.name,
        role=operator.role,
        disabled=operator.disabled,
        failures=operator.failures,
        locked_until_utc_s=operator.locked_until_utc_s,
        created_at_utc_s=operator.created_at_utc_s,
        signed_in_at_utc_s=operator.signed_in_at_utc_s,
        password_set_at_utc_s=operator.password_set_at_utc_s,
        must_change=operator.must_change,
        has_authenticator=operator.totp_sealed is not None,
        has_passkey=operator.has_passkey,
        zones=_listed(operator.zones),
    )


def _listed(zones: Zones) -> tuple[str, ...] | None:
    return None if zones is None else tuple(sorted(zones))
