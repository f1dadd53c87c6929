"""Statements that run for every group of messages, put together once for each database.

They go to the driver's own cursor: SQLAlchemy's bookkeeping of a statement takes longer than SQLite
takes for it. For plain values only: numbers, texts and bytes go to the driver, and come back, as
they are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa


class Prepared:
    """A statement whose SQL is kept; its bound parameters have names of their own."""

    def __init__(self, statement: sa.Select[Any] | sa.Update | sa.Delete) -> None:
        """Takes the statement."""
        self._statement = statement
        self._compiled: dict[str, tuple[str, list[str] | None]] = {}

    def rows(self, connection: sa.Connection, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Returns what the statement finds with these values of its bound parameters."""
        cursor = self._run(connection, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found

    def change(self, connection: sa.Connection, values: Mapping[str, Any]) -> int:
        """Runs the statement with these values; returns how many rows it changed."""
        cursor = self._run(connection, values)
        return int(cursor.rowcount)

    def _run(self, connection: sa.Connection, values: Mapping[str, Any]) -> Any:  # noqa: ANN401  # the driver's own cursor
        name = connection.dialect.name
        if name not in self._compiled:
            compiled = self._statement.compile(dialect=connection.dialect)
            self._compiled[name] = str(compiled), compiled.positiontup
        sql, order = self._compiled[name]
        cursor = connection.connection.cursor()
        cursor.execute(sql, values if order is None else [values[key] for key in order])
        return cursor


class PreparedInsert:
    """New rows for a table."""

    def __init__(self, table: sa.Table, columns: Sequence[str], on_conflict: str = "") -> None:
        """Takes the columns that rows have, in their order, and what follows ON CONFLICT."""
        conflict = f" ON CONFLICT {on_conflict}" if on_conflict else ""
        marks = ", ".join(["{0}"] * len(columns))
        self._sql = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}){conflict}"  # noqa: S608  # names of ours

    def run(self, connection: sa.Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Inserts the rows. Raises IntegrityError (SQLAlchemy's) where a key is there already."""
        if not rows:
            return
        sql = self._sql.format("?" if connection.dialect.name == "sqlite" else "%s")
        cursor = connection.connection.cursor()
        try:
            cursor.executemany(sql, rows) if len(rows) > 1 else cursor.execute(sql, rows[0])
        except connection.dialect.loaded_dbapi.IntegrityError as err:
            raise sa.exc.IntegrityError(sql, None, err) from err
