"""Short messages from process to process by PostgreSQL (LISTEN and NOTIFY), and who leads them.

What is told is not kept: a process that is not there does not hear it. So nothing may hang on one
message alone; whoever listens anew looks at the store again.
"""

from typing import Any

import sqlalchemy as sa

from doorward_controller.store.session import Store

CHANNEL = "doorward"
MAX_BYTES = 7_900
"""PostgreSQL takes less than 8,000."""

LEADER_LOCK = 0x646F6C65
"""Advisory lock, held by one connection: when its process or machine dies, the lock is free."""

_SILENCE = (
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
)
"""A machine that lost its power says nothing; the server notices after 11 s."""


class Line:
    """A connection of its own, outside of the pool. One thread uses one line."""

    def __init__(self, store: Store) -> None:
        """Prepares; nothing is opened before the first use."""
        self._store = store
        self._connection: sa.Connection | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was opened and has not failed since."""
        return self._connection is not None

    def run(self, statement: str, *values: object) -> Any:  # noqa: ANN401  # whatever was selected
        """Runs a statement that commits at once, and returns its only value, if it has one.

        Raises:
            StoreUnavailableError: the database is away; the next use opens the line anew.
        """
        try:
            with self._store.translated():
                result = self._opened().exec_driver_sql(statement, values or None)
                return result.scalar() if result.returns_rows else None
        except BaseException:
            self.close()
            raise

    def listen(self) -> None:
        """Hears what is told from now on. Raises StoreUnavailableError."""
        self.run(f"LISTEN {CHANNEL}")

    def tell(self, text: str) -> None:
        """Tells everybody who listens. Raises StoreUnavailableError."""
        self.run("SELECT pg_notify(%s, %s)", CHANNEL, text)

    def hear(self, wait_s: float) -> tuple[str, ...]:
        """Returns what was told, at the latest after `wait_s`. Raises StoreUnavailableError."""
        try:
            with self._store.translated():
                driver: Any = self._opened().connection.driver_connection
                told = driver.notifies(timeout=wait_s, stop_after=1)
                return tuple(str(one.payload) for one in told)
        except BaseException:
            self.close()
            raise

    def try_to_lead(self) -> bool:
        """Returns whether we have the lock that one process has. Raises StoreUnavailableError."""
        for setting in _SILENCE:
            self.run(setting)
        return bool(self.run("SELECT pg_try_advisory_lock(%s)", LEADER_LOCK))

    def close(self) -> None:
        """Closes the connection, and gives back what it held."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _opened(self) -> sa.Connection:
        if self._connection is None:
            made = self._store.engine.connect()
            self._connection = made.execution_options(isolation_level="AUTOCOMMIT")
        return self._connection


def has_leader(connection: sa.Connection) -> bool:
    """Returns whether any process leads now."""
    held = (
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND classid = 0 AND objid = %s AND objsubid = 1"
    )
    return bool(connection.exec_driver_sql(held, (LEADER_LOCK,)).scalar())
