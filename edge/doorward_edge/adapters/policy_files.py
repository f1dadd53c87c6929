"""Signed documents as files: written whole and flushed, read mapped."""

from pathlib import Path

from doorward_edge.disk import POSIX, Disk, replace


class FolderOfPolicies:
    """Keeps each document in a file of its own; a power cut leaves the old one or the new one."""

    def __init__(self, folder: Path, disk: Disk = POSIX) -> None:
        """Makes the folder where it is missing. Raises OSError."""
        disk.make_folder(folder, 0o750)
        self._folder, self._disk = folder, disk

    def save(self, name: str, wire: bytes) -> None:
        """Writes beside the old file, flushes, renames over it, and flushes the folder."""
        replace(self._disk, self._folder / f"{name}.dwe", wire)

    def load(self, name: str) -> memoryview | None:
        """Maps the file; the memory lives as long as a view of it, also when it is replaced."""
        try:
            return self._disk.map(self._folder / f"{name}.dwe")
        except FileNotFoundError:
            return None
