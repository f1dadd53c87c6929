"""Brings a database to this program's tables, or says why it must not be opened."""

from importlib import resources
from typing import TYPE_CHECKING

import sqlalchemy as sa

from doorward_controller.errors import SchemaError
from doorward_controller.store.schema import SCHEMA_COMPAT_VERSION, SCHEMA_VERSION, schema_state
from doorward_controller.store.session import Store

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig

_UPGRADE_LOCK = 0x646F6F72
"""PostgreSQL advisory lock: two processes that start together migrate one after the other."""


def upgrade(store: Store) -> None:
    """Runs the versions that are missing, all in one transaction.

    Raises:
        SchemaError: the database was made by a newer program that excludes this one.
        StoreUnavailableError: the database does not answer.
    """
    # Not at the top: a server that only checks its tables starts a quarter of a second sooner.
    from alembic import command  # noqa: PLC0415

    with store.write() as connection:
        if not store.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        _refuse_newer(_state(connection))
        command.upgrade(_alembic(connection), "head")
        _save_state(connection)


def check_schema(store: Store) -> None:
    """Raises SchemaError unless this program may work on the database as it is."""
    with store.read() as connection:
        state = _state(connection)
    if state is None:
        raise SchemaError("the database is empty; run `doorward-controller init` first")
    _refuse_newer(state)
    if state[0] < SCHEMA_VERSION:
        raise SchemaError(
            f"the database has schema {state[0]}, this program needs {SCHEMA_VERSION};"
            " run `doorward-controller migrate`"
        )


def _refuse_newer(state: tuple[int, int] | None) -> None:
    if state is not None and state[1] > SCHEMA_VERSION:
        raise SchemaError(
            f"the database has schema {state[0]} and asks for a program of schema {state[1]} or"
            f" newer; this one has {SCHEMA_VERSION}. Install the newer program"
        )


def _state(connection: sa.Connection) -> tuple[int, int] | None:
    if not sa.inspect(connection).has_table("schema_state"):
        return None
    row = connection.execute(
        sa.select(schema_state.c.version, schema_state.c.compat_version)
    ).one_or_none()
    return None if row is None else (row.version, row.compat_version)


def _save_state(connection: sa.Connection) -> None:
    values = {"version": SCHEMA_VERSION, "compat_version": SCHEMA_COMPAT_VERSION}
    if connection.execute(sa.update(schema_state).values(values)).rowcount == 0:
        connection.execute(sa.insert(schema_state).values(only_row=1, **values))


def _alembic(connection: sa.Connection) -> "AlembicConfig":
    from alembic.config import Config as AlembicConfig  # noqa: PLC0415 (as above)

    config = AlembicConfig()
    folder = resources.files("doorward_controller.store") / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
