"""Recovery codes as hashes, and passkeys, of which only the public half is here."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.store.account_tables import passkeys, recovery_codes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPasskey:
    """A key pair in somebody's device, whose public half we know."""

    credential_id: bytes
    operator_id: int
    label: str
    public_key: bytes
    sign_count: int
    created_at_utc_s: int
    used_at_utc_s: int | None


_COLUMNS = tuple(passkeys.c[name] for name in StoredPasskey.__dataclass_fields__)


def replace_recovery_codes(
    connection: sa.Connection, operator_id: int, hashes: Iterable[bytes]
) -> None:
    """Puts new codes in the place of all older ones; none ends them."""
    connection.execute(sa.delete(recovery_codes).where(recovery_codes.c.operator_id == operator_id))
    for code_hash in hashes:
        connection.execute(
            sa.insert(recovery_codes).values(code_hash=code_hash, operator_id=operator_id)
        )


def use_recovery_code(connection: sa.Connection, operator_id: int, code_hash: bytes) -> bool:
    """Takes a code, which is gone then; False when there is none such."""
    statement = sa.delete(recovery_codes).where(
        recovery_codes.c.operator_id == operator_id, recovery_codes.c.code_hash == code_hash
    )
    return connection.execute(statement).rowcount == 1


def recovery_codes_left(connection: sa.Connection, operator_id: int) -> int:
    """Returns how many codes are left."""
    statement = (
        sa.select(sa.func.count())
        .select_from(recovery_codes)
        .where(recovery_codes.c.operator_id == operator_id)
    )
    return int(connection.execute(statement).scalar_one())


def add_passkey(connection: sa.Connection, passkey: StoredPasskey) -> None:
    """Inserts a passkey."""
    values = {name: getattr(passkey, name) for name in StoredPasskey.__dataclass_fields__}
    connection.execute(sa.insert(passkeys).values(**values))


def find_passkey(connection: sa.Connection, credential_id: bytes) -> StoredPasskey | None:
    """Returns the passkey with that id."""
    row = connection.execute(
        sa.select(*_COLUMNS).where(passkeys.c.credential_id == credential_id)
    ).one_or_none()
    return None if row is None else StoredPasskey(**row._asdict())


def passkeys_of(connection: sa.Connection, operator_id: int) -> tuple[StoredPasskey, ...]:
    """Returns an operator's passkeys, the oldest first."""
    rows = connection.execute(
        sa.select(*_COLUMNS)
        .where(passkeys.c.operator_id == operator_id)
        .order_by(passkeys.c.created_at_utc_s, passkeys.c.credential_id)
    ).all()
    return tuple(StoredPasskey(**row._asdict()) for row in rows)


def use_passkey(
    connection: sa.Connection, credential_id: bytes, sign_count: int, now_utc_s: int
) -> None:
    """Notes that a passkey was used."""
    statement = sa.update(passkeys).where(passkeys.c.credential_id == credential_id)
    connection.execute(statement.values(sign_count=sign_count, used_at_utc_s=now_utc_s))


def remove_passkeys(
    connection: sa.Connection, operator_id: int, credential_id: bytes | None = None
) -> int:
    """Deletes one passkey of an operator, or all; returns how many there were."""
    statement = sa.delete(passkeys).where(passkeys.c.operator_id == operator_id)
    if credential_id is not None:
        statement = statement.where(passkeys.c.credential_id == credential_id)
    return connection.execute(statement).rowcount
