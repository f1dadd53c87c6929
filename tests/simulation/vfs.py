"""SQLite on the simulated disk: a VFS whose methods are Python functions (sqlite.org/vfs.html).

It is registered with the very library that Python's `sqlite3` module has loaded, so the product's
own connections reach it by name. Paths are `/sim/{machine}/...`. What it does follows SQLite's
own VFS for Unix where durability is concerned: the folder of a new log is flushed with the log's
first flush; sectors have 4,096 bytes and a write does not damage its neighbours.
"""

import ctypes
import errno
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_double, c_int, c_int64, c_void_p
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.disk import VFS_NAME, Inode, PowerCutError, SimulatedDisk

OK, BUSY, IOERR, CANTOPEN, NOTFOUND, FULL = 0, 5, 10, 14, 12, 13
IOERR_READ, IOERR_SHORT_READ, IOERR_WRITE, IOERR_FSYNC, IOERR_LOCK = (*(266, 522, 778, 1034, 3850),)
OPEN_CREATE, OPEN_READONLY = 0x4, 0x1
OPEN_MAIN_DB, OPEN_MAIN_JOURNAL, OPEN_WAL = 0x100, 0x800, 0x80000
POWERSAFE_OVERWRITE = 0x1000
SECTOR = 4096
SHM_SHARED, SHM_UNLOCK, SHM_LOCK = 4, 1, 2
SHM_LOCKS = 8
NONE, SHARED, RESERVED, PENDING, EXCLUSIVE = range(5)

_FILE = CFUNCTYPE(c_int, c_void_p)
_RANGE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_SIZE = CFUNCTYPE(c_int, c_void_p, c_int64)
_NUMBER = CFUNCTYPE(c_int, c_void_p, c_int)
_POINTER = CFUNCTYPE(c_int, c_void_p, c_void_p)
_CONTROL = CFUNCTYPE(c_int, c_void_p, c_int, c_void_p)
_SHM_MAP = CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int, c_void_p)
_SHM_LOCK = CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int)
_BARRIER = CFUNCTYPE(None, c_void_p)
_OPEN = CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_ACCESS = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int, c_void_p)
_FULL_PATH = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int, c_void_p)
_RANDOM = CFUNCTYPE(c_int, c_void_p, c_int, c_void_p)


class _Methods(Structure):
    _fields_ = [
        ("iVersion", c_int),
        ("xClose", _FILE),
        ("xRead", _RANGE),
        ("xWrite", _RANGE),
        ("xTruncate", _SIZE),
        ("xSync", _NUMBER),
        ("xFileSize", _POINTER),
        ("xLock", _NUMBER),
        ("xUnlock", _NUMBER),
        ("xCheckReservedLock", _POINTER),
        ("xFileControl", _CONTROL),
        ("xSectorSize", _FILE),
        ("xDeviceCharacteristics", _FILE),
        ("xShmMap", _SHM_MAP),
        ("xShmLock", _SHM_LOCK),
        ("xShmBarrier", _BARRIER),
        ("xShmUnmap", _NUMBER),
    ]


class _File(Structure):
    _fields_ = [("pMethods", POINTER(_Methods)), ("number", c_int64)]


class _Vfs(Structure):
    _fields_ = [
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", _OPEN),
        ("xDelete", _DELETE),
        ("xAccess", _ACCESS),
        ("xFullPathname", _FULL_PATH),
        ("xDlOpen", c_void_p),
        ("xDlError", c_void_p),
        ("xDlSym", c_void_p),
        ("xDlClose", c_void_p),
        ("xRandomness", _RANDOM),
        ("xSleep", _NUMBER),
        ("xCurrentTime", CFUNCTYPE(c_int, c_void_p, POINTER(c_double))),
        ("xGetLastError", _CONTROL),
    ]


@dataclass(slots=True, eq=False)
class _Shared:
    """What the connections to one database share while it is open."""

    levels: dict[int, int] = field(default_factory=dict)
    regions: list[Any] = field(default_factory=list)
    shm_users: set[int] = field(default_factory=set)
    shm_readers: list[set[int]] = field(default_factory=lambda: [set() for _ in range(SHM_LOCKS)])
    shm_writer: list[int | None] = field(default_factory=lambda: [None] * SHM_LOCKS)


@dataclass(slots=True, eq=False)
class _Handle:
    number: int
    path: str
    disk: SimulatedDisk
    life: int
    inode: Inode
    shared: _Shared
    syncs_folder: bool
    is_read_only: bool


