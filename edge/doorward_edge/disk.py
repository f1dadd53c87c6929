"""Files as the gateway's adapters use them, behind a port: the real disk, or one that forgets.

A power cut keeps what was flushed and some of the rest. Which calls flush what is the contract of
this port, so that a simulated disk can lose everything that it does not promise.
"""

import contextlib
import fcntl
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

_READ_BYTES = 1024 * 1024


class Disk(Protocol):
    """What adapters ask of files. Every method raises OSError.

    Attributes:
        sqlite_vfs: name under which SQLite reaches the same disk, or empty for its own way.
    """

    @property
    def sqlite_vfs(self) -> str:
        """Name under which SQLite reaches the same disk, or empty for its own way."""
        ...

    def make_folder(self, folder: Path, mode: int) -> None:
        """Makes a folder, and those above it, where it is missing."""
        ...

    def names(self, folder: Path) -> tuple[str, ...]:
        """Returns the names in a folder."""
        ...

    def exists(self, path: Path) -> bool:
        """Says whether there is such a file."""
        ...

    def size(self, path: Path) -> int:
        """Returns how long a file is."""
        ...

    def read(self, path: Path) -> bytes:
        """Returns what a file holds."""
        ...

    def map(self, path: Path) -> memoryview:
        """Returns what a file holds without copying it.

        It was read through once: a bad block is an OSError now, and would end the process when it
        is met in mapped memory. The view stays as it is when the file is replaced.
        """
        ...

    def write(self, path: Path, data: bytes) -> None:
        """Makes a file, or writes one anew; its content is flushed, its name is not."""
        ...

    def overwrite(self, path: Path, data: bytes) -> None:
        """Writes over the beginning of a file that exists, and flushes it. Needs no room."""
        ...

    def append(self, path: Path, data: bytes, *, flush: bool) -> None:
        """Writes behind the end of a file, which need not exist; `flush` flushes all of it."""
        ...

    def rename(self, old: Path, new: Path) -> None:
        """Gives a file another name in the same folder, in place of whatever had it."""
        ...

    def link(self, old: Path, new: Path) -> None:
        """Gives a file a second name in the same folder."""
        ...

    def remove(self, path: Path) -> None:
        """Removes a name; it need not exist."""
        ...

    def sync_folder(self, folder: Path) -> None:
        """Flushes a folder's names."""
        ...

    def reserve(self, path: Path, wanted_bytes: int) -> None:
        """Makes a file that keeps room free exactly so long, or leaves it as it was."""
        ...

    def lock(self, path: Path) -> Callable[[], None]:
        """Takes a file's lock, for this process alone; returns what lets go of it.

        Raises:
            BlockingIOError: somebody else has it.
        """
        ...


class PosixDisk:
    """The machine's own file system."""

    sqlite_vfs = ""

    def make_folder(self, folder: Path, mode: int) -> None:
        """Makes a folder, and those above it, where it is missing."""
        folder.mkdir(mode=mode, parents=True, exist_ok=True)

    def names(self, folder: Path) -> tuple[str, ...]:
        """Returns the names in a folder."""
        return tuple(sorted(path.name for path in folder.iterdir()))

    def exists(self, path: Path) -> bool:
        """Says whether there is such a file."""
        return path.exists()

    def size(self, path: Path) -> int:
        """Returns how long a file is."""
        return path.stat().st_size

    def read(self, path: Path) -> bytes:
        """Returns what a file holds."""
        return path.read_bytes()

    def map(self, path: Path) -> memoryview:
        """Returns what a file holds, mapped."""
        with path.open("rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size == 0:
                return memoryview(b"")
            while file.read(_READ_BYTES):
                pass
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def write(self, path: Path, data: bytes) -> None:
        """Makes a file that only we may read, and flushes its content."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def overwrite(self, path: Path, data: bytes) -> None:
        """Writes over the beginning of a file, and flushes it."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, data, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def append(self, path: Path, data: bytes, *, flush: bool) -> None:
        """Writes behind the end of a file that only we may read."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(data)
            file.flush()
            if flush:
                os.fsync(file.fileno())

    def rename(self, old: Path, new: Path) -> None:
        """Gives a file another name."""
        old.replace(new)

    def link(self, old: Path, new: Path) -> None:
        """Gives a file a second name."""
        os.link(old, new)

    def remove(self, path: Path) -> None:
        """Removes a name; it need not exist."""
        path.unlink(missing_ok=True)

    def sync_folder(self, folder: Path) -> None:
        """Flushes a folder's names."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def reserve(self, path: Path, wanted_bytes: int) -> None:
        """Makes a file exactly so long, with blocks of its own."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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

    def lock(self, path: Path) -> Callable[[], None]:
        """Takes a file's lock (flock), which ends with the process at the latest."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        return lambda: os.close(descriptor)


POSIX = PosixDisk()


def replace(disk: Disk, path: Path, data: bytes) -> None:
    """Replaces a file so that a power cut leaves the old or the new. Raises OSError."""
    beside = path.with_name(f"{path.name}.tmp")
    try:
        disk.write(beside, data)
        disk.rename(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            disk.remove(beside)
        raise
    disk.sync_folder(path.parent)
