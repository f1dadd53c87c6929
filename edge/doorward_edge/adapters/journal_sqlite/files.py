"""The journal's files, and putting a fresh journal in the place of a damaged one.

`journal.db` and its log, `journal.state` (how the last process left it), `journal.lock` (one
process at a time), `journal.reserve` (room kept free on the card), `journal.db.new` (a journal not
yet in place) and `journal.db.damaged-N` with its log (put aside, never deleted).
"""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from doorward_edge.disk import POSIX, Disk, replace
from doorward_edge.ports import JournalBusyError

WAL_BYTES = 1024 * 1024
"""Longer than the log grows between two checkpoints."""

OPEN, CLOSING, CLOSED, INSTALLING = "open", "closing", "closed", "installing"
STATE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Files:
    """The paths in one folder. Every method that writes raises OSError."""

    folder: Path
    disk: Disk = POSIX

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

    def lock(self) -> Callable[[], None]:
        """Takes the lock and returns what lets go of it. Raises JournalBusyError."""
        try:
            return self.disk.lock(self.folder / "journal.lock")
        except BlockingIOError as err:
            raise JournalBusyError(f"journal in {self.folder} is open in another process") from err

    def exists(self, path: Path) -> bool:
        """Says whether there is such a file."""
        return self.disk.exists(path)

    def state(self) -> str:
        """Returns how the journal was left; empty after an orderly end."""
        if not self.exists(self._state):
            return ""
        state = self.disk.read(self._state).decode("ascii", "replace").strip()
        return "" if state == CLOSED else state

    def set_state(self, state: str) -> None:
        """Notes how the journal stands, on the disk, and even on a full one."""
        text = ((state or CLOSED).ljust(STATE_BYTES - 1) + "\n").encode()
        if self.exists(self._state):
            # In place: a sector is written whole, and no room is needed.
            self.disk.overwrite(self._state, text)
        else:
            replace(self.disk, self._state, text)

    def prepare_log(self) -> None:
        """Writes the log in full length, so that a shorter one is known to be cut off."""
        if self.exists(self.log):
            return
        try:
            replace(self.disk, self.log, bytes(WAL_BYTES))
        except OSError as err:
            if err.errno != errno.ENOSPC or not self.exists(self.reserve):
                raise
            self.disk.remove(self.reserve)
            replace(self.disk, self.log, bytes(WAL_BYTES))

    def put_aside(self) -> Path:
        """Gives database and log a second name under which they stay. Returns the database's."""
        number = 1
        while self.exists(aside := self.folder / f"journal.db.damaged-{number}"):
            number += 1
        for old, kept in ((self.log, Path(f"{aside}-wal")), (self.database, aside)):
            if self.exists(old):
                self.disk.remove(kept)
                self.disk.link(old, kept)
        self.disk.sync_folder(self.folder)
        return aside

    def keep_torn(self, frames: bytes) -> str:
        """Puts the torn end of a log aside. Returns what happened, in words."""
        number = 1
        while self.exists(aside := self.folder / f"journal.torn-{number}"):
            number += 1
        replace(self.disk, aside, frames)
        return f"{len(frames)} bytes of a last write that was not whole; kept as {aside.name}"

    def install(self) -> None:
        """Puts the fresh journal in place; after a crash in between it is called again."""
        self.set_state(INSTALLING)
        if self.exists(self.fresh):
            # The old log must be gone before: SQLite would replay it into the fresh database.
            self.disk.remove(self.log)
            self.disk.sync_folder(self.folder)
            self.disk.rename(self.fresh, self.database)
            self.disk.sync_folder(self.folder)
        self.set_state("")
