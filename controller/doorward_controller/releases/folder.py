"""The folder of a repository: what lies where, read as metadata, written so that it is whole.

metadata/N.root.json, N.targets.json, N.snapshot.json, timestamp.json    served
targets/PART/VERSION/SHA256.doorward-PART-VERSION-PLATFORM.tar           served
staged/root.json, staged/targets.json              waiting for signatures, never served
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from doorward_controller.releases.errors import ReleaseError

_T = TypeVar("_T", Root, Targets, Snapshot, Timestamp)
_NUMBERED = re.compile(r"([0-9]+)\.(root|targets|snapshot)\.json")
READABLE = JSONSerializer(compact=False)
"""Those who sign look at what they sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """Where a repository lies."""

    root: Path

    @property
    def metadata(self) -> Path:
        """What is served of who signed what."""
        return self.root / "metadata"

    @property
    def targets(self) -> Path:
        """What is served of the files."""
        return self.root / "targets"

    @property
    def staged(self) -> Path:
        """What waits for signatures."""
        return self.root / "staged"

    def is_begun(self) -> bool:
        """Whether there is a published root."""
        return self.newest_version("root") > 0

    def newest_version(self, role: str) -> int:
        """Returns the highest version of numbered metadata, 0 for none."""
        names = (_NUMBERED.fullmatch(path.name) for path in self.metadata.glob("*.json"))
        return max((int(found[1]) for found in names if found and found[2] == role), default=0)

    def published(self, role: str, version: int) -> Path:
        """Returns where a published version lies."""
        return self.metadata / f"{version}.{role}.json"

    def waiting(self, role: str) -> Path:
        """Returns where a version that waits for signatures lies."""
        return self.staged / f"{role}.json"

    def timestamp(self) -> Path:
        """Returns where the one file without a number lies."""
        return self.metadata / "timestamp.json"


def read(path: Path, kind: type[_T]) -> Metadata[_T]:
    """Returns metadata of a kind from a file. Raises ReleaseError."""
    try:
        found: Metadata[_T] = Metadata.from_bytes(path.read_bytes())
    except OSError as err:
        raise ReleaseError(f"{path}: cannot be read: {err.strerror}") from err
    except (RepositoryError, ValueError) as err:
        raise ReleaseError(f"{path}: is no metadata of releases: {err}") from err
    if not isinstance(found.signed, kind):
        raise ReleaseError(f"{path}: is {found.signed.type}, not {kind.type}")
    return found


def write(path: Path, metadata: Metadata[_T]) -> None:
    """Writes metadata whole or not at all. Raises ReleaseError."""
    write_bytes(path, metadata.to_bytes(READABLE))


def write_bytes(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, on the disk before its name is. Raises ReleaseError."""
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as err:
        raise ReleaseError(f"{path}: cannot be written: {err.strerror}") from err


def sync_folder(folder: Path) -> None:
    """Puts a folder's names onto the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
