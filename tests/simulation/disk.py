"""A disk in memory that forgets: what was not flushed when the power fails is a matter of luck.

Each file has what programs see and what is on the platter. A write changes the first and waits; a
flush brings what waits to the second. A power cut keeps, of what waits, whatever the history's luck
says: nothing, all, a part, in any order, torn at any sector. Names are flushed with their folder;
of those that wait a power cut keeps the first few, as a journalling file system does.

Every change counts as a step, and a machine can be told to fail at its n-th next step.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

SECTOR_BYTES = 512
VFS_NAME = "doorward-simulation"


class PowerCutError(BaseException):
    """The machine is down: whoever still runs on it runs no further.

    No `Exception`: the product survives those, and nobody survives this.
    """


@dataclass(slots=True)
class Inode:
    """A file: what is seen, what is on the platter, and the writes in between."""

    seen: bytearray = field(default_factory=bytearray)
    platter: bytearray = field(default_factory=bytearray)
    waiting: list[tuple[int, bytes | None]] = field(default_factory=list)
    reserved: int = 0
    names: int = 0

    def write(self, at: int, data: bytes) -> None:
        _put(self.seen, at, data)
        self.waiting.append((at, data))

    def truncate(self, size: int) -> None:
        _cut(self.seen, size)
        self.waiting.append((size, None))

    def flush(self) -> None:
        for at, data in self.waiting:
            _apply(self.platter, at, data)
        self.waiting.clear()

    @property
    def taken(self) -> int:
        return max(len(self.seen), self.reserved)

    def lose_power(self, luck: Random) -> None:
        """Leaves what was flushed and, of the rest, what luck will have."""
        if self.waiting:
            for at, data in _survivors(self.waiting, luck):
                _apply(self.platter, at, data)
            self.waiting.clear()
        self.seen = bytearray(self.platter)


def _survivors(
    waiting: list[tuple[int, bytes | None]], luck: Random
) -> list[tuple[int, bytes | None]]:
    """Chooses what of the waiting writes reached the platter before the power went."""
    kind = luck.random()
    if kind < 0.4:
        return []
    if kind < 0.5:
        return waiting
    if kind < 0.7:
        pieces = [piece for each in waiting for piece in _sectors(*each)]
        return pieces[: luck.randrange(len(pieces) + 1)]
    # Sectors in any order: each is there or not, whatever was written before or after it.
    pieces = [piece for each in waiting for piece in _sectors(*each)]
    share = luck.random()
    return [piece for piece in pieces if luck.random() < share]


def _sectors(at: int, data: bytes | None) -> list[tuple[int, bytes | None]]:
    if data is None:
        return [(at, None)]
    pieces: list[tuple[int, bytes | None]] = []
    start = 0
    while start < len(data):
        end = min(len(data), start + SECTOR_BYTES - (at + start) % SECTOR_BYTES)
        pieces.append((at + start, data[start:end]))
        start = end
    return pieces


def _apply(content: bytearray, at: int, data: bytes | None) -> None:
    if data is None:
        _cut(content, at)
    else:
        _put(content, at, data)


def _put(content: bytearray, at: int, data: bytes) -> None:
    if len(content) < at:
        content.extend(bytes(at - len(content)))
    content[at : at + len(data)] = data


def _cut(content: bytearray, size: int) -> None:
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


Entry = tuple[str, Inode | None]
"""A name and what it stands for from now on; None: nothing."""


@dataclass(slots=True)
class _Folder:
    seen: dict[str, Inode] = field(default_factory=dict)
    platter: dict[str, Inode] = field(default_factory=dict)
    waiting: list[tuple[Entry, ...]] = field(default_factory=list)

    def change(self, *entries: Entry) -> None:
        """Changes names at once; a rename's two halves go together, on the platter too."""
        for name, inode in entries:
            old = self.seen.pop(name, None)
            if old is not None:
                old.names -= 1
            if inode is not None:
                self.seen[name] = inode
                inode.names += 1
        self.waiting.append(entries)

    def flush(self) -> None:
        _keep(self.platter, self.waiting)
        self.waiting.clear()

    def lose_power(self, luck: Random) -> None:
        # Metadata is journalled in order: the first few changes survive, seldom all.
        kept = 0 if luck.random() < 0.5 else luck.randrange(len(self.waiting) + 1)
        _keep(self.platter, self.waiting[:kept])
        self.waiting.clear()
        self.seen = dict(self.platter)


