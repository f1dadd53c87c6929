"""The database of one moment as a file, and back.

SQLite: the online backup (sqlite.org, "SQLite Backup API") from a connection that holds a snapshot
open: others go on writing, and nothing of theirs makes it begin again. PostgreSQL: `pg_dump` of the
very snapshot in which the rows were counted.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from doorward_controller.errors import BackupError
from doorward_controller.store import audit_log
from doorward_controller.store.schema import metadata

SQLITE_FILE, POSTGRESQL_FILE = "database.sqlite3", "database.pgdump"
Tell = Callable[[int, int | None], None]

_PAGES = 4_096
"""16 MB at a time: long enough to be quick, short enough to be told of."""

_SCRATCH = "doorward_rehearsal_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a database of one moment holds.

    Attributes:
        rows: how many each table has.
        audit_entries: the number of the audit log's last entry, 0 for none.
        audit_root: that entry's hash, which follows from all before it; hexadecimal.
    """

    rows: Mapping[str, int]
    audit_entries: int
    audit_root: str


def copy_database(url: str, folder: Path, tell: Tell) -> Contents:
    """Writes the database into a folder; returns what the copy holds. Raises BackupError."""
    found = make_url(url)
    if found.get_backend_name() == "sqlite":
        return _copy_sqlite(Path(found.database or ""), folder / SQLITE_FILE, tell)
    return _dump(found, folder / POSTGRESQL_FILE, tell)


def contents_of(url: str) -> Contents:
    """Returns what a restored database holds; of SQLite every page is checked.

    Raises BackupError.
    """
    with connected(make_url(url)) as connection:
        if connection.dialect.name == "sqlite":
            verdict = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
            if verdict != "ok":
                raise BackupError(f"the database in the copy is damaged: {verdict}")
        return _contents(connection)


def size_bytes(url: str) -> int:
    """Returns about how many bytes a copy takes. Raises BackupError."""
    found = make_url(url)
    if found.get_backend_name() == "sqlite":
        path = Path(found.database or "")
        return sum(p.stat().st_size for p in (path, Path(f"{path}-wal")) if p.exists())
    with connected(found) as connection:
        return _postgresql_bytes(connection)


def restore_dump(dump: Path, url: str) -> None:
    """Fills an empty PostgreSQL database from a dump, all of it or nothing. Raises BackupError."""
    found = make_url(url)
    with connected(found) as connection:
        held = sa.inspect(connection).get_table_names()
    if held:
        raise BackupError(
            f"the database {found.database} is not empty ({len(held)} tables); make a new one with"
            " createdb and name it in database.url",
            code="database_in_use",
        )
    run_beside(
        found,
        (
            "pg_restore", "--single-transaction", "--exit-on-error", "--no-owner",
            "--no-privileges", f"--dbname={found.database}", str(dump),
        ),
        lambda: None,
    )  # fmt: skip


@contextmanager
def scratch_database(url: str) -> Iterator[str]:
    """Makes a PostgreSQL database beside ours and drops it at the end. Raises BackupError."""
    found = make_url(url)
    name = f"{_SCRATCH}{os.getpid()}"
    with connected(found) as connection:
        try:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        except ProgrammingError as err:
            raise BackupError(
                f"the role {found.username} may not make a database to rehearse in: run"
                f' `ALTER ROLE "{found.username}" CREATEDB`, or set backup.rehearse_url'
            ) from err
    try:
        yield found.set(database=name).render_as_string(hide_password=False)
    finally:
        with connected(found) as connection:
            connection.exec_driver_sql(f'DROP DATABASE "{name}" WITH (FORCE)')


