"""What is counted for good: meters and wrong PINs, in a small file that is written often."""

import threading
from collections.abc import Mapping
from pathlib import Path

from tinydb import TinyDB
from tinydb.table import Document

from doorward.events import EventCode
from doorward_edge.adapters.documents_tinydb.storage import SealedStorage
from doorward_edge.ports import DocumentsError, Notice

_ONLY = 1
"""Id of the one document in each table."""


class TinyTallies:
    """The `Tallies` port on one sealed TinyDB file. Open it with `open`."""

    def __init__(self, storage: SealedStorage) -> None:
        self._lock = threading.Lock()
        self._database = TinyDB(storage=lambda: storage)
        code = EventCode.DOCUMENTS_LOST if storage.is_lost else EventCode.DOCUMENTS_DAMAGED
        told = Notice(code=code, detail=storage.damage.rstrip("; "))
        self._notices = [told] if storage.damage else []

    @classmethod
    def open(cls, folder: Path, key: bytes) -> "TinyTallies":
        """Opens the tallies in a folder, or begins them there at 0. Raises DocumentsError.

        Args:
            folder: where the other documents are.
            key: 32 bytes that seal them.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as err:
            raise DocumentsError(f"{folder} cannot be made: {err.strerror}") from err
        return cls(SealedStorage(folder / "tallies.sealed", key))

    def meters(self) -> Mapping[str, int]:
        """Returns the meters as they were kept last."""
        return self._get("meters")

    def keep_meters(self, meters: Mapping[str, int]) -> None:
        """Replaces the meters. Raises DocumentsError."""
        self._put("meters", meters)

    def pin_failures(self) -> Mapping[str, int]:
        """Returns the wrong PINs in a row by staff number."""
        return self._get("pin_failures")

    def keep_pin_failures(self, failures: Mapping[str, int]) -> None:
        """Replaces them. Raises DocumentsError."""
        self._put("pin_failures", failures)

    def take_notices(self) -> tuple[Notice, ...]:
        """Returns what happened to the tallies since the last call."""
        with self._lock:
            notices, self._notices = tuple(self._notices), []
            return notices

    def _get(self, table: str) -> dict[str, int]:
        with self._lock:
            document = self._database.table(table, cache_size=0).get(doc_id=_ONLY)
            return dict(document["values"]) if isinstance(document, Document) else {}

    def _put(self, table: str, values: Mapping[str, int]) -> None:
        with self._lock:
            document = Document({"values": dict(values)}, doc_id=_ONLY)
            self._database.table(table, cache_size=0).upsert(document)
