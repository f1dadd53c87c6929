"""Secrets in files: each sealed under one key, which lies beside them, guarded.

A file is `MAGIC | nonce (12) | AES-256-GCM of the secret`, bound to its name, so that one cannot
stand in for another. A file without the magic is the secret itself, as hands put it there.
"""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from doorward_edge.keeping.guards import Guard, GuardError, GuardKind, guard_of

MAGIC = b"DOORWARD SEALED 1\n"
KEY_FILE = "kek.json"
KEY_BYTES = 32
_NONCE_BYTES = 12
_OWNER_ONLY = 0o600
_MAX_UP = 4


@dataclass(frozen=True, slots=True)
class SealingKey:
    """The one key, in memory."""

    secret: bytes

    def seal(self, secret: bytes, name: str) -> bytes:
        """Returns the content of the file of that name."""
        nonce = os.urandom(_NONCE_BYTES)
        return MAGIC + nonce + AESGCM(self.secret).encrypt(nonce, secret, name.encode())

    def open(self, content: bytes, name: str) -> bytes:
        """Returns the secret in a file. Raises GuardError."""
        nonce, sealed = content[len(MAGIC) :][:_NONCE_BYTES], content[len(MAGIC) + _NONCE_BYTES :]
        try:
            return AESGCM(self.secret).decrypt(nonce, sealed, name.encode())
        except (InvalidTag, ValueError) as err:
            raise GuardError(
                f"{name} is damaged, or of another gateway; enrol this gateway anew"
            ) from err


_open_keys: dict[tuple[str, int], SealingKey] = {}


def make_key(folder: Path, guard: Guard) -> SealingKey:
    """Returns the key in `folder`, which is made and guarded when there is none.

    Raises:
        GuardError: the guard cannot do it.
        OSError: it cannot be written.
    """
    file = folder / KEY_FILE
    if file.exists():
        return load_key(file)
    secret = os.urandom(KEY_BYTES)
    kept = guard.seal(secret)
    if guard.unseal(kept) != secret:
        raise GuardError(f"{guard.kind} does not give back what it sealed")
    body = {"guard": guard.kind.value, "kept": base64.b64encode(kept).decode("ascii")}
    write_private(file, json.dumps(body).encode())
    return SealingKey(secret)


def load_key(file: Path) -> SealingKey:
    """Returns the key in a file; asks its guard once in a process. Raises GuardError, OSError."""
    mark = (str(file), file.stat().st_mtime_ns)
    if mark not in _open_keys:
        kind, kept = _read_key_file(file)
        secret = guard_of(kind).unseal(kept)
        if len(secret) != KEY_BYTES:
            raise GuardError(f"{file}: its guard {kind} gives {len(secret)} bytes back")
        _open_keys[mark] = SealingKey(secret)
    return _open_keys[mark]


def guard_kind(file: Path) -> GuardKind | None:
    """Returns what guards the secret in a file; None where it lies there as it is."""
    with suppress(OSError, ValueError):
        if is_sealed(file.read_bytes()):
            return _read_key_file(_key_file_of(file))[0]
    return None


def is_sealed(content: bytes) -> bool:
    """Says whether the content of a file is sealed."""
    return content.startswith(MAGIC)


def read_secret(file: Path) -> bytes:
    """Returns the secret in a file, sealed or as it is. Raises OSError."""
    content = file.read_bytes()
    if not is_sealed(content):
        return content
    return load_key(_key_file_of(file)).open(content, file.name)


@contextmanager
def secret_path(file: str) -> Iterator[str]:
    """Gives a path to the secret for libraries that want a file: memory, where it is sealed.

    Raises:
        OSError: it cannot be read.
    """
    with open(file, "rb") as opened:  # noqa: PTH123  # a path as libraries take it
        is_plain = not is_sealed(opened.read(len(MAGIC)))
    if is_plain:
        yield file
        return
    fd = os.memfd_create("doorward-key", os.MFD_CLOEXEC)
    try:
        os.write(fd, read_secret(Path(file)))
        yield f"/proc/self/fd/{fd}"
    finally:
        os.ftruncate(fd, 0)
        os.close(fd)


def write_private(file: Path, content: bytes) -> None:
    """Writes a file whole or not at all; only its owner can read it. Raises OSError."""
    fresh = file.with_name(f".{file.name}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    with os.fdopen(os.open(fresh, flags, _OWNER_ONLY), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
    flush_folder(file.parent)


def flush_folder(folder: Path) -> None:
    """Has the names in a folder outlive a power cut. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _key_file_of(file: Path) -> Path:
    """The key lies in one of the folders above, the same for every generation of files."""
    for folder in list(file.resolve().parents)[:_MAX_UP]:
        if (found := folder / KEY_FILE).exists():
            return found
    raise GuardError(f"{file} is sealed, and {KEY_FILE} is in no folder above it")


def _read_key_file(file: Path) -> tuple[GuardKind, bytes]:
    try:
        body = json.loads(file.read_bytes())
        return GuardKind(body["guard"]), base64.b64decode(body["kept"])
    except (ValueError, KeyError, TypeError) as err:
        raise GuardError(f"{file} is damaged; enrol this gateway anew") from err
