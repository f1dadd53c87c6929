"""Accounts as who manages them sees them."""

from dataclasses import dataclass

import sqlalchemy as sa

from doorward_controller.domain.permissions import Role
from doorward_controller.store.schema import operators
from doorward_controller.store.session import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRow:
    """One account."""

    name: str
    role: Role
    disabled: bool
    locked_until_utc_s: int
    created_at_utc_s: int


def all_operators(store: Store) -> tuple[OperatorRow, ...]:
    """Returns every account, by name."""
    columns = (operators.c[name] for name in OperatorRow.__dataclass_fields__)
    with store.read() as connection:
        rows = connection.execute(sa.select(*columns).order_by(operators.c.name)).all()
    return tuple(OperatorRow(**{**row._asdict(), "role": Role(row.role)}) for row in rows)
