"""What a gateway knows of people, sealed on its disk: a snapshot, and a log in parts.

Each file is `"DWP1" | salt(16) | ...` and has a key of its own, HKDF-SHA256(key, salt, info). In
the snapshot follows one AES-256-GCM box of `through(8) | snapshot`. In `log-<number>.sealed` follow
frames, `length(4) | box`, each of a canonical CBOR list of byte strings; a frame's nonce is its
place, and the number of its part is additional data. Every start begins a new part, so that no
nonce is used twice where a torn end was.

The end of a part may be torn, by a power cut or a kill: what follows the last whole frame is passed
over while it is not longer than what can have been under way. More than that is damage.
"""

import os
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from doorward import canonical
from doorward.errors import MalformedError
from doorward_edge.disk import POSIX, Disk, replace
from doorward_edge.ports import PresenceFound

MAX_SNAPSHOT_BYTES = 128 * 1024 * 1024
MAX_TORN_BYTES = 256 * 1024
"""So much may have been appended and not flushed when the power failed."""
SNAPSHOT = "snapshot.sealed"
_MAGIC = b"DWP1"
_SALT_BYTES = 16
_HEAD_BYTES = len(_MAGIC) + _SALT_BYTES
_LENGTH = struct.Struct(">I")
_NUMBER = struct.Struct(">Q")
_NONCE_BYTES = 12


