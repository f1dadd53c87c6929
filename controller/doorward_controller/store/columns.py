"""What tables are made of: their names' pattern, and columns that may be empty only where said."""

from typing import TypedDict, Unpack

import sqlalchemy as sa

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""Only INTEGER is a self-numbering key in SQLite; there it has 64 bits anyway."""


def id_column() -> sa.Column[int]:
    """Returns a key that numbers itself."""
    return sa.Column("id", BigId, primary_key=True, autoincrement=True)


class _Options(TypedDict, total=False):
    primary_key: bool
    nullable: bool
    unique: bool
    index: bool


def reference(name: str, target: str, **options: Unpack[_Options]) -> sa.Column[int]:
    """Returns a column that names a row of another table, as in `gateways.id`."""
    return sa.Column(name, BigId, sa.ForeignKey(target), **_required(options))


def number(name: str, **options: Unpack[_Options]) -> sa.Column[int]:
    """Returns a column of integers."""
    return sa.Column(name, sa.BigInteger, **_required(options))


def text(name: str, **options: Unpack[_Options]) -> sa.Column[str]:
    """Returns a column of texts."""
    return sa.Column(name, sa.Text, **_required(options))


def blob(name: str, **options: Unpack[_Options]) -> sa.Column[bytes]:
    """Returns a column of bytes."""
    return sa.Column(name, sa.LargeBinary, **_required(options))


def _required(options: _Options) -> _Options:
    """A column may be empty only where it says so."""
    return {"nullable": False, **options}
