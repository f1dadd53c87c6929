"""Signed documents as files: written whole and flushed, read mapped."""

import contextlib
import mmap
import os
from pathlib import Path

_READ_BYTES = 1024 * 1024


class FolderOfPolicies:
    """Keeps each document in a file of its own; a power cut leaves the old one or the new one."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder where it is missing. Raises OSError."""
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._folder = folder

    def save(self, name: str, wire: bytes) -> None:
        """Writes beside the old file, flushes, renames over it, and flushes the folder."""
        target = self._folder / f"{name}.dwe"
        beside = target.with_suffix(".new")
        try:
            with beside.open("wb") as file:
                file.write(wire)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(target)
            self._flush_folder()
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise

    def load(self, name: str) -> memoryview | None:
        """Maps the file; the memory lives as long as a view of it, also when it is replaced.

        It is read through once: a bad block is an OSError now, and would end the process when it
        is met in mapped memory.
        """
        try:
            with (self._folder / f"{name}.dwe").open("rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size == 0:
                    return memoryview(b"")
                while file.read(_READ_BYTES):
                    pass
                return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except FileNotFoundError:
            return None

    def _flush_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
