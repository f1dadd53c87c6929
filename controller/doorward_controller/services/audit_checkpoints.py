"""Signing where the audit log ends: often, every hour, at the stop; and keeping it in a file too.

The file is for copying away (`data_dir/audit/checkpoints.jsonl`): what somebody else holds cannot
be changed by whoever owns this machine.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from doorward_controller.config import Config
from doorward_controller.domain.audit_checkpoint import Checkpoint, sign_checkpoint
from doorward_controller.errors import InvalidError, StoreError
from doorward_controller.services.backend import Backend
from doorward_controller.store import audit_checkpoints, audit_log

ENTRIES = 100
"""At most about so many entries stand behind the last checkpoint."""

LATEST_MS = 3_600_000
"""A busy hour never passes without one; where nothing was written, none is needed."""


def file_of(config: Config) -> Path:
    """Returns where the checkpoints are written down beside the database."""
    return config.data_dir / "audit" / "checkpoints.jsonl"


def sign_when_due(backend: Backend) -> int:
    """Signs where enough entries or time have passed. Returns how many checkpoints it made."""
    now_ms = backend.clock.now().utc_ms
    with backend.store.read() as connection:
        end, last = audit_log.end(connection), audit_checkpoints.newest(connection)
    if end is None or (last is not None and end[0] <= last.entry):
        return 0
    behind = end[0] - (last.entry if last else 0)
    is_old = last is None or now_ms - last.at_utc_ms >= LATEST_MS
    return sign(backend) if behind >= ENTRIES or is_old else 0


def sign(backend: Backend) -> int:
    """Signs the present end, unless that is signed. Returns how many checkpoints it made.

    Raises:
        StoreError: it is signed, and the file cannot be written; the next one makes up for it.
    """
    now_ms = backend.clock.now().utc_ms
    with backend.store.write() as connection:
        end, last = audit_log.lock_end(connection), audit_checkpoints.newest(connection)
        if end is None or (last is not None and end[0] <= last.entry):
            return 0
        made = sign_checkpoint(
            backend.keys.audit,
            backend.config.site,
            number=last.number + 1 if last else 1,
            entry=end[0],
            entry_hash=end[1],
            at_utc_ms=now_ms,
        )
        audit_checkpoints.append(connection, made)
    publish(backend)
    return 1


def publish(backend: Backend) -> None:
    """Adds to the file what it lacks. Raises StoreError."""
    path = file_of(backend.config)
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        written = max((one.number for one in read_file(path)), default=0)
        with backend.store.read() as connection:
            lacking = audit_checkpoints.after(connection, written)
        _append(path, lacking)
    except OSError as err:
        raise StoreError(f"{path}: cannot be written: {err.strerror}") from err


def read_file(path: Path) -> tuple[Checkpoint, ...]:
    """Returns the checkpoints in a file; a last line that was cut off by a power cut is passed by.

    Raises:
        InvalidError: another line is not a checkpoint; the line is named.
        OSError: the file is there and cannot be read.
    """
    if not path.exists():
        return ()
    *whole, rest = path.read_text(encoding="utf-8", errors="replace").split("\n")
    found = []
    for number, line in enumerate(whole, 1):
        try:
            found.append(Checkpoint.from_line(line))
        except InvalidError as err:
            raise InvalidError(f"{path}, line {number}: {err.message}") from err
    if rest.strip():
        try:
            found.append(Checkpoint.from_line(rest))
        except InvalidError:
            return tuple(found)
    return tuple(found)


def _append(path: Path, lacking: Iterable[Checkpoint]) -> None:
    text = "".join(f"{one.to_line()}\n" for one in lacking)
    if not text:
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
    with os.fdopen(descriptor, "r+b") as file:
        _drop_torn_end(file.fileno())
        os.write(descriptor, text.encode())
        os.fsync(descriptor)


def _drop_torn_end(descriptor: int) -> None:
    """A line that a power cut tore would otherwise grow together with the next one."""
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, size, 0)
    if content and not content.endswith(b"\n"):
        os.ftruncate(descriptor, content.rfind(b"\n") + 1)
