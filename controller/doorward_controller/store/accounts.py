"""Operators. Only hashes of their passwords are kept, and their second secrets sealed."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.permissions import Role, Zones
from doorward_controller.store.account_tables import operators, passkeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person who may sign in.

    Attributes:
        must_change: whether the password was drawn or set by somebody else.
        totp_sealed: what the authenticator holds too, encrypted; None without one.
        totp_step: the newest step whose code was accepted.
        has_passkey: whether there is at least one.
        zones: what the operator is limited to; None for the whole site.
    """

    id: int
    name: str
    role: Role
    password_hash: str
    disabled: bool
    failures: int
    locked_until_utc_s: int
    language: str
    created_at_utc_s: int
    password_set_at_utc_s: int
    must_change: bool
    totp_sealed: bytes | None
    totp_step: int
    signed_in_at_utc_s: int | None
    has_passkey: bool
    zones: Zones

    @property
    def has_second_factor(self) -> bool:
        """Whether a password alone is not enough."""
        return self.totp_sealed is not None or self.has_passkey


_HAS_PASSKEY = (
    sa.select(passkeys.c.credential_id).where(passkeys.c.operator_id == operators.c.id).exists()
).label("has_passkey")

OPERATOR_COLUMNS = (
    *(operators.c[name] for name in Operator.__dataclass_fields__ if name != "has_passkey"),
    _HAS_PASSKEY,
)


def to_operator(row: sa.Row[tuple[object, ...]]) -> Operator:
    """Returns the operator among the columns of a row."""
    values = {name: row._mapping[name] for name in Operator.__dataclass_fields__}  # noqa: SLF001  # SQLAlchemy's public name
    return Operator(**{**values, "role": Role(values["role"]), "zones": zones_of(values["zones"])})


def zones_of(text: str | None) -> Zones:
    """Returns the zones in a column: NULL limits to nothing, an empty text leaves nowhere."""
    return None if text is None else frozenset(text.split())


def zones_text(zones: Zones) -> str | None:
    """Returns what a column holds of zones."""
    return None if zones is None else " ".join(sorted(zones))


def find_operator(connection: sa.Connection, name: str) -> Operator | None:
    """Returns the operator with that name; no name has a NUL, which PostgreSQL does not take."""
    if "\0" in name:
        return None
    return _one(connection, operators.c.name == name)


def operator_with_id(connection: sa.Connection, operator_id: int) -> Operator | None:
    """Returns the operator with that id."""
    return _one(connection, operators.c.id == operator_id)


def all_operators(connection: sa.Connection) -> tuple[Operator, ...]:
    """Returns every operator, by name."""
    rows = connection.execute(sa.select(*OPERATOR_COLUMNS).order_by(operators.c.name)).all()
    return tuple(map(to_operator, rows))


def add_operator(
    connection: sa.Connection,
    name: str,
    role: Role,
    password_hash: str,
    now_utc_s: int,
    *,
    must_change: bool = False,
    zones: Zones = None,
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
        password_set_at_utc_s=now_utc_s,
        must_change=must_change,
        totp_step=0,
        zones=zones_text(zones),
    )
    return int(connection.execute(statement.returning(operators.c.id)).scalar_one())


def change_operator(
    connection: sa.Connection, operator_id: int, **values: str | int | bool | bytes | None
) -> None:
    """Sets columns of one operator."""
    statement = sa.update(operators).where(operators.c.id == operator_id).values(**values)
    connection.execute(statement)


def add_failure(connection: sa.Connection, operator_id: int) -> int:
    """Counts one more failure and returns how many there are in a row."""
    statement = (
        sa.update(operators)
        .where(operators.c.id == operator_id)
        .values(failures=operators.c.failures + 1)
        .returning(operators.c.failures)
    )
    return int(connection.execute(statement).scalar_one())


def use_step(connection: sa.Connection, operator_id: int, step: int) -> bool:
    """Takes a one-time code's step; False when another request was first."""
    statement = (
        sa.update(operators)
        .where(operators.c.id == operator_id, operators.c.totp_step < step)
        .values(totp_step=step)
    )
    return connection.execute(statement).rowcount == 1


def open_with_role(connection: sa.Connection, role: Role) -> list[int]:
    """Returns the ids of the open accounts of a role, and keeps others from closing them."""
    statement = (
        sa.select(operators.c.id)
        .where(operators.c.role == role.value, operators.c.disabled.is_(False))
        .order_by(operators.c.id)
        .with_for_update()
    )
    return list(connection.scalars(statement))


def _one(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Operator | None:
    row = connection.execute(sa.select(*OPERATOR_COLUMNS).where(condition)).one_or_none()
    return None if row is None else to_operator(row)
