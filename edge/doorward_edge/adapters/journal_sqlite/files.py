"""The journal's files, and putting a fresh journal in the place of a damaged one.

`journal.db` and its log, `journal.state` (how the last process left it), `journal.lock` (one
process at a time), `journal.reserve` (room kept free on the card), `journal.db.new` (a journal not
yet in place) and `journal.db.damaged-N` with its log (put aside, never deleted).
"""

import errno
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from doorward_edge.ports import JournalBusyError

WAL_BYTES = 1024 * 1024
"""Longer than the log grows between two checkpoints."""

OPEN, CLOSING, CLOSED, INSTALLING = "open", "closing", "closed", "installing"
STATE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Files:
    """The paths in one folder. Every method that writes raises OSError."""

    folder: Path

    @property
    def database(self) -> Path:
        """The journal."""
        return self.folder / "journal.db"

    @property
    def log(self) -> Path:
        """Its write-ahead log."""
        return self.folder / "journal.db-wal"

    @property
    def index_of_log(self) -> Path:
        """What SQLite makes anew of the log for readers."""
        return self.folder / "journal.db-shm"

    @property
    def fresh(self) -> Path:
        """A journal that is not yet in place."""
        return self.folder / "journal.db.new"

    @property
    def reserve(self) -> Path:
        """A file that keeps room free."""
        return self.folder / "journal.reserve"

    @property
    def _state(self) -> Path:
        return self.folder / "journal.state"

    def lock(self) -> int:
        """Returns a descriptor that holds the lock until it is closed. Raises JournalBusyError."""
        path = self.folder / "journal.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            os.close(descriptor)
            raise JournalBusyError(f"journal in {self.folder} is open in another process") from err
        return descriptor

    def state(self) -> str:
        """Returns how the journal was left; empty after an orderly end."""
        if not self._state.exists():
            return ""
        state = self._state.read_bytes().decode("ascii", "replace").strip()
        return "" if state == CLOSED else state

    def set_state(self, state: str) -> None:
        """Notes how the journal stands, on the disk, and even on a full one."""
        text = (state or CLOSED).ljust(STATE_BYTES - 1) + "\n"
        if not self._state.exists():
            write_durably(self._state, text.encode())
            return
        # In place: a sector is written whole, and no room is needed.
        descriptor = os.open(self._state, os.O_WRONLY)
        try:
            os.pwrite(descriptor, text.encode(), 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def prepare_log(self) -> None:
        """Writes the log in full length, so that a shorter one is known to be cut off."""
        if self.log.exists():
            return
        try:
            write_durably(self.log, bytes(WAL_BYTES))
        except OSError as err:
            if err.errno != errno.ENOSPC or not self.reserve.exists():
                raise
            self.reserve.unlink()
            write_durably(self.log, bytes(WAL_BYTES))

    def put_aside(self) -> Path:
        """Gives database and log a second name under which they stay. Returns the database's."""
        number = 1
        while (aside := self.folder / f"journal.db.damaged-{number}").exists():
            number += 1
        for old, kept in ((self.log, f"{aside}-wal"), (self.database, str(aside))):
            if old.exists():
                Path(kept).unlink(missing_ok=True)
                os.link(old, kept)
        sync_folder(self.folder)
        return aside

    def keep_torn(self, frames: bytes) -> str:
        """Puts the torn end of a log aside. Returns what happened, in words."""
        number = 1
        while (aside := self.folder / f"journal.torn-{number}").exists():
            number += 1
        write_durably(aside, frames)
        return f"{len(frames)} bytes of a last write that was not whole; kept as {aside.name}"

    def install(self) -> None:
        """Puts the fresh journal in place; after a crash in between it is called again."""
        self.set_state(INSTALLING)
        if self.fresh.exists():
            # The old log must be gone before: SQLite would replay it into the fresh database.
            self.log.unlink(missing_ok=True)
            sync_folder(self.folder)
            self.fresh.replace(self.database)
            sync_folder(self.folder)
        self.set_state("")


def write_durably(path: Path, data: bytes) -> None:
    """Replaces a file so that a power cut leaves the old or the new. Raises OSError."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Puts a folder's entries on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reserve(path: Path, wanted_bytes: int) -> None:
    """Makes the file that keeps room free as long as wanted. Raises OSError when there is none."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        held = os.fstat(descriptor).st_size
        if wanted_bytes < held:
            os.ftruncate(descriptor, wanted_bytes)
        elif wanted_bytes > held:
            try:
                os.posix_fallocate(descriptor, held, wanted_bytes - held)
            except OSError:
                os.ftruncate(descriptor, held)
                raise
    finally:
        os.close(descriptor)
