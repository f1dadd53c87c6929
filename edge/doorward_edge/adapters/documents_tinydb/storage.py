"""TinyDB's storage: one sealed file, replaced whole, and the generation before it.

A file is `"DWD1" | nonce(12) | AES-256-GCM(key, nonce, JSON, aad)` with the additional data
`"doorward/1/documents" 00 | name`.
A write goes to a temporary file, to the disk, and takes the place of the current file, which stays
as the previous generation: a power cut leaves the old or the new, a bad block one of the two.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from tinydb.storages import Storage

from doorward_edge.disk import POSIX, Disk
from doorward_edge.ports import DocumentsError

KEY_BYTES = 32
MAX_FILE_BYTES = 4 * 1024 * 1024
_MAGIC = b"DWD1"
_NONCE_BYTES = 12

Tables = dict[str, dict[str, Any]]


class SealedStorage(Storage):
    """Keeps TinyDB's tables in memory and writes every change through.

    Attributes:
        is_found: something was there.
        damage: what was wrong with it, or empty.
        is_lost: nothing of it could be read.
    """

    def __init__(
        self,
        path: Path,
        key: bytes,
        disk: Disk = POSIX,
        draw: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Reads the newest generation that is whole. Raises DocumentsError."""
        self._path, self._disk, self._draw = path, disk, draw
        self._previous = path.with_name(f"{path.name}.previous")
        self._aead = AESGCM(key)
        self._aad = b"doorward/1/documents\x00" + path.name.encode()
        self._plain = b"{}"
        self.damage = ""
        self.is_found = disk.exists(path) or disk.exists(self._previous)
        self.is_lost = self.is_found and not self._load()
        if self.damage and not self.is_lost:
            self.write(self.read() or {})  # two whole generations again

    def read(self) -> Tables | None:
        """Returns the tables, to change at will: a failed write leaves no trace here."""
        tables: Tables = json.loads(self._plain)
        return tables

    def write(self, data: Tables) -> None:
        """Puts the tables on the disk. Raises DocumentsError; the old ones stay then."""
        plain = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        nonce = self._draw(_NONCE_BYTES)
        sealed = _MAGIC + nonce + self._aead.encrypt(nonce, plain, self._aad)
        if len(sealed) > MAX_FILE_BYTES:
            raise DocumentsError(
                f"{self._path} would have {len(sealed)} bytes, at most {MAX_FILE_BYTES}"
            )
        try:
            self._replace(sealed)
        except OSError as err:
            raise DocumentsError(f"{self._path} cannot be written: {err.strerror}") from err
        self._plain = plain

    def _load(self) -> bool:
        for path in (self._path, self._previous):
            try:
                self._plain = self._open(path)
            except (ValueError, InvalidTag) as err:
                why = "its seal does not hold" if isinstance(err, InvalidTag) else str(err)
                self.damage += f"{path.name}: {why}; "
                self._put_aside(path)
            except FileNotFoundError:
                self.damage += f"{path.name} is missing; " if path == self._path else ""
            except OSError as err:
                raise DocumentsError(f"{path} cannot be read: {err.strerror}") from err
            else:
                return True
        return False

    def _open(self, path: Path) -> bytes:
        if self._disk.size(path) > MAX_FILE_BYTES:
            raise ValueError(f"longer than {MAX_FILE_BYTES} bytes")
        data = self._disk.read(path)
        head = len(_MAGIC) + _NONCE_BYTES
        if len(data) < head or not data.startswith(_MAGIC):
            raise ValueError("not a sealed document")
        return self._aead.decrypt(data[len(_MAGIC) : head], data[head:], self._aad)

    def _put_aside(self, path: Path) -> None:
        number = 1
        while self._disk.exists(aside := path.with_name(f"{path.name}.damaged-{number}")):
            number += 1
        try:
            self._disk.rename(path, aside)
        except OSError as err:
            raise DocumentsError(f"{path} cannot be put aside: {err.strerror}") from err

    def _replace(self, sealed: bytes) -> None:
        disk, temporary = self._disk, self._path.with_name(f"{self._path.name}.tmp")
        disk.write(temporary, sealed)
        if disk.exists(self._path):
            link = self._previous.with_name(f"{self._previous.name}.tmp")
            disk.remove(link)
            disk.link(self._path, link)
            disk.rename(link, self._previous)
        disk.rename(temporary, self._path)
        disk.sync_folder(self._path.parent)