class PresenceFiles:
    """The `PresenceStore` port on a folder of its own."""

    def __init__(
        self,
        folder: Path,
        key: bytes,
        disk: Disk = POSIX,
        draw: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Takes a folder, which need not exist yet, and 32 bytes from which keys are derived."""
        self._folder, self._key, self._disk, self._draw = folder, key, disk, draw
        self._part = 0
        self._frames = 0
        self._log_bytes = 0
        self._box: AESGCM | None = None
        self._is_flushed = True
        self._is_named = True

    def load(self, through: int | None = None) -> PresenceFound:
        """Returns what was kept; what cannot be read is told as damage."""
        damage: list[str] = []
        try:
            numbers = [n for n in self._parts() if through is None or n <= through]
        except FileNotFoundError:
            return PresenceFound(snapshot=None, entries=(), is_first=True, damage="", through=0)
        except OSError as err:
            told = f"{self._folder}: {err.strerror}"
            return PresenceFound(snapshot=None, entries=(), is_first=False, damage=told, through=0)
        snapshot, held = self._load_snapshot(damage)
        if snapshot is None and not damage and numbers:
            damage.append(f"{SNAPSHOT} is missing")
        is_first = snapshot is None and not damage and not numbers
        entries: list[bytes] = []
        wanted = [number for number in numbers if number > held]
        for number, expected in zip(wanted, range(held + 1, held + 1 + len(wanted)), strict=True):
            if number != expected and not damage:
                damage.append(f"part {expected} of the log is missing")
            entries += self._load_part(number, damage)
        newest = max(numbers, default=held)
        self._part = max(self._part, newest, held)
        return PresenceFound(
            snapshot=snapshot,
            entries=tuple(entries),
            is_first=is_first,
            damage="; ".join(damage),
            through=max(newest, held),
        )

    def append(self, entries: Sequence[bytes], *, flush: bool) -> None:
        """Appends a frame; after a failure the log goes on in a new part. Raises OSError."""
        begun = b"" if self._box is not None else self._begin_part()
        box = self._box
        assert box is not None  # noqa: S101  # `_begin_part` made it
        plain = canonical.encode(list(entries))
        sealed = box.encrypt(_nonce(self._frames), plain, self._aad(self._part))
        data = begun + _LENGTH.pack(len(sealed)) + sealed
        self._frames += 1
        self._is_flushed = False
        try:
            self._disk.append(self._path(self._part), data, flush=flush)
            self._log_bytes += len(data)
            if flush:
                self._note_flushed()
        except OSError:
            self._give_up_part()
            raise

    def flush(self) -> None:
        """Returns when everything that was appended is on the disk. Raises OSError."""
        if not self._is_flushed:
            self._disk.append(self._path(self._part), b"", flush=True)
            self._note_flushed()

    def log_bytes(self) -> int:
        """Returns how long the log is that is not in the snapshot and was not ended to be."""
        return self._log_bytes

    def end_part(self) -> int:
        """Has the log go on in a new part. Raises OSError."""
        self.flush()
        self._box, self._log_bytes = None, 0
        return self._part

    def save(self, snapshot: bytes, through: int) -> None:
        """Replaces the snapshot, then drops the parts that it holds. Raises OSError."""
        self._disk.make_folder(self._folder, 0o700)
        salt = self._draw(_SALT_BYTES)
        plain = _NUMBER.pack(through) + snapshot
        sealed = self._box_of(salt).encrypt(_nonce(0), plain, SNAPSHOT.encode())
        replace(self._disk, self._folder / SNAPSHOT, _MAGIC + salt + sealed)
        for number in self._parts():
            if number <= through:
                self._disk.remove(self._path(number))
        self._part = max(self._part, through)

    def _begin_part(self) -> bytes:
        self._disk.make_folder(self._folder, 0o700)
        salt = self._draw(_SALT_BYTES)
        self._part += 1
        self._box, self._frames = self._box_of(salt), 0
        self._is_named = False
        return _MAGIC + salt

    def _give_up_part(self) -> None:
        """Has the log go on behind a part whose end may be torn; one that never was is no gap."""
        self._box = None
        if not self._disk.exists(self._path(self._part)):
            self._part -= 1
            self._is_flushed = True

    def _note_flushed(self) -> None:
        if not self._is_named:
            self._disk.sync_folder(self._folder)
        self._is_flushed = self._is_named = True

    def _load_snapshot(self, damage: list[str]) -> tuple[bytes | None, int]:
        """Returns the snapshot and the part up to which it goes, or None and 0."""
        path = self._folder / SNAPSHOT
        try:
            if self._disk.size(path) > MAX_SNAPSHOT_BYTES:
                damage.append(f"{SNAPSHOT} is longer than {MAX_SNAPSHOT_BYTES} bytes")
                return None, 0
            data = self._disk.read(path)
            box = self._opened(data)
            plain = box.decrypt(_nonce(0), data[_HEAD_BYTES:], SNAPSHOT.encode())
            (through,) = _NUMBER.unpack_from(plain)
        except FileNotFoundError:
            return None, 0
        except (OSError, MalformedError, InvalidTag, struct.error) as err:
            damage.append(f"{SNAPSHOT}: {_words(err)}")
            return None, 0
        return plain[_NUMBER.size :], through

    def _load_part(self, number: int, damage: list[str]) -> list[bytes]:
        name = self._path(number).name
        try:
            data = self._disk.read(self._path(number))
        except OSError as err:
            damage.append(f"{name}: {_words(err)}")
            return []
        self._log_bytes += len(data)
        entries, whole = self._frames_of(data, number)
        if len(data) - whole > MAX_TORN_BYTES:
            damage.append(f"{name}: {len(data) - whole} bytes cannot be read")
        return entries

    def _frames_of(self, data: bytes, number: int) -> tuple[list[bytes], int]:
        """Returns the entries of all whole frames at the beginning, and where these end."""
        entries: list[bytes] = []
        at = _HEAD_BYTES
        try:
            box = self._opened(data)
        except MalformedError:
            return [], 0
        for frame in range(len(data)):
            start = at + _LENGTH.size
            if start > len(data):
                break
            end = start + _LENGTH.unpack_from(data, at)[0]
            if end > len(data):
                break
            try:
                plain = box.decrypt(_nonce(frame), data[start:end], self._aad(number))
            except InvalidTag:
                break
            entries += _entries(plain)
            at = end
        return entries, at

    def _opened(self, data: bytes) -> AESGCM:
        if len(data) < _HEAD_BYTES or not data.startswith(_MAGIC):
            raise MalformedError("not a sealed file of presence")
        return self._box_of(data[len(_MAGIC) : _HEAD_BYTES])

    def _box_of(self, salt: bytes) -> AESGCM:
        info = b"doorward/1/presence file"
        return AESGCM(HKDF(SHA256(), 32, salt=salt, info=info).derive(self._key))

    def _aad(self, number: int) -> bytes:
        return b"log" + _NUMBER.pack(number)

    def _path(self, number: int) -> Path:
        return self._folder / f"log-{number}.sealed"

    def _parts(self) -> list[int]:
        names = self._disk.names(self._folder)
        middles = [
            name.removeprefix("log-").removesuffix(".sealed")
            for name in names
            if name.startswith("log-") and name.endswith(".sealed")
        ]
        return sorted(int(middle) for middle in middles if middle.isdigit())


def _nonce(number: int) -> bytes:
    return number.to_bytes(_NONCE_BYTES)


def _entries(plain: bytes) -> list[bytes]:
    found = canonical.decode(plain, "presence log")
    if not isinstance(found, list):
        raise MalformedError("presence log: a frame is no list")
    return [entry for entry in found if isinstance(entry, bytes)]


def _words(err: Exception) -> str:
    if isinstance(err, InvalidTag):
        return "its seal does not hold"
    return (err.strerror if isinstance(err, OSError) else None) or str(err)
