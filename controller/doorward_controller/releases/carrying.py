"""Carrying the repository on a stick to where there is no network, and taking it in there."""

import shutil
from pathlib import Path

from doorward_controller.releases.errors import ReleaseError
from doorward_controller.releases.folder import Folder


def carry(folder: Folder, to: Path) -> int:
    """Copies what is served, and nothing else; returns how many files were new.

    What says which snapshot is newest is copied last. Raises ReleaseError.
    """
    paths = sorted(path for place in (folder.targets, folder.metadata) for path in place.rglob("*"))
    served = [path for path in paths if path.is_file() and not path.name.startswith(".")]
    served.sort(key=lambda path: path == folder.timestamp())
    copied = 0
    try:
        for path in served:
            there = to / path.relative_to(folder.root)
            has_it = there.exists() and there.stat().st_size == path.stat().st_size
            if has_it and path != folder.timestamp():
                continue
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)
            copied += 1
    except OSError as err:
        raise ReleaseError(f"{to}: cannot be written: {err.strerror}") from err
    return copied
