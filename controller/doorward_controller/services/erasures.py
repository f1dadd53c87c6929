"""Who was erased, kept beside the database as well: a restored older one knows them again.

A line holds a holder's number, which names nobody. The file goes into every backup; a restore
gathers the newest that it can find and erases those people anew.
"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from doorward_controller.config import Config
from doorward_controller.errors import StoreError
from doorward_controller.services.backend import Backend
from doorward_controller.store import holders
from doorward_controller.store.pieces import pieces

ERASURES_FILE = "erasures.jsonl"

_log = logging.getLogger(__name__)


def file_of(config: Config) -> Path:
    """Returns where they are written down beside the database."""
    return config.data_dir / ERASURES_FILE


def note(config: Config, holder_id: str, at_utc_s: int) -> None:
    """Writes one down after the erasure; the next backup makes up for what fails here."""
    try:
        _append(file_of(config), {holder_id: at_utc_s})
    except OSError as err:
        _log.warning("erasures.not_written problem=%s", err.strerror)


def complete(backend: Backend) -> int:
    """Adds to the file whoever is erased in the database and not in it. Raises StoreError."""
    path = file_of(backend.config)
    with backend.store.read() as connection:
        erased = holders.erased(connection)
    try:
        lacking = erased.keys() - read(path.read_bytes() if path.exists() else b"").keys()
        _append(path, {each: erased[each] for each in sorted(lacking)})
    except OSError as err:
        raise StoreError(f"{path}: cannot be written: {err.strerror}") from err
    return len(lacking)


def read(content: bytes) -> dict[str, int]:
    """Returns when whom; lines that a power cut tore are passed by."""
    found: dict[str, int] = {}
    for line in content.splitlines():
        try:
            said = json.loads(line)
            found[str(said["holder"])] = int(said["at_utc_s"])
        except (ValueError, KeyError, TypeError):
            continue
    return found


def lacking(connection: sa.Connection, known: Mapping[str, int]) -> dict[str, int]:
    """Returns those of the known erasures of which the database does not know."""
    found: dict[str, int] = {}
    for part in pieces(sorted(known)):
        there = holders.find(connection, part).values()
        found |= {each.id: known[each.id] for each in there if each.wrapped_key is not None}
    return found


def _append(path: Path, erased: Mapping[str, int]) -> None:
    text = "".join(
        json.dumps({"holder": holder_id, "at_utc_s": at}) + "\n" for holder_id, at in erased.items()
    )
    if not text:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
    with os.fdopen(descriptor, "ab") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(descriptor)
