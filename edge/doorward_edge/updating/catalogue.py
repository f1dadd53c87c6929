"""What is signed: the releases that the repository's signers stand for, and a release's file.

Trust is python-tuf's: from the root that was put here when the gateway was set up to the file,
every version, date, length and signature is checked, and nothing ever goes back.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    SlowRetrievalError,
    UnsignedMetadataError,
)
from tuf.api.metadata import TargetFile
from tuf.ngclient import Updater
from tuf.ngclient.config import UpdaterConfig

from doorward.errors import DoorwardError, MalformedError
from doorward.software import MAX_RELEASE_BYTES, Part, Release, Version, target_path
from doorward_edge.updating.exchange import sync_folder
from doorward_edge.updating.fetching import RepositoryFetcher, fetch_to

LIMITS = UpdaterConfig(
    max_root_rotations=64,
    max_delegations=4,
    root_max_length=256 * 1024,
    timestamp_max_length=16 * 1024,
    snapshot_max_length=256 * 1024,
    targets_max_length=4 * 2**20,
)


class CatalogueError(DoorwardError):
    """Nothing was taken from the repository; the message says why, for people."""


class DistrustError(CatalogueError):
    """What is served is not what was signed; trying again is no use before it changes."""


class UnreachableError(CatalogueError):
    """The repository could not be asked now; trying again may help."""


class UnknownReleaseError(CatalogueError):
    """There is no such release for this platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A release that the signers stand for."""

    release: Release
    target: TargetFile

    @property
    def sha256(self) -> str:
        """The hash of its file."""
        return str(self.target.hashes["sha256"])


class Catalogue:
    """The repository as it is now, seen through what was seen of it before."""

    def __init__(
        self, *, url: str, root: Path, state_dir: Path, fetcher: RepositoryFetcher, platform: str
    ) -> None:
        """Takes where it is served.

        Args:
            url: of the folder that holds `metadata` and `targets`.
            root: the root of trust that was put here when the gateway was set up.
            state_dir: keeps metadata and downloads.
            fetcher: brings bytes.
            platform: of this machine.
        """
        self._url = url.rstrip("/")
        self._root = root
        self._metadata = state_dir / "metadata"
        self._downloads = state_dir / "downloads"
        self._fetcher = fetcher
        self._platform = platform
        self._seen: Updater | None = None

    def refresh(self) -> None:
        """Asks what is newest. Raises CatalogueError."""
        _explained(self._refreshed)

    def find(self, version: Version) -> Found:
        """Returns a release of the gateway. Raises CatalogueError."""
        path = target_path(Part.GATEWAY, version, self._platform)
        target = _explained(lambda: self._refreshed().get_targetinfo(path))
        if target is None:
            raise UnknownReleaseError(
                f"there is no release {version} for {self._platform} that the signers stand for"
            )
        release = _release_of(target)
        named = (release.part, release.version, release.platform)
        if named != (Part.GATEWAY, version, self._platform) or "sha256" not in target.hashes:
            raise DistrustError(f"{path}: is signed as something else")
        if target.length > MAX_RELEASE_BYTES:
            raise DistrustError(f"{path}: {target.length} bytes, at most {MAX_RELEASE_BYTES}")
        return Found(release=release, target=target)

    def fetch(self, found: Found) -> Path:
        """Brings a release's file here, whole and as it was signed; returns where it lies.

        Raises:
            CatalogueError: it could not be brought here, or is another one.
            OSError: the disk does not take it.
        """
        self._downloads.mkdir(parents=True, exist_ok=True)
        whole = self._downloads / f"{found.sha256}.tar"
        if whole.exists() and _is_as_signed(found.target, whole):
            return whole
        part = self._downloads / f"{found.sha256}.part"
        folder, _, name = found.target.path.rpartition("/")
        url = f"{self._url}/targets/{folder}/{found.sha256}.{name}"
        _explained(lambda: fetch_to(self._fetcher, url, part, found.target.length))
        if not _is_as_signed(found.target, part):
            part.unlink()
            raise DistrustError(f"{name}: is not the file that was signed; it was thrown away")
        part.rename(whole)
        sync_folder(self._downloads)
        return whole

    def forget_downloads(self) -> None:
        """Throws away what was brought here. Raises OSError."""
        for path in self._downloads.glob("*"):
            path.unlink()

    def room_needed(self, found: Found) -> int:
        """Returns how many bytes are still to be brought here."""
        part = self._downloads / f"{found.sha256}.part"
        return int(found.target.length) - (part.stat().st_size if part.exists() else 0)

    def _refreshed(self) -> Updater:
        if self._seen is None:
            self._metadata.mkdir(parents=True, exist_ok=True)
            updater = Updater(
                str(self._metadata),
                f"{self._url}/metadata/",
                fetcher=self._fetcher,
                config=LIMITS,
                bootstrap=self._root.read_bytes(),
            )
            try:
                updater.refresh()
            finally:
                _flush(self._metadata)
            self._seen = updater
        return self._seen


def _flush(folder: Path) -> None:
    """What was seen must outlast a power cut: by it an older repository is known as older."""
    for path in folder.rglob("*.json"):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    for each in (folder, *(path for path in folder.iterdir() if path.is_dir())):
        sync_folder(each)


def _is_as_signed(target: TargetFile, path: Path) -> bool:
    try:
        with path.open("rb") as file:
            target.verify_length_and_hashes(file)
    except LengthOrHashMismatchError:
        return False
    return True


def _release_of(target: TargetFile) -> Release:
    custom = target.unrecognized_fields.get("custom")
    try:
        return Release.from_plain(custom["doorward"] if isinstance(custom, dict) else None)
    except (MalformedError, KeyError) as err:
        raise DistrustError(f"{target.path}: is signed without saying what it is") from err


_T = TypeVar("_T")
_MEANINGS: tuple[tuple[type[Exception], type[CatalogueError], str], ...] = (
    (ExpiredMetadataError, DistrustError, "the signers' word has run out, or an old one is served"),
    (BadVersionNumberError, DistrustError, "an older or mixed-up state of the releases is served"),
    (UnsignedMetadataError, DistrustError, "too few of the keys that are trusted signed it"),
    (LengthOrHashMismatchError, DistrustError, "it is not what was signed"),
    (DownloadLengthMismatchError, DistrustError, "more is sent than may be"),
    (SlowRetrievalError, UnreachableError, "it is sent too slowly"),
    (DownloadHTTPError, UnreachableError, "it is not served"),
    (DownloadError, UnreachableError, "the releases cannot be reached"),
    (RepositoryError, DistrustError, "what is served is no repository of releases"),
)
"""The library's refusals, the most particular first, and what they mean for an operator."""


def _explained(ask: Callable[[], _T]) -> _T:
    try:
        return ask()
    except (RepositoryError, DownloadError) as err:
        for kind, ours, meaning in _MEANINGS:
            if isinstance(err, kind):
                raise ours(f"{meaning}: {err}") from err
        raise DistrustError(str(err)) from err
