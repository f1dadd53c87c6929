"""What a copy says of itself: from it a restore knows that nothing is missing or changed."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from doorward_controller.errors import BackupError

MANIFEST_FILE = "manifest.json"
FORMAT = 1
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A copy's own account.

    Attributes:
        made_at_utc_s: when the database's moment was.
        schema: the tables' version (`store.schema.SCHEMA_VERSION`).
        rows: how many each table had.
        audit_entries: the number of the audit log's last entry.
        audit_root: its hash, hexadecimal; follows from every entry before.
        places: where the files below `also/` lay, by their names there.
        files: SHA-256 of each file, by its path within the copy.
    """

    site: str
    made_at_utc_s: int
    program: str
    schema: int
    is_postgresql: bool
    rows: Mapping[str, int]
    audit_entries: int
    audit_root: str
    places: Mapping[str, str]
    files: Mapping[str, str]
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Writes it into the copy."""
        text = json.dumps(asdict(self), sort_keys=True, indent=1)
        (folder / MANIFEST_FILE).write_text(text, encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Returns the manifest of a copy. Raises BackupError when there is none of a known format."""
    path = folder / MANIFEST_FILE
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said.get("format") != FORMAT:
            raise BackupError(
                f"{path}: has format {said.get('format')}, this program knows {FORMAT}; install"
                " the newer program first"
            )
        return Manifest(**said)
    except (OSError, ValueError, TypeError, AttributeError) as err:
        raise BackupError(f"{path}: is no manifest of a copy: {err}") from err


def digests(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of every file in a copy but the manifest."""
    return {
        str(path.relative_to(folder)): _digest(path)
        for path in _files(folder)
        if path.name != MANIFEST_FILE or path.parent != folder
    }


def check_files(folder: Path, manifest: Manifest) -> None:
    """Raises BackupError naming the first file that is missing, changed or was not there."""
    found = digests(folder)
    for name in sorted(manifest.files.keys() | found.keys()):
        if name not in found:
            raise BackupError(f"{name} is missing from the copy", code="copy_damaged")
        if name not in manifest.files:
            raise BackupError(f"{name} was not in the copy", code="copy_damaged")
        if found[name] != manifest.files[name]:
            raise BackupError(f"{name} is not what was copied", code="copy_damaged")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
