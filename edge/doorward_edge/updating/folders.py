"""The folders of releases and the links to them: made whole, moved at once (docs/updates.md).

releases/VERSION/      a release;  releases/VERSION.part/   one that is being made
current -> releases/VERSION        what the gateway's unit runs
confirmed -> releases/VERSION      what the updater's unit runs
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from doorward_edge.updating.exchange import sync_folder

CURRENT, CONFIRMED = "current", "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Where the gateway's releases lie. Every method raises OSError."""

    root: Path

    @property
    def releases(self) -> Path:
        """The folder of the releases."""
        return self.root / "releases"

    def release(self, version: str) -> Path:
        """Returns where a release lies, or will."""
        return self.releases / version

    def unfinished(self, version: str) -> Path:
        """Returns where a release is being made."""
        return self.releases / f"{version}.part"

    def has(self, version: str) -> bool:
        """Whether a release is there, whole."""
        return self.release(version).is_dir()

    def version_at(self, link: str) -> str:
        """Returns which release a link leads to, empty for none."""
        try:
            return (self.root / link).readlink().name
        except OSError:
            return ""

    def begin(self, version: str) -> Path:
        """Returns an empty folder in which a release can be made."""
        unfinished = self.unfinished(version)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        return unfinished

    def finish(self, version: str) -> None:
        """Makes a release that was made in the unfinished folder one that is there.

        Everything of it is on the disk before its name is: a name must not outlast its content.
        """
        os.sync()
        shutil.rmtree(self.release(version), ignore_errors=True)
        self.unfinished(version).rename(self.release(version))
        sync_folder(self.releases)

    def lead(self, link: str, version: str) -> None:
        """Has a link lead to a release, from one moment to the next."""
        if self.version_at(link) == version:
            return
        beside = self.root / f".{link}.next"
        beside.unlink(missing_ok=True)
        beside.symlink_to(Path("releases") / version)
        beside.rename(self.root / link)
        sync_folder(self.root)

    def keep_only(self, versions: frozenset[str]) -> None:
        """Removes every other release, and what was left unfinished."""
        kept = {*versions, self.version_at(CURRENT), self.version_at(CONFIRMED)}
        for path in self.releases.iterdir():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)
