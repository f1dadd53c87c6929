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

    def __init__(self, path: Path, key: bytes, draw: Callable[[int], bytes] = os.urandom) -> None:
        """Reads the newest generation that is whole. Raises DocumentsError."""
        self._path, self._draw = path, draw
        self._previous = path.with_name(f"{path.name}.previous")
        self._aead = AESGCM(key)
        self._aad = b"doorward/1/documents\x00" + path.name.encode()
        self._plain = b"{}"
        self.damage = ""
        self.is_found = path.exists() or self._previous.exists()
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
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"longer than {MAX_FILE_BYTES} bytes")
        data = path.read_bytes()
        head = len(_MAGIC) + _NONCE_BYTES
        if len(data) < head or not data.startswith(_MAGIC):
            raise ValueError("not a sealed document")
        return self._aead.decrypt(data[len(_MAGIC) : head], data[head:], self._aad)

    def _put_aside(self, path: Path) -> None:
        number = 1
        while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
            number += 1
        try:
            path.rename(aside)
        except OSError as err:
            raise DocumentsError(f"{path} cannot be put aside: {err.strerror}") from err

    def _replace(self, sealed: bytes) -> None:
        temporary = self._path.with_name(f"{self._path.name}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        if self._path.exists():
            link = self._previous.with_name(f"{self._previous.name}.tmp")
            link.unlink(missing_ok=True)
            os.link(self._path, link)
            link.replace(self._previous)
        temporary.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