class SimulatedVfs:
    """The VFS of this process, and the machines whose disks it knows."""

    def __init__(self) -> None:
        self.disks: dict[str, SimulatedDisk] = {}
        self._handles: dict[int, _Handle] = {}
        self._shared: dict[tuple[int, int, str], _Shared] = {}
        self._last = 0
        self._methods = _Methods(
            2,
            _FILE(self._close),
            _RANGE(self._read),
            _RANGE(self._write),
            _SIZE(self._truncate),
            _NUMBER(self._sync),
            _POINTER(self._file_size),
            _NUMBER(self._lock),
            _NUMBER(self._unlock),
            _POINTER(self._check_reserved),
            _CONTROL(lambda _f, _op, _arg: NOTFOUND),
            _FILE(lambda _f: SECTOR),
            _FILE(lambda _f: POWERSAFE_OVERWRITE),
            _SHM_MAP(self._shm_map),
            _SHM_LOCK(self._shm_lock),
            _BARRIER(lambda _f: None),
            _NUMBER(self._shm_unmap),
        )
        self._vfs = _Vfs(
            1,
            ctypes.sizeof(_File),
            512,
            None,
            VFS_NAME.encode(),
            None,
            _OPEN(self._open),
            _DELETE(self._delete),
            _ACCESS(self._access),
            _FULL_PATH(self._full_path),
            None,
            None,
            None,
            None,
            _RANDOM(_no_random),
            _NUMBER(lambda _v, us: us),
            CFUNCTYPE(c_int, c_void_p, POINTER(c_double))(_no_time),
            _CONTROL(lambda _v, _n, _z: OK),
        )
        library = sqlite_library()
        if library.sqlite3_vfs_register(ctypes.byref(self._vfs), 0) != OK:
            raise RuntimeError("SQLite did not take the simulated VFS")

    # --- The file system ------------------------------------------------------------------------

    def _disk(self, path: str) -> SimulatedDisk:
        return self.disks[path.split("/")[2]]

    def _open(self, _vfs: Any, name: bytes, file: int, flags: int, out: int | None) -> int:
        place = _File.from_address(file)
        place.pMethods = POINTER(_Methods)()
        if not name:
            return CANTOPEN  # a temporary file: everything of ours sorts in memory
        path = name.decode()
        disk = self._disk(path)
        if disk.is_down:
            return CANTOPEN
        inode = disk.find(path)
        try:
            is_new = inode is None
            if inode is None:
                if not flags & OPEN_CREATE:
                    return CANTOPEN
                inode = disk.make(path)
        except PowerCutError:
            return CANTOPEN
        except OSError as err:
            return FULL if err.errno == errno.ENOSPC else CANTOPEN
        self._last += 1
        key = (id(disk), disk.life, path)
        shared = self._shared.setdefault(key, _Shared()) if flags & OPEN_MAIN_DB else _Shared()
        self._handles[self._last] = _Handle(
            number=self._last,
            path=path,
            disk=disk,
            life=disk.life,
            inode=inode,
            shared=shared,
            is_read_only=bool(flags & OPEN_READONLY),
            syncs_folder=is_new and bool(flags & (OPEN_WAL | OPEN_MAIN_JOURNAL)),
        )
        place.number = self._last
        place.pMethods = ctypes.pointer(self._methods)
        if out:
            c_int.from_address(out).value = flags
        return OK

    def _delete(self, _vfs: Any, name: bytes, sync_folder: int) -> int:
        path = name.decode()
        disk = self._disk(path)

        def act() -> None:
            if disk.find(path) is not None:
                disk.delete(path)
                if sync_folder:
                    disk.flush_names(path.rpartition("/")[0])

        return _guarded(act, IOERR_WRITE)

    def _access(self, _vfs: Any, name: bytes, _flags: int, out: int) -> int:
        path = name.decode()
        inode = self._disk(path).find(path)
        c_int.from_address(out).value = int(inode is not None and inode.taken > 0)
        return OK

    def _full_path(self, _vfs: Any, name: bytes, size: int, out: int) -> int:
        if len(name) + 1 > size:
            return CANTOPEN
        ctypes.memmove(out, name + b"\0", len(name) + 1)
        return OK

    # --- A file ---------------------------------------------------------------------------------

    def _of(self, file: int) -> _Handle:
        return self._handles[_File.from_address(file).number]

    def _is_dead(self, handle: _Handle) -> bool:
        return handle.life != handle.disk.life or handle.disk.is_down

    def _close(self, file: int) -> int:
        handle = self._handles.pop(_File.from_address(file).number)
        handle.shared.levels.pop(handle.number, None)
        self._leave_shm(handle)
        if not handle.shared.levels and not handle.shared.shm_users:
            self._shared.pop((id(handle.disk), handle.life, handle.path), None)
        return OK

    def _read(self, file: int, buffer: int, amount: int, offset: int) -> int:
        handle = self._of(file)
        if self._is_dead(handle):
            return IOERR_READ
        data = bytes(handle.inode.seen[offset : offset + amount])
        ctypes.memmove(buffer, data, len(data))
        if len(data) == amount:
            return OK
        ctypes.memset(buffer + len(data), 0, amount - len(data))
        return IOERR_SHORT_READ

    def _write(self, file: int, buffer: int, amount: int, offset: int) -> int:
        handle = self._of(file)
        if self._is_dead(handle):
            return IOERR_WRITE
        data = ctypes.string_at(buffer, amount)
        try:
            handle.disk.write_at(handle.inode, offset, data)
        except PowerCutError:
            return IOERR_WRITE
        except OSError as err:
            return FULL if err.errno == errno.ENOSPC else IOERR_WRITE
        return OK

    def _truncate(self, file: int, size: int) -> int:
        handle = self._of(file)
        if self._is_dead(handle):
            return IOERR_WRITE
        return _guarded(lambda: handle.disk.cut(handle.inode, size), IOERR_WRITE)

    def _sync(self, file: int, _flags: int) -> int:
        handle = self._of(file)
        if self._is_dead(handle):
            return IOERR_FSYNC

        def act() -> None:
            handle.disk.flush(handle.inode)
            if handle.syncs_folder:
                handle.disk.flush_names(handle.path.rpartition("/")[0])
                handle.syncs_folder = False

        return _guarded(act, IOERR_FSYNC)

    def _file_size(self, file: int, out: int) -> int:
        c_int64.from_address(out).value = len(self._of(file).inode.seen)
        return OK

    # --- Locks between connections --------------------------------------------------------------

    def _lock(self, file: int, level: int) -> int:
        handle = self._of(file)
        # As with fcntl: who opened a file for reading alone cannot lock it against others.
        if self._is_dead(handle) or (handle.is_read_only and level > SHARED):
            return IOERR_LOCK
        levels, number = handle.shared.levels, handle.number
        if levels.get(number, NONE) >= level:
            return OK
        others = [held for who, held in levels.items() if who != number]
        if level == SHARED:
            is_free = all(held < PENDING for held in others)
        elif level == RESERVED:
            is_free = all(held < RESERVED for held in others)
        else:
            is_free = all(held == NONE for held in others)
        if not is_free:
            return BUSY
        levels[number] = level
        return OK

    def _unlock(self, file: int, level: int) -> int:
        handle = self._of(file)
        handle.shared.levels[handle.number] = level
        return OK

    def _check_reserved(self, file: int, out: int) -> int:
        levels = self._of(file).shared.levels
        c_int.from_address(out).value = int(any(held >= RESERVED for held in levels.values()))
        return OK

    def _shm_map(self, file: int, region: int, size: int, extend: int, out: int) -> int:
        shared = self._of(file).shared
        shared.shm_users.add(self._of(file).number)
        while extend and len(shared.regions) <= region:
            shared.regions.append(ctypes.create_string_buffer(size))
        known = region < len(shared.regions)
        address = ctypes.addressof(shared.regions[region]) if known else None
        c_void_p.from_address(out).value = address
        return OK

    def _shm_lock(self, file: int, offset: int, count: int, flags: int) -> int:
        handle = self._of(file)
        if self._is_dead(handle) and not flags & SHM_UNLOCK:
            return IOERR_LOCK
        shared, number = handle.shared, handle.number
        slots = range(offset, offset + count)
        for slot in slots:
            readers, writer = shared.shm_readers[slot], shared.shm_writer[slot]
            if flags & SHM_UNLOCK:
                continue
            if writer not in {None, number}:
                return BUSY
            if not flags & SHM_SHARED and readers - {number}:
                return BUSY
        for slot in slots:
            if flags & SHM_UNLOCK:
                shared.shm_readers[slot].discard(number)
                if shared.shm_writer[slot] == number:
                    shared.shm_writer[slot] = None
            elif flags & SHM_SHARED:
                shared.shm_readers[slot].add(number)
            else:
                shared.shm_writer[slot] = number
        return OK

    def _shm_unmap(self, file: int, _delete: int) -> int:
        self._leave_shm(self._of(file))
        return OK

    def _leave_shm(self, handle: _Handle) -> None:
        shared = handle.shared
        shared.shm_users.discard(handle.number)
        for slot in range(SHM_LOCKS):
            shared.shm_readers[slot].discard(handle.number)
            if shared.shm_writer[slot] == handle.number:
                shared.shm_writer[slot] = None
        if not shared.shm_users:
            shared.regions = []


def _guarded(act: Callable[[], None], otherwise: int) -> int:
    try:
        act()
    except PowerCutError:
        return otherwise
    except OSError as err:
        return FULL if err.errno == errno.ENOSPC else otherwise
    return OK


def _no_random(_vfs: Any, size: int, out: int) -> int:
    ctypes.memset(out, 7, size)
    return size


def _no_time(_vfs: Any, out: Any) -> int:
    out[0] = 2_460_000.5
    return OK


def sqlite_library() -> ctypes.CDLL:
    """Returns the library that Python's `sqlite3` module works with."""
    import _sqlite3

    # A handle of the extension module finds the symbols of the library that it was linked to;
    # where the module is built into the interpreter, the interpreter's own does.
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    library.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
    return library


_registered: list[SimulatedVfs] = []


def simulated_vfs() -> SimulatedVfs:
    """Returns the VFS of this process, registered at the first call."""
    if not _registered:
        _registered.append(SimulatedVfs())
    return _registered[0]
