"""PostgreSQL's write-ahead log as it comes: a replication slot, and `pg_receivewal` beside it.

The slot has the server keep what did not arrive. `services.backups` sees that it does not for ever.
"""

import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from doorward_controller.backup.database import connected, environment_of
from doorward_controller.errors import BackupError
from doorward_controller.store import log_slots

_PROGRAM = "pg_receivewal"
_END_S = 10.0
_ROLE = sa.text("SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user")
_ARRIVED = sa.text(
    "SELECT coalesce(bool_or(restart_lsn >= CAST(:reached AS pg_lsn)), false)"
    " FROM pg_replication_slots WHERE slot_name = :slot AND active"
)
"""The slot tells everybody; where a reader is, only who may see all statistics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The server whose log it is.

    Attributes:
        system: its number, which a new cluster does not share.
        segment_bytes: how long a whole segment is.
    """

    system: str
    segment_bytes: int


def cluster_of(url: str) -> Cluster:
    """Returns which server it is. Raises BackupError when it lets us gather no log."""
    with connected(make_url(url)) as connection:
        if not connection.scalar(_ROLE):
            role = make_url(url).username
            raise BackupError(
                f'the role {role} may not gather the log: run `ALTER ROLE "{role}" REPLICATION`',
                code="no_replication",
            )
        system = connection.scalar(
            sa.text("SELECT system_identifier::text FROM pg_control_system()")
        )
        size = connection.scalar(
            sa.text("SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'")
        )
        return Cluster(system=str(system), segment_bytes=int(size or 0))


def make_slot(url: str, slot: str) -> bool:
    """Makes the slot where there is none that is good; says whether it is new."""
    with connected(make_url(url)) as connection:
        return log_slots.make(connection, slot)


def has_arrived(url: str, slot: str, reached: str) -> bool:
    """Says whether the receiver has the log up to here on its disk."""
    with connected(make_url(url)) as connection:
        return bool(connection.scalar(_ARRIVED, {"slot": slot, "reached": reached}))


class Receiver:
    """A `pg_receivewal` that runs, or has ended with words."""

    def __init__(self, url: str, slot: str, folder: Path) -> None:
        """Starts it. Raises BackupError when it is not installed."""
        if shutil.which(_PROGRAM) is None:
            raise BackupError(
                f"{_PROGRAM} is not installed: sudo apt-get install postgresql-client",
                code="program_missing",
            )
        folder.mkdir(mode=0o700, exist_ok=True)
        self._said: list[str] = []
        self._process = subprocess.Popen(  # noqa: S603  # our own arguments, and no shell
            (
                _PROGRAM, f"--directory={folder}", f"--slot={slot}", "--no-loop", "--synchronous",
                "--no-password", "--status-interval=1",
            ),
            env=environment_of(make_url(url)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stderr,), name="pg_receivewal", daemon=True
        )
        self._reader.start()

    def _read(self, errors: IO[str] | None) -> None:
        for line in errors or ():
            self._said = [*self._said, line.strip()][-3:]

    @property
    def trouble(self) -> str:
        """Why it has ended; empty while it runs."""
        if self._process.poll() is None:
            return ""
        self._reader.join(_END_S)
        said = " ".join(line for line in self._said if line)
        return f"{_PROGRAM} has ended: {said or self._process.returncode}"

    def end(self) -> None:
        """Ends it; what it has received is on the disk."""
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_END_S)
        if self._process.stderr is not None:
            self._process.stderr.close()
