"""A private PostgreSQL: its own cluster in a folder of its own, reached by a Unix socket alone."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Self

import psycopg


class PostgresMissingError(Exception):
    """No PostgreSQL server is installed."""


def find_programs() -> Path:
    """Returns where initdb and pg_ctl are. Raises PostgresMissingError."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        raise PostgresMissingError("install it with: apt-get install postgresql")
    return Path(initdb).parent


class PostgresCluster:
    """Started for a test session. It survives a power cut only when it is asked to."""

    def __init__(self, *, is_durable: bool = False) -> None:
        """Raises PostgresMissingError.

        Args:
            is_durable: whether a commit waits for the disk, as in an installation.
        """
        self._is_durable = is_durable
        self._bin = find_programs()
        # pytest's own folders are closed to other accounts, and PostgreSQL refuses to run as root.
        self._folder = Path(tempfile.mkdtemp(prefix="doorward-postgres-"))
        self._as: list[str] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            self._as = [
                "setpriv",
                f"--reuid={account.pw_uid}",
                f"--regid={account.pw_gid}",
                "--clear-groups",
            ]

    def start(self) -> Self:
        data = self._folder / "data"
        self._run("initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8")
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"listen_addresses = ''\nunix_socket_directories = '{self._folder}'\n"
                f"shared_buffers = {128 if self._is_durable else 32}MB\nmax_connections = 60\n"
            )
            if not self._is_durable:
                settings.write("fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n")
        self._start()
        return self

    def kill(self) -> None:
        """Ends the server by SIGKILL, as the kernel would; its helpers end by themselves."""
        pid = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def start_again(self, within_s: float = 30.0) -> None:
        """Starts a killed server; what it had promised to keep comes out of its log."""
        end = time.monotonic() + within_s
        while True:
            try:
                self._start()
            except RuntimeError:
                # Its helpers still hold the shared memory, or end just now.
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def make_database(self, template: str = "template0") -> str:
        """Returns the name of a new database."""
        name = f"t{uuid.uuid4().hex}"
        with self._connection() as connection:
            # Version 15 writes the copy to its log, too, unless it is told: twice the time.
            is_told = connection.info.server_version >= 150_000
            strategy = " STRATEGY FILE_COPY" if is_told else ""
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}{strategy}".encode())
        return name

    def drop_database(self, name: str) -> None:
        with self._connection() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self._folder}"

    def _start(self) -> None:
        data, log = self._folder / "data", self._folder / "log"
        self._run("pg_ctl", "-D", str(data), "-w", "-l", str(log), "start")

    def _connection(self) -> psycopg.Connection:
        place = f"host={self._folder} user=postgres dbname=postgres"
        return psycopg.connect(place, autocommit=True)

    def _run(self, program: str, *arguments: str) -> None:
        # A server that inherits a pipe of ours would keep us waiting for its end.
        with (self._folder / f"{program}.out").open("w+") as output:
            done = subprocess.run(
                [*self._as, str(self._bin / program), *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
            )
            if done.returncode:
                output.seek(0)
                raise RuntimeError(f"{program} failed:\n{output.read()}")
