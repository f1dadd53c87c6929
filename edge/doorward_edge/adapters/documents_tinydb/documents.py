"""The typed face of the gateway's documents: identity, versions and floors, commands, maintenance.

The floors lie in a file of their own and again beside everything else, each with its previous
generation: four copies have to be damaged before the gateway no longer knows below which version
it must not go. Then it says so and opens nothing: an old policy would let revoked people in.
"""

import threading
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from tinydb import TinyDB
from tinydb.table import Document

from doorward.events import EventCode
from doorward.messages import Applied
from doorward_edge.adapters.documents_tinydb.storage import KEY_BYTES, SealedStorage
from doorward_edge.disk import POSIX, Disk
from doorward_edge.ports import (
    DocumentsDamagedError,
    DocumentsError,
    MaintenanceEntry,
    Notice,
)

MAINTENANCE_ENTRIES = 500
_ONLY = 1
"""Id of the one document in a table that holds one."""

_VERSIONS = tuple(field.name for field in fields(Applied))


class TinyDocuments:
    """The `Documents` port on two sealed TinyDB files. Open it with `open`."""

    def __init__(self, main: SealedStorage, floors: SealedStorage) -> None:
        self._lock = threading.Lock()
        self._main = TinyDB(storage=lambda: main)
        self._floors_file = TinyDB(storage=lambda: floors)
        self._notices = [_told(storage) for storage in (main, floors) if storage.damage]

    @classmethod
    def open(cls, folder: Path, key: bytes, disk: Disk = POSIX) -> "TinyDocuments":
        """Opens the documents in a folder, or begins them there.

        Args:
            folder: belongs to the documents alone.
            key: 32 bytes that seal them.
            disk: where the folder is.

        Raises:
            DocumentsDamagedError: the floors are lost.
            DocumentsError: the folder cannot be used, or the key has another length.
        """
        if len(key) != KEY_BYTES:
            raise DocumentsError(f"documents: key of {len(key)} bytes, must be {KEY_BYTES}")
        try:
            disk.make_folder(folder, 0o700)
            found = disk.names(folder)
        except OSError as err:
            raise DocumentsError(f"{folder} cannot be used: {err.strerror}") from err
        main = SealedStorage(folder / "documents.sealed", key, disk)
        floors = SealedStorage(folder / "floors.sealed", key, disk)
        was_used = main.is_found or floors.is_found or any(".damaged-" in name for name in found)
        if was_used and not (_knows_floors(main) or _knows_floors(floors)):
            raise DocumentsDamagedError(
                f"{folder}: neither documents nor floors can be read with this key "
                f"({main.damage}{floors.damage}the files are kept). The gateway no longer knows "
                "below which policy version it must not go: enrol it again"
            )
        opened = cls(main, floors)
        opened.raise_floors(opened.floors())
        return opened

    def identity(self) -> Mapping[str, str]:
        """Returns who this gateway is; empty before enrolment."""
        with self._lock:
            return dict(self._only(self._main, "identity"))

    def set_identity(self, identity: Mapping[str, str]) -> None:
        """Replaces who this gateway is. Raises DocumentsError."""
        with self._lock:
            self._put(self._main, "identity", dict(identity))

    def applied(self) -> Applied:
        """Returns the versions that were applied last."""
        with self._lock:
            return _versions(self._only(self._main, "applied"))

    def set_applied(self, applied: Applied) -> None:
        """Notes the versions that are applied, and raises the floors. Raises DocumentsError."""
        self.raise_floors(applied)
        with self._lock:
            self._put(self._main, "applied", asdict(applied))

    def floors(self) -> Applied:
        """Returns the highest versions that were ever applied."""
        with self._lock:
            return self._floors()

    def raise_floors(self, applied: Applied) -> None:
        """Raises each floor to the version given, where that is higher. Raises DocumentsError."""
        with self._lock:
            wanted = asdict(_highest(self._floors(), applied))
            # Twice in each file: the previous generation must not know a lower floor.
            for database in (self._floors_file, self._main):
                if self._only(database, "floors") != wanted:
                    self._put(database, "floors", wanted)
                    self._put(database, "floors", wanted)

    def notes(self, name: str) -> Mapping[str, Any]:
        """Returns what was noted under a name."""
        with self._lock:
            return self._only(self._main, f"notes {name}")

    def set_notes(self, name: str, values: Mapping[str, Any]) -> None:
        """Replaces what is noted under a name. Raises DocumentsError."""
        with self._lock:
            self._put(self._main, f"notes {name}", values)

    def maintenance(self) -> tuple[MaintenanceEntry, ...]:
        """Returns the maintenance journal, oldest first."""
        with self._lock:
            return tuple(
                MaintenanceEntry(**document) for document in self._main.table("maintenance")
            )

    def add_maintenance(self, entry: MaintenanceEntry) -> None:
        """Adds a line; past 500 the oldest goes. Raises DocumentsError."""
        with self._lock:
            table = self._main.table("maintenance")
            table.insert(asdict(entry))
            ids = [document.doc_id for document in table]
            if len(ids) > MAINTENANCE_ENTRIES:
                table.remove(doc_ids=ids[:-MAINTENANCE_ENTRIES])

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what happened to the documents since the last call."""
        with self._lock:
            notices, self._notices = tuple(self._notices), []
            return notices

    def _floors(self) -> Applied:
        return _highest(
            _versions(self._only(self._floors_file, "floors")),
            _versions(self._only(self._main, "floors")),
        )

    def _only(self, database: TinyDB, table: str) -> dict[str, Any]:
        document = database.table(table, cache_size=0).get(doc_id=_ONLY)
        return dict(document["values"]) if isinstance(document, Document) else {}

    def _put(self, database: TinyDB, table: str, values: Mapping[str, object]) -> None:
        document = Document({"values": dict(values)}, doc_id=_ONLY)
        database.table(table, cache_size=0).upsert(document)


def _versions(document: Mapping[str, object]) -> Applied:
    known = {name: document.get(name) for name in _VERSIONS}
    return Applied(**{name: v for name, v in known.items() if isinstance(v, int)})


def _highest(left: Applied, right: Applied) -> Applied:
    return Applied(**{name: max(getattr(left, name), getattr(right, name)) for name in _VERSIONS})


def _told(storage: SealedStorage) -> Notice:
    code = EventCode.DOCUMENTS_LOST if storage.is_lost else EventCode.DOCUMENTS_DAMAGED
    return Notice(code=code, detail=storage.damage.rstrip("; "))


def _knows_floors(storage: SealedStorage) -> bool:
    return "floors" in (storage.read() or {})
