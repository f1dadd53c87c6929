"""The identity's folder: whole generations, one of which counts by a link that turns at once.

    kek.json             the key under which secrets are sealed, guarded
    pending/             a request on its way; goes on after a power cut
    generations/0001/    tls.key tls.pem ca.pem record.key keyring.dwe seal.pub identity.toml
    current -> generations/0001

A power cut at any step leaves the generation that counted before, or the new one, never half.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from doorward_edge.config.identity import CURRENT, IDENTITY_FILE
from doorward_edge.keeping.sealed import flush_folder, write_private

GENERATIONS = "generations"
PENDING = "pending"
KEPT = 3


class BusyError(Exception):
    """Another process changes the identity right now."""


class IdentityFolder:
    """One gateway's identity on its disk."""

    def __init__(self, root: Path) -> None:
        """Touches nothing."""
        self.root = root

    @property
    def current(self) -> Path:
        """The generation that counts; need not be there."""
        return self.root / CURRENT

    @property
    def has_identity(self) -> bool:
        """Whether this gateway is enrolled."""
        return (self.current / IDENTITY_FILE).exists()

    @property
    def pending(self) -> Path:
        """Where a request waits that is not decided."""
        return self.root / PENDING

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps other processes off. Raises BusyError or OSError."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as err:
                raise BusyError(f"{self.root}: another process enrols or renews") from err
            yield

    def add(self, files: Mapping[str, bytes]) -> Path:
        """Writes a new generation, which does not count yet. Raises OSError."""
        generations = self.root / GENERATIONS
        generations.mkdir(mode=0o700, exist_ok=True)
        fresh = generations / ".new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        for name, content in files.items():
            write_private(fresh / name, content)
        numbers = [int(each.name) for each in generations.iterdir() if each.name.isdigit()]
        made = generations / f"{max(numbers, default=0) + 1:04d}"
        fresh.rename(made)
        flush_folder(generations)
        flush_folder(self.root)
        return made

    def switch(self, generation: Path) -> None:
        """Has a generation count from now on. Raises OSError."""
        link = self.root / ".current.new"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(GENERATIONS) / generation.name)
        link.replace(self.current)
        flush_folder(self.root)

    def drop(self, generation: Path) -> None:
        """Forgets a generation that never counted."""
        shutil.rmtree(generation, ignore_errors=True)

    def prune(self) -> None:
        """Forgets generations that are long replaced; the last ones stay to be looked at."""
        counts = os.path.realpath(self.current)
        old = sorted((self.root / GENERATIONS).glob("[0-9]*"))[:-KEPT]
        for each in old:
            if os.path.realpath(each) != counts:
                shutil.rmtree(each, ignore_errors=True)

    def give_to_owner(self) -> None:
        """Has the folder belong to whom its parent does: root enrols, the gateway's account reads.

        Raises:
            OSError: it cannot be given away.
        """
        if os.geteuid() != 0:
            return
        owner = self.root.absolute().parent.stat()
        for path in (self.root, *self.root.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def set_pending(self, files: Mapping[str, bytes]) -> None:
        """Keeps a request until it is decided. Raises OSError."""
        self.clear_pending()
        fresh = self.root / f".{PENDING}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        for name, content in files.items():
            write_private(fresh / name, content)
        fresh.rename(self.pending)
        flush_folder(self.root)

    def clear_pending(self) -> None:
        """Forgets the request."""
        shutil.rmtree(self.pending, ignore_errors=True)