def _copy_sqlite(source: Path, target: Path, tell: Tell) -> Contents:
    if not source.is_file():
        raise BackupError(f"{source}: there is no database; run `doorward-controller init` first")
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as db,
            closing(sqlite3.connect(target)) as copy,
        ):
            # A power cut in the middle takes the copy with it anyway.
            copy.execute("PRAGMA synchronous = OFF")
            copy.execute("PRAGMA journal_mode = OFF")
            db.execute("BEGIN")
            db.execute("SELECT 1 FROM sqlite_master").fetchone()  # the snapshot begins here
            (page,) = db.execute("PRAGMA page_size").fetchone()
            db.backup(
                copy,
                pages=_PAGES,
                progress=lambda _status, left, of: tell((of - left) * page, of * page),
                sleep=0,
            )
            copy.execute("PRAGMA journal_mode = DELETE")  # one file holds it all
    except sqlite3.Error as err:
        raise BackupError(f"{source}: cannot be copied: {err}") from err
    with connected(make_url(f"sqlite:///{target}")) as connection:
        return _contents(connection)


def _dump(url: URL, target: Path, tell: Tell) -> Contents:
    with connected(url, isolation_level="REPEATABLE READ") as connection:
        snapshot = connection.scalar(sa.select(sa.func.pg_export_snapshot()))
        contents = _contents(connection)
        total = _postgresql_bytes(connection)
        run_beside(
            url,
            (
                "pg_dump", "--format=custom", "--compress=0", "--no-owner", "--no-privileges",
                f"--snapshot={snapshot}", f"--file={target}",
            ),
            lambda: tell(target.stat().st_size if target.exists() else 0, total),
        )  # fmt: skip
    return contents


def _contents(connection: sa.Connection) -> Contents:
    """A copy of an older program's lacks the tables that came later."""
    there = set(sa.inspect(connection).get_table_names())
    rows = {
        table.name: int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)
        for table in metadata.sorted_tables
        if table.name in there
    }
    end = audit_log.end(connection) if "audit_log" in rows else None
    number, root = end or (0, b"")
    return Contents(rows=rows, audit_entries=number, audit_root=root.hex())


def _postgresql_bytes(connection: sa.Connection) -> int:
    of_ours = sa.func.pg_database_size(sa.func.current_database())
    return int(connection.scalar(sa.select(of_ours)) or 0)


@contextmanager
def connected(url: URL, isolation_level: str = "AUTOCOMMIT") -> Iterator[sa.Connection]:
    """Connects just for this: a copy's file must not stay open, nor be turned to another log.

    Raises BackupError.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    is_sqlite = engine.dialect.name == "sqlite"
    options = {} if is_sqlite else {"isolation_level": isolation_level}
    try:
        with engine.connect().execution_options(**options) as connection:
            yield connection
    except (ProgrammingError, BackupError):
        raise
    except OperationalError as err:
        said = str(err.orig).strip().splitlines()[0]
        raise BackupError(f"the database does not answer: {said}") from err
    except SQLAlchemyError as err:
        raise BackupError(f"the database in the copy cannot be read: {err}") from err
    finally:
        engine.dispose()


def environment_of(url: URL) -> dict[str, str]:
    """Returns what a PostgreSQL program finds its server by, the password among it."""
    known = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    env = known | {
        "PGHOST": url.host or str(url.query.get("host", "")),
        "PGPORT": str(url.port or url.query.get("port", "5432")),
        "PGDATABASE": url.database or "",
        "PGUSER": url.username or "",
        "PGPASSWORD": str(url.password or ""),
    }
    return {name: value for name, value in env.items() if value}


def run_beside(url: URL, command: tuple[str, ...], tell: Callable[[], None]) -> None:
    """Runs a PostgreSQL program; its password goes by the environment, never by arguments.

    Raises BackupError with its last words.
    """
    if shutil.which(command[0]) is None:
        raise BackupError(
            f"{command[0]} is not installed: sudo apt-get install postgresql-client",
            code="program_missing",
        )
    with subprocess.Popen(  # noqa: S603  # our own arguments, and no shell
        command,
        env=environment_of(url),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        said = ""
        while running.poll() is None:
            try:
                _, said = running.communicate(timeout=0.5)
            except subprocess.TimeoutExpired:
                tell()
    if running.returncode:
        lines = [line for line in said.splitlines() if line.strip()]
        raise BackupError(f"{command[0]}: {lines[-1] if lines else running.returncode}")
