"""Looking the whole repository over, as a gateway will: every signature, every date, every file."""

import hashlib
from collections.abc import Iterator
from datetime import datetime

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from doorward_controller.releases.errors import ReleaseError
from doorward_controller.releases.folder import Folder, read
from doorward_controller.releases.staging import hashed_path


def faults(folder: Folder, now: datetime) -> Iterator[str]:
    """Yields a sentence for each thing that a gateway would refuse; none where all is well."""
    try:
        root = _root_chain(folder)
    except (ReleaseError, RepositoryError) as err:
        yield str(err)
        return
    if root.is_expired(now):
        yield f"root version {root.version} expired at {root.expires:%Y-%m-%d %H:%M} UTC"
    try:
        yield from _delegated(folder, root, now)
    except (ReleaseError, RepositoryError, KeyError) as err:
        yield str(err)


def _root_chain(folder: Folder) -> Root:
    newest = folder.newest_version("root")
    if newest == 0:
        raise ReleaseError(f"{folder.root}: no root is published")
    before: Root | None = None
    for version in range(1, newest + 1):
        metadata = read(folder.published("root", version), Root)
        if metadata.signed.version != version:
            raise ReleaseError(f"{version}.root.json holds version {metadata.signed.version}")
        for judge in (metadata.signed, before):
            if judge is not None:
                judge.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
        before = metadata.signed
    assert before is not None  # noqa: S101  # there is at least version 1
    return before


def _delegated(folder: Folder, root: Root, now: datetime) -> Iterator[str]:
    timestamp = read(folder.timestamp(), Timestamp)
    snapshot = read(folder.published("snapshot", timestamp.signed.snapshot_meta.version), Snapshot)
    targets = read(
        folder.published("targets", snapshot.signed.meta["targets.json"].version), Targets
    )
    found: tuple[Metadata[Timestamp] | Metadata[Snapshot] | Metadata[Targets], ...] = (
        timestamp,
        snapshot,
        targets,
    )
    for metadata in found:
        signed = metadata.signed
        root.verify_delegate(signed.type, metadata.signed_bytes, metadata.signatures)
        if signed.is_expired(now):
            yield (
                f"{signed.type} version {signed.version} expired at"
                f" {signed.expires:%Y-%m-%d %H:%M} UTC"
            )
    yield from _files(folder, targets.signed)


def _files(folder: Folder, targets: Targets) -> Iterator[str]:
    for target in targets.targets.values():
        path = folder.targets / hashed_path(target)
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as err:
            yield f"{path}: cannot be read: {err.strerror}"
            continue
        if digest != target.hashes["sha256"]:
            yield f"{path}: is not the file that was signed"
