"""The engine and its transactions: SQLite (WAL) and PostgreSQL behind one door.

SQLite has one writer. Within this process writers queue on a lock, which is fair and wakes at
once; between processes SQLite's own busy timeout decides.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from doorward_controller.errors import StoreUnavailableError

_BUSY_TIMEOUT_MS = 10_000
_CONNECT_TIMEOUT_S = 5
_LONG_LOG_PAGES = 8_000
"""32 MB. A log that was written once is written over faster than it grows: the file system has
nothing to note. So it is kept this long, and begun again beyond; for that writers wait."""

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # an acknowledgement promises that the record is on the disk
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # an erased person's key must not linger in a free page
    "PRAGMA cache_size = -65536",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA wal_autocheckpoint = 32000",  # the second line; `Store.checkpoint` comes first
    f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUse:
    """Connections that are at work, and that wait for some."""

    used: int
    idle: int


class Store:
    """Opens transactions. Knows no table."""

    def __init__(self, url: str) -> None:
        """Prepares the engine; nothing is opened before the first transaction."""
        self.engine = _make_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self._of_one_moment = self.engine
        if not self.is_sqlite:
            # The same connections.
            self._of_one_moment = self.engine.execution_options(isolation_level="REPEATABLE READ")
        self._writers = threading.Lock()
        self._is_written = False
        self.written_s = 0.0
        """How long transactions of this process have held SQLite's one writer, together."""

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads. Raises StoreUnavailableError."""
        with self.translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A transaction that reads everything as it was at one moment.

        Raises StoreUnavailableError.
        """
        with self.translated(), self._of_one_moment.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            yield connection

    @contextmanager
    def write(self, *, of_one_moment: bool = False) -> Iterator[sa.Connection]:
        """One transaction, committed at the end, rolled back by any exception.

        Args:
            of_one_moment: whether it sees everything as it was at its first statement; on SQLite
                each does.

        Raises StoreUnavailableError.
        """
        if not self.is_sqlite:
            engine = self._of_one_moment if of_one_moment else self.engine
            with self.translated(), engine.begin() as connection:
                yield connection
            return
        with self._writers, self.translated(), self.engine.connect() as connection:
            began_s = time.perf_counter()
            # Told apart: SQLAlchemy commits what it knows to have begun.
            connection.begin()
            connection.connection.cursor().execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
            self._is_written = True
            self.written_s += time.perf_counter() - began_s

    def checkpoint(self) -> None:
        """Moves what was committed from SQLite's log into the database file.

        The first pass copies while others write, the second syncs while they do; writers wait only
        for what came meanwhile, and only when the log is to begin again.

        Raises:
            StoreUnavailableError: the disk refuses.
        """
        if not self._is_written:
            return
        self._is_written = False
        with self.translated(), self.engine.connect() as connection:
            _move_log(connection)
            if _move_log(connection) > _LONG_LOG_PAGES:
                with self._writers:
                    _move_log(connection)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """The database's being away is the world's fault; everything else stays what it is: a bug.

        Raises StoreUnavailableError.
        """
        driver = self.engine.dialect.loaded_dbapi
        try:
            yield
        except (OperationalError, sa.exc.TimeoutError, driver.OperationalError) as err:
            raise StoreUnavailableError(
                f"the database does not answer: {_first_line(err)}"
            ) from err
        except DBAPIError as err:
            if err.connection_invalidated:
                raise StoreUnavailableError(f"the database went away: {_first_line(err)}") from err
            raise

    def pool(self) -> "PoolUse":
        """Returns how many connections are open."""
        pool = self.engine.pool
        if not isinstance(pool, sa.QueuePool):
            return PoolUse(used=0, idle=0)
        return PoolUse(used=pool.checkedout(), idle=pool.checkedin())

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()


def _make_engine(url: str) -> sa.Engine:
    if sa.make_url(url).get_backend_name() != "sqlite":
        return sa.create_engine(
            url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_TIMEOUT_S}
        )
    engine = sa.create_engine(
        url,
        poolclass=sa.QueuePool,
        pool_size=8,
        max_overflow=16,
        pool_use_lifo=True,  # the connection that wrote last has the right pages in its cache
        # The driver's own transaction control begins too late and hides BEGIN IMMEDIATE.
        connect_args={"isolation_level": None, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(raw: Any, _record: object) -> None:  # noqa: ANN401  # the driver's own connection
        for pragma in _PRAGMAS:
            raw.execute(pragma)

    return engine


def _move_log(connection: sa.Connection) -> int:
    """Returns how many pages the log holds."""
    _busy, pages, _moved = connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
    return int(pages)


def _first_line(err: Exception) -> str:
    original = getattr(err, "orig", None) or err
    return str(original).strip().splitlines()[0]
