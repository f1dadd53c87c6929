"""What waits for signatures: a new root, or new targets; made here, signed elsewhere.

A published version is never changed. What is staged takes the next number, and drops the signatures
that it had whenever it changes.
"""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, TargetFile, Targets

from doorward.errors import MalformedError
from doorward.software import MAX_RELEASE_BYTES, Release
from doorward_controller.releases.errors import ReleaseError
from doorward_controller.releases.folder import Folder, read, sync_folder, write

ROOT_LIFE = timedelta(days=365)
TARGETS_LIFE = timedelta(days=90)
MANIFEST = "MANIFEST.json"
_MAX_MANIFEST_BYTES = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatories:
    """Who signs: public keys, and how many of them are needed.

    Attributes:
        online: the controller's own key, which says each day what is newest.
    """

    root: Sequence[SSlibKey]
    root_threshold: int
    targets: Sequence[SSlibKey]
    targets_threshold: int
    online: SSlibKey

    def check(self) -> None:
        """Raises ReleaseError where a threshold cannot be met, or one key would do."""
        for role, keys, needed in (
            ("root", self.root, self.root_threshold),
            ("targets", self.targets, self.targets_threshold),
        ):
            number = len({key.keyid for key in keys})
            if not 2 <= needed <= number:
                raise ReleaseError(
                    f"{role}: {needed} of {number} different keys, must be at least 2 of as many"
                )
        offline = {key.keyid for key in (*self.root, *self.targets)}
        if self.online.keyid in offline:
            raise ReleaseError("the controller's own key signs neither root nor targets")


def stage_first(folder: Folder, who: Signatories, now: datetime) -> None:
    """Stages the first root and empty targets. Raises ReleaseError."""
    if folder.is_begun():
        raise ReleaseError(f"{folder.root}: is begun already; `release renew` changes its keys")
    who.check()
    root = Root(version=1, expires=_day(now + ROOT_LIFE), consistent_snapshot=True)
    _name_keys(root, who)
    write(folder.waiting("root"), Metadata(root))
    write(folder.waiting("targets"), Metadata(Targets(version=1, expires=_day(now + TARGETS_LIFE))))


def stage_root(folder: Folder, who: Signatories | None, now: datetime) -> int:
    """Stages the next root, with other keys or with those of now; returns its version.

    Raises:
        ReleaseError: there is none yet, or the keys do not fit.
    """
    version = folder.newest_version("root")
    root = read(folder.published("root", version), Root).signed
    root.version, root.expires = version + 1, _day(now + ROOT_LIFE)
    if who is not None:
        who.check()
        for role in root.roles.values():
            role.keyids.clear()
        root.keys.clear()
        _name_keys(root, who)
    write(folder.waiting("root"), Metadata(root))
    return root.version


def stage_targets(
    folder: Folder, now: datetime, add: Sequence[Path] = (), remove: Sequence[str] = ()
) -> tuple[Release, ...]:
    """Stages the next targets: those of now, without some, with more; returns what is added.

    The files are copied beside the published ones; until their names are signed nobody takes them.

    Raises:
        ReleaseError: a file is no release, or there is no such path to remove.
    """
    signed = _targets_to_change(folder)
    signed.expires = _day(now + TARGETS_LIFE)
    added = tuple(_add(folder, signed, path) for path in add)
    for path in remove:
        if signed.targets.pop(path, None) is None:
            raise ReleaseError(f"{path}: is not among the releases")
    write(folder.waiting("targets"), Metadata(signed))
    return added


def sign(path: Path, signer: CryptoSigner) -> int:
    """Adds a signature to what waits in a file; returns how many are there now.

    Needs nothing but the file and the key: it is done on a machine that is not connected.

    Raises:
        ReleaseError: the file holds no such metadata.
    """
    try:
        metadata: Metadata[Root] = Metadata.from_bytes(path.read_bytes())
    except OSError as err:
        raise ReleaseError(f"{path}: cannot be read: {err.strerror}") from err
    except (RepositoryError, ValueError) as err:
        raise ReleaseError(f"{path}: is no metadata of releases: {err}") from err
    if metadata.signed.type not in {Root.type, Targets.type}:
        raise ReleaseError(f"{path}: is {metadata.signed.type}, which the controller signs itself")
    metadata.sign(signer, append=True)
    write(path, metadata)
    return len(metadata.signatures)


def _targets_to_change(folder: Folder) -> Targets:
    """Returns what waits already, else the next version of what is published."""
    if folder.waiting("targets").exists():
        return read(folder.waiting("targets"), Targets).signed
    version = folder.newest_version("targets")
    if version == 0:
        raise ReleaseError(f"{folder.root}: is not begun; `release init` first")
    signed = read(folder.published("targets", version), Targets).signed
    signed.version = version + 1
    return signed


def _add(folder: Folder, signed: Targets, path: Path) -> Release:
    release = read_release(path)
    target = TargetFile.from_file(release.path, str(path), ["sha256"])
    target.unrecognized_fields["custom"] = {"doorward": release.to_plain()}
    present = signed.targets.get(release.path)
    if present is not None and present.hashes != target.hashes:
        raise ReleaseError(
            f"{release.path}: another file has that version; a version is never reused"
        )
    signed.targets[release.path] = target
    _copy(path, folder.targets / hashed_path(target))
    return release


def hashed_path(target: TargetFile) -> str:
    """Returns where a target's file lies: its hash goes before its name."""
    folder, _, name = target.path.rpartition("/")
    return f"{folder}/{target.hashes['sha256']}.{name}"


def read_release(path: Path) -> Release:
    """Returns what a release's file says of itself. Raises ReleaseError."""
    try:
        if path.stat().st_size > MAX_RELEASE_BYTES:
            raise ReleaseError(f"{path}: is longer than {MAX_RELEASE_BYTES} bytes")
        with tarfile.open(path) as archive:
            entry = archive.extractfile(MANIFEST)
            text = entry.read(_MAX_MANIFEST_BYTES) if entry else b""
        release = Release.from_plain(json.loads(text))
    except (OSError, tarfile.TarError, KeyError, ValueError) as err:
        raise ReleaseError(f"{path}: is no release: {err}") from err
    if path.name != Path(release.path).name:
        raise ReleaseError(f"{path}: says that it is {Path(release.path).name}")
    return release


def release_of(target: TargetFile) -> Release | None:
    """Returns the release that a target is, None for what this version does not know."""
    custom = target.unrecognized_fields.get("custom")
    try:
        return Release.from_plain(custom["doorward"]) if isinstance(custom, dict) else None
    except (MalformedError, KeyError):
        return None


def _copy(source: Path, to: Path) -> None:
    if to.exists() and _sha256(to) == _sha256(source):
        return
    partial = to.with_name(f".{to.name}.part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, partial)
        with partial.open("rb+") as file:
            file.flush()
            os.fsync(file.fileno())
        partial.replace(to)
        sync_folder(to.parent)
    except OSError as err:
        partial.unlink(missing_ok=True)
        raise ReleaseError(f"{to}: cannot be written: {err.strerror}") from err


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name_keys(root: Root, who: Signatories) -> None:
    for role, keys, threshold in (
        ("root", who.root, who.root_threshold),
        ("targets", who.targets, who.targets_threshold),
        ("snapshot", [who.online], 1),
        ("timestamp", [who.online], 1),
    ):
        for key in keys:
            root.add_key(key, role)
        root.roles[role].threshold = threshold


def _day(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(microsecond=0)
