"""How much room the journal has: what it uses, when to say so, and what is kept free for it."""

from doorward.events import EventCode
from doorward_edge.adapters.journal_sqlite.files import Files
from doorward_edge.adapters.journal_sqlite.store import Store
from doorward_edge.ports import JournalError, JournalUse, Notice

RESERVE_STEP_BYTES = 256 * 1024
ALARM_SHARE = 0.80
CALM_SHARE = 0.75
"""Below this the alarm ends, so that it does not come and go at its edge."""


class Room:
    """Used by the journal's thread."""

    def __init__(self, files: Files, store: Store, capacity_bytes: int) -> None:
        self._files, self._store, self._capacity = files, store, capacity_bytes
        self._is_reserving = True
        self._use = JournalUse(used_bytes=0, capacity_bytes=capacity_bytes, is_alarming=False)

    @property
    def use(self) -> JournalUse:
        """How full the journal was when it was last measured."""
        return self._use

    def measure(self) -> Notice | None:
        """Measures, and returns what there is to tell. Raises JournalError."""
        used, was = self._store.used_bytes(), self._use.is_alarming
        bound = CALM_SHARE if was else ALARM_SHARE
        self._use = JournalUse(
            used_bytes=used,
            capacity_bytes=self._capacity,
            is_alarming=used >= bound * self._capacity,
        )
        if was or not self._use.is_alarming:
            return None
        share = used * 100 // self._capacity
        return Notice(code=EventCode.JOURNAL_FILLING, detail=f"{share} % of {self._capacity} bytes")

    def keep(self) -> Notice | None:
        """Keeps reserved what the database may still grow beyond its pages and the log's.

        Returns what there is to tell. Raises JournalError.
        """
        if not self._is_reserving:
            return None
        left = max(0, self._capacity - self._store.file_bytes())
        wanted = left // RESERVE_STEP_BYTES * RESERVE_STEP_BYTES
        disk, path = self._files.disk, self._files.reserve
        try:
            if not disk.exists(path) or disk.size(path) > wanted:
                disk.reserve(path, wanted)
        except OSError as err:
            self._is_reserving = False
            detail = f"{wanted} bytes could not be reserved: {err.strerror}"
            return Notice(code=EventCode.JOURNAL_NOT_RESERVED, detail=detail)
        return None

    def release(self) -> bool:
        """Gives a step of the reserve to the database. Says whether there was one to give."""
        disk, path = self._files.disk, self._files.reserve
        try:
            held = disk.size(path) if disk.exists(path) else 0
            if held and self._store.file_bytes() + RESERVE_STEP_BYTES < self._capacity:
                disk.reserve(path, max(0, held - RESERVE_STEP_BYTES))
                return True
        except (OSError, JournalError):
            return False
        return False
