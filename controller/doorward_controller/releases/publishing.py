"""Publishing: what enough people signed is served, and each day the controller says what is newest.

1. A root is published when enough keys of the root before it, and of its own, signed it.
2. Targets are published when enough keys that the newest root names signed them.
3. Then the controller's own key signs a snapshot of it, and that this snapshot is the newest one.
   What says so is written last: whoever fetches meanwhile sees all of the old or all of the new.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp

from doorward.software import Release
from doorward_controller.releases.errors import ReleaseError
from doorward_controller.releases.folder import Folder, read, write
from doorward_controller.releases.staging import release_of

SNAPSHOT_LIFE = timedelta(days=14)
TIMESTAMP_LIFE = timedelta(days=1)
RENEW_AFTER = timedelta(hours=6)
"""The daily word is said anew so often; a controller may be away for most of a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that waits for signatures: of so many, so many are there."""

    role: str
    version: int
    signed: int
    needed: int

    @property
    def text(self) -> str:
        """What is missing, in words."""
        return f"{self.role} version {self.version}: {self.signed} of {self.needed} signatures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One release that gateways may fetch."""

    release: Release
    sha256: str
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the repository stands.

    Attributes:
        expires: by role, when what is served ends.
    """

    releases: tuple[Published, ...]
    waiting: tuple[Waiting, ...]
    expires: dict[str, datetime]


def publish(folder: Folder, signer: CryptoSigner, now: datetime) -> tuple[Waiting, ...]:
    """Publishes whatever has enough signatures; returns what still waits.

    Raises:
        ReleaseError: what waits does not fit what is published, or cannot be written.
    """
    for role, move in (("root", _publish_root), ("targets", _publish_targets)):
        if folder.waiting(role).exists() and move(folder):
            folder.waiting(role).unlink()
    if folder.is_begun() and folder.newest_version("targets"):
        refresh(folder, signer, now, due=timedelta(0))
    return waiting(folder)


def refresh(
    folder: Folder, signer: CryptoSigner, now: datetime, due: timedelta = RENEW_AFTER
) -> bool:
    """Says anew what is newest, where that was said longer ago than `due` or has changed.

    Returns:
        Whether it said so.

    Raises:
        ReleaseError: the folder cannot be read or written, or our key is not the one of the root.
    """
    snapshot_version = folder.newest_version("snapshot")
    targets_version = folder.newest_version("targets")
    has_news = _needs_snapshot(folder, snapshot_version, targets_version, now)
    if has_news:
        snapshot_version += 1
        made = Metadata(
            Snapshot(
                version=snapshot_version,
                expires=_whole(now + SNAPSHOT_LIFE),
                meta={"targets.json": MetaFile(version=targets_version)},
            )
        )
        _sign_ours(folder, made, signer)
        write(folder.published("snapshot", snapshot_version), made)
    before = read(folder.timestamp(), Timestamp).signed if folder.timestamp().exists() else None
    is_fresh = before is not None and before.expires - TIMESTAMP_LIFE + due > now
    if is_fresh and not has_news:
        return False
    newest = Metadata(
        Timestamp(
            version=before.version + 1 if before else 1,
            expires=_whole(now + TIMESTAMP_LIFE),
            snapshot_meta=MetaFile(version=snapshot_version),
        )
    )
    _sign_ours(folder, newest, signer)
    write(folder.timestamp(), newest)
    return True


def waiting(folder: Folder) -> tuple[Waiting, ...]:
    """Returns what waits for signatures, with how many of them count. Raises ReleaseError."""
    found = []
    if folder.waiting("root").exists():
        metadata = read(folder.waiting("root"), Root)
        judges = [metadata.signed, *_root_before(folder)]
        found.append(_waiting("root", judges, metadata))
    if folder.waiting("targets").exists():
        targets = read(folder.waiting("targets"), Targets)
        found.append(_waiting("targets", [_judge_of_targets(folder)], targets))
    return tuple(found)


def standing(folder: Folder) -> Standing:
    """Returns what is served and what waits. Raises ReleaseError."""
    if not folder.is_begun():
        return Standing(releases=(), waiting=waiting(folder), expires={})
    expires = {"root": _newest_root(folder).expires}
    if version := folder.newest_version("targets"):
        expires["targets"] = read(folder.published("targets", version), Targets).signed.expires
    if folder.timestamp().exists():
        expires["timestamp"] = read(folder.timestamp(), Timestamp).signed.expires
    return Standing(releases=releases(folder), waiting=waiting(folder), expires=expires)


def releases(folder: Folder) -> tuple[Published, ...]:
    """Returns the releases that gateways may fetch, newest first. Raises ReleaseError."""
    version = folder.newest_version("targets")
    if version == 0:
        return ()
    targets = read(folder.published("targets", version), Targets).signed
    found = [
        Published(release=release, sha256=target.hashes["sha256"], length=target.length)
        for target in targets.targets.values()
        if (release := release_of(target)) is not None
    ]
    found.sort(key=lambda each: (each.release.part, each.release.platform))
    found.sort(key=lambda each: each.release.version, reverse=True)
    return tuple(found)


def _publish_root(folder: Folder) -> bool:
    metadata = read(folder.waiting("root"), Root)
    version, newest = metadata.signed.version, folder.newest_version("root")
    if version != newest + 1:
        raise ReleaseError(
            f"root version {version} waits, and {newest} is published; stage it anew"
        )
    if not _is_signed([metadata.signed, *_root_before(folder)], "root", metadata):
        return False
    write(folder.published("root", version), metadata)
    return True


def _publish_targets(folder: Folder) -> bool:
    metadata = read(folder.waiting("targets"), Targets)
    version, newest = metadata.signed.version, folder.newest_version("targets")
    if version != newest + 1:
        raise ReleaseError(
            f"targets version {version} waits, and {newest} is published; stage them anew"
        )
    if not folder.is_begun() or not _is_signed([_newest_root(folder)], "targets", metadata):
        return False
    write(folder.published("targets", version), metadata)
    return True


def _needs_snapshot(folder: Folder, version: int, targets_version: int, now: datetime) -> bool:
    if version == 0:
        return True
    snapshot = read(folder.published("snapshot", version), Snapshot).signed
    is_old = snapshot.expires - SNAPSHOT_LIFE / 2 <= now
    return is_old or snapshot.meta["targets.json"].version != targets_version


def _sign_ours(
    folder: Folder, metadata: Metadata[Snapshot] | Metadata[Timestamp], signer: CryptoSigner
) -> None:
    metadata.sign(signer)
    root = _newest_root(folder)
    if not _is_signed([root], metadata.signed.type, metadata):
        raise ReleaseError(
            f"root version {root.version} does not name this controller's key; stage a new root:"
            " `release renew root`"
        )


def _is_signed(
    judges: Sequence[Root],
    role: str,
    metadata: Metadata[Root] | Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp],
) -> bool:
    try:
        for judge in judges:
            judge.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except UnsignedMetadataError:
        return False
    return True


def _waiting(
    role: str, judges: Sequence[Root], metadata: Metadata[Root] | Metadata[Targets]
) -> Waiting:
    """Counts where most is missing: a new root is judged by the old one, too."""
    results = [
        judge.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
        for judge in judges
    ]
    least = max(results, key=lambda result: result.threshold - len(result.signed))
    return Waiting(
        role=role,
        version=metadata.signed.version,
        signed=len(least.signed),
        needed=least.threshold,
    )


def _root_before(folder: Folder) -> tuple[Root, ...]:
    return (_newest_root(folder),) if folder.is_begun() else ()


def _newest_root(folder: Folder) -> Root:
    version = folder.newest_version("root")
    if version == 0:
        raise ReleaseError(f"{folder.root}: no root is published; sign it first")
    return read(folder.published("root", version), Root).signed


def _judge_of_targets(folder: Folder) -> Root:
    if folder.is_begun():
        return _newest_root(folder)
    return read(folder.waiting("root"), Root).signed


def _whole(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(microsecond=0)
