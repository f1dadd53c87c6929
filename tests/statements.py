"""Compiled SQL is kept from one test to the next.

Each test opens a database of its own, and an engine keeps what it has compiled for itself alone: a
third of what a test of the controller computes would be compiling the same few hundred statements
again. A server compiles each once as well, for as long as it runs.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Compiled, Dialect

Key = tuple[Any, ...]


class SharedStatements(dict[Key, Compiled]):
    """What SQLAlchemy calls a compiled cache, for all engines that speak to the same database.

    SQLAlchemy asks by the engine's own dialect; here, engines of one kind and version are as one.
    """

    def get(self, key: Key, default: Any = None) -> Any:  # as of any dict
        """Return what any engine of this kind has compiled."""
        return super().get(_of_kind(key), default)

    def __setitem__(self, key: Key, compiled: Compiled) -> None:
        """Keep it for the next engine of this kind."""
        super().__setitem__(_of_kind(key), compiled)


def share_statements() -> None:
    """Have every engine of this process look here first."""
    shared = SharedStatements()

    @sa.event.listens_for(sa.Engine, "engine_connect")
    def _look_here(connection: sa.Connection) -> None:
        connection.execution_options(compiled_cache=shared)


def _of_kind(key: Key) -> Key:
    dialect: Dialect = key[0]
    return (dialect.name, dialect.driver, dialect.server_version_info, *key[1:])