def _keep(names: dict[str, Inode], changes: list[tuple[Entry, ...]]) -> None:
    for entries in changes:
        for name, inode in entries:
            if inode is None:
                names.pop(name, None)
            else:
                names[name] = inode


@dataclass(slots=True)
class SimulatedDisk:
    """One machine's disk; the `Disk` port, and what the SQLite VFS works on.

    Attributes:
        machine: names it; its paths begin with `/sim/{machine}/`.
        life: counts the starts of the process; handles of an earlier one are dead.
        fail_in: the power fails at so many further steps; None: not by itself.
        errors: so many further writes or flushes fail with EIO.
    """

    machine: str
    capacity: int = 64 * 1024 * 1024
    ballast: int = 0
    life: int = 0
    is_down: bool = False
    fail_in: int | None = None
    errors: int = 0
    steps: int = 0
    _folders: dict[str, _Folder] = field(default_factory=dict)
    _locked: set[str] = field(default_factory=set)

    @property
    def sqlite_vfs(self) -> str:
        return VFS_NAME

    @property
    def root(self) -> Path:
        return Path("/sim") / self.machine

    # --- Lives ----------------------------------------------------------------------------------

    def step(self) -> None:
        """Counts one change; raises PowerCutError when the machine is down or goes down now."""
        if self.is_down:
            raise PowerCutError
        self.steps += 1
        if self.fail_in is not None:
            self.fail_in -= 1
            if self.fail_in <= 0:
                self.fail_in = None
                self.is_down = True
                raise PowerCutError

    def end_life(self) -> None:
        """The process ends here, whatever it was doing; what it wrote is seen by the next."""
        self.is_down = True
        self.life += 1
        self.fail_in = None
        self.errors = 0
        self._locked.clear()

    def lose_power(self, luck: Random) -> None:
        """The machine ends here, and what was not flushed is at luck's mercy."""
        self.end_life()
        inodes = {id(inode): inode for inode in self._inodes()}
        for name in sorted(self._folders):
            self._folders[name].lose_power(luck)
        for inode in inodes.values():
            inode.lose_power(luck)

    def revive(self) -> None:
        """A new process may use the disk."""
        self.is_down = False

    # --- For SQLite and for histories -----------------------------------------------------------

    def find(self, path: str) -> Inode | None:
        folder, _, name = path.rpartition("/")
        held = self._folders.get(folder)
        return held.seen.get(name) if held else None

    def make(self, path: str) -> Inode:
        self.step()
        self.ask_room(0, 1)
        inode = Inode()
        self._entry(path, inode)
        return inode

    def write_at(self, inode: Inode, at: int, data: bytes) -> None:
        self.step()
        self._may_fail()
        self.ask_room(inode.taken, at + len(data))
        inode.write(at, data)

    def cut(self, inode: Inode, size: int) -> None:
        self.step()
        self.ask_room(inode.taken, size)
        inode.truncate(size)
        inode.reserved = min(inode.reserved, size)

    def flush(self, inode: Inode) -> None:
        self.step()
        try:
            self._may_fail()
        except OSError:
            # What could not be flushed may count as flushed from then on, as with Linux: whoever
            # flushes again is told that all is well, and the platter never sees it.
            if self.steps % 2:
                inode.waiting.clear()
            raise
        inode.flush()

    def flush_names(self, folder: str) -> None:
        self.step()
        self._may_fail()
        self._folder(folder).flush()

    def delete(self, path: str) -> None:
        self.step()
        self._entry(path, None)

    def snapshot(self, folder: Path) -> dict[str, bytes]:
        """Returns what a folder's files hold, as a copy of the card would."""
        held = self._folders.get(str(folder))
        return {name: bytes(inode.seen) for name, inode in held.seen.items()} if held else {}

    def put_back(self, folder: Path, files: dict[str, bytes]) -> None:
        """Makes a folder what a copy of it was, on the platter."""
        held = self._folders[str(folder)] = _Folder()
        for name, content in files.items():
            held.seen[name] = Inode(bytearray(content), bytearray(content), names=1)
        held.platter = dict(held.seen)

    def free_bytes(self) -> int:
        """Returns how much room is left."""
        taken = {id(inode): inode.taken for inode in self._inodes()}
        return self.capacity - self.ballast - sum(taken.values())

    def ask_room(self, before: int, after: int) -> None:
        if after > before and self.ballast and after - before > self.free_bytes():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # --- The Disk port --------------------------------------------------------------------------

    def make_folder(self, folder: Path, mode: int) -> None:
        self.step()
        self._folder(str(folder))

    def names(self, folder: Path) -> tuple[str, ...]:
        return tuple(sorted(self._folder(str(folder)).seen))

    def exists(self, path: Path) -> bool:
        if self.is_down:
            raise PowerCutError
        return self.find(str(path)) is not None

    def size(self, path: Path) -> int:
        inode = self._must_find(path)
        return max(len(inode.seen), inode.reserved)

    def read(self, path: Path) -> bytes:
        return bytes(self._must_find(path).seen)

    def map(self, path: Path) -> memoryview:
        return memoryview(self.read(path))

    def write(self, path: Path, data: bytes) -> None:
        inode = self.find(str(path)) or self.make(str(path))
        self.cut(inode, 0)
        # In two halves, so that the power can fail between them.
        half = len(data) // 2 // SECTOR_BYTES * SECTOR_BYTES
        for start, end in ((0, half), (half, len(data))):
            if start < end:
                self.write_at(inode, start, data[start:end])
        self.flush(inode)

    def overwrite(self, path: Path, data: bytes) -> None:
        inode = self._must_find(path)
        self.write_at(inode, 0, data)
        self.flush(inode)

    def append(self, path: Path, data: bytes, *, flush: bool) -> None:
        inode = self.find(str(path)) or self.make(str(path))
        self.write_at(inode, len(inode.seen), data)
        if flush:
            self.flush(inode)

    def rename(self, old: Path, new: Path) -> None:
        inode = self._must_find(old)
        self.step()
        self._may_fail()
        inode.names += 1  # it never goes without a name in between
        self._folder(str(old.parent)).change((old.name, None), (new.name, inode))
        inode.names -= 1

    def link(self, old: Path, new: Path) -> None:
        inode = self._must_find(old)
        self.step()
        if self.find(str(new)) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new))
        self._entry(str(new), inode)

    def remove(self, path: Path) -> None:
        if self.exists(path):
            self.delete(str(path))

    def sync_folder(self, folder: Path) -> None:
        self.flush_names(str(folder))

    def reserve(self, path: Path, wanted_bytes: int) -> None:
        inode = self.find(str(path)) or self.make(str(path))
        self.step()
        self.ask_room(inode.taken, wanted_bytes)
        inode.reserved = wanted_bytes

    def lock(self, path: Path) -> Callable[[], None]:
        name = str(path)
        if self.find(name) is None:
            self.make(name)
        if name in self._locked:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), name)
        self._locked.add(name)
        life = self.life

        def unlock() -> None:
            if life == self.life:
                self._locked.discard(name)

        return unlock

    # --- Within ---------------------------------------------------------------------------------

    def _folder(self, name: str) -> _Folder:
        return self._folders.setdefault(name, _Folder())

    def _entry(self, path: str, inode: Inode | None) -> None:
        folder, _, name = path.rpartition("/")
        self._folder(folder).change((name, inode))

    def _must_find(self, path: Path) -> Inode:
        if self.is_down:
            raise PowerCutError
        inode = self.find(str(path))
        if inode is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return inode

    def _may_fail(self) -> None:
        if self.errors:
            self.errors -= 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _inodes(self) -> list[Inode]:
        return [
            inode
            for folder in self._folders.values()
            for names in (folder.seen, folder.platter)
            for inode in names.values()
        ]
