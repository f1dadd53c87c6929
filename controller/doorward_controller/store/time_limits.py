"""How long a question may take: the database stops it then, and who asked is told in words."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from doorward_controller.errors import TooSlowError

_CANCELED = "57014"
"""PostgreSQL's word for a statement that took too long."""

_INTERRUPTED = "SQLITE_INTERRUPT"


@contextmanager
def limited(connection: sa.Connection, at_most_s: float) -> Iterator[None]:
    """Stops what is read on this connection once it took so long.

    On PostgreSQL each statement may take so long, and the transaction's later ones too; on SQLite
    all of them together.

    Raises TooSlowError.
    """
    with _told_apart(at_most_s):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(1000 * at_most_s)}")
            yield
            return
        driver = connection.connection.driver_connection
        if driver is None:
            raise TypeError("the connection is not open")
        timer = threading.Timer(at_most_s, driver.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            # Who uses the connection next is not to be interrupted in our stead.
            timer.join()


@contextmanager
def _told_apart(at_most_s: float) -> Iterator[None]:
    try:
        yield
    except DBAPIError as err:
        said = getattr(err.orig, "sqlstate", None), getattr(err.orig, "sqlite_errorname", None)
        if said[0] == _CANCELED or said[1] == _INTERRUPTED:
            raise TooSlowError(f"the database took longer than {at_most_s:g} s") from err
        raise
